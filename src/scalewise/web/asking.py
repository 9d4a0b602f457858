"""From nothing to an answer: the start page, a table as it was read, and a question with its options."""

from typing import Any
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from scalewise.errors import ScalewiseError
from scalewise.questions import QUESTIONS, Question
from scalewise.runs.columns import COLUMNS
from scalewise.web.bodies import Fields, form_fields
from scalewise.web.desk import Desk, Reading
from scalewise.web.forms import fields_of, options_in
from scalewise.web.planning import study
from scalewise.web.render import html
from scalewise.web.shelf import Shelf

COLUMN = "c."
"""Begins the name of a field that says which of the table's columns one of ours is."""
USUAL = ("params", "tokens", "flops", "loss", "accuracy", "run", "seed", "group")
"""Columns whose meaning is most often corrected."""
USUAL_COUNTING = ("flops_by", "given")
COUNTING = {
    "given": "as the table has them",
    "full": "counted in full from the shape",
    "6nd": "6 x params x tokens",
}


async def start(request: Request) -> Response:
    shelf: Shelf = request.app.state.shelf
    tables = await run_in_threadpool(shelf.tables)
    history = await run_in_threadpool(shelf.history)
    return html("start.html", tables=tables.values(), history=history, lasting=shelf.lasting, questions=QUESTIONS)


async def table(request: Request) -> Response:
    """A table: what was taken as what, how to correct it, its first rows, and what can be asked.

    The form sends every field; the address keeps those that say something.
    """
    shelf, desk = request.app.state.shelf, request.app.state.desk
    shown = await run_in_threadpool(shelf.table, request.path_params["table"])
    if shown.is_study:
        return await study(request, shown)
    filled = request.query_params.multi_items()
    if idle := [(name, value) for name, value in filled if not value.strip() or (name, value) == USUAL_COUNTING]:
        return RedirectResponse(request.url.path + query_of([field for field in filled if field not in idle]), 303)
    reading, seen, refused = reading_in(filled), None, ""
    try:
        seen = await desk.look(shown, reading)
    except ScalewiseError as error:
        refused = str(error)
    return html(
        "table.html",
        table=shown,
        seen=seen,
        refused=refused,
        reading=reading,
        columns=_correctable(reading),
        counting=COUNTING,
        questions=QUESTIONS,
        query=query_of(filled),
    )


def _correctable(reading: Reading) -> list[dict[str, Any]]:
    """Our columns with their meanings; the usual ones, and those that are corrected already, come first."""
    return [
        {"name": c.name, "meaning": c.meaning, "value": reading["columns"].get(c.name, ""), "usual": c.name in USUAL}
        for c in sorted(COLUMNS, key=lambda c: USUAL.index(c.name) if c.name in USUAL else len(USUAL))
    ]


async def question(request: Request) -> Response:
    """A question's form, with its answer when that is known already."""
    shelf, desk = request.app.state.shelf, request.app.state.desk
    asked = _question(request)
    shown = await run_in_threadpool(shelf.table, request.path_params["table"])
    filled = request.query_params.multi_items()
    known = None
    try:
        key = desk.key_of(shown, reading_in(filled), asked.name, options_in(asked, filled))
        known = desk.remembered(key)
    except ScalewiseError:
        pass  # told when the form is sent
    return html(
        "ask.html",
        table=shown,
        asked=asked,
        fields=await run_in_threadpool(fields_of, asked, filled),
        reading_fields=_reading_fields(filled),
        known=known,
        questions=QUESTIONS,
        query=query_of(_reading_fields(filled)),
    )


async def ask(request: Request) -> Response:
    """The answer to a filled form, as the part of a page that shows it."""
    shelf: Shelf = request.app.state.shelf
    desk: Desk = request.app.state.desk
    asked = _question(request)
    shown = await run_in_threadpool(shelf.table, request.path_params["table"])
    filled = await form_fields(request)
    options = await run_in_threadpool(options_in, asked, filled)
    address = f"/tables/{shown.key}/ask/{asked.name}{query_of(filled)}"
    answer = await desk.ask(shown, reading_in(filled), asked.name, options, address, request.is_disconnected)
    if answer is None:
        return Response(status_code=499)
    return html("answered.html", shown=answer)


def reading_in(filled: Fields) -> Reading:
    """How a table is to be read, as a form or an address says."""
    fields = dict(filled)
    counting = fields.get("flops_by", "given")
    return {
        "columns": {
            name.removeprefix(COLUMN): theirs.strip()
            for name, theirs in filled
            if name.startswith(COLUMN) and theirs.strip()
        },
        "nan_means_diverged": fields.get("nan_means_diverged") == "on",
        "flops_by": counting if counting in COUNTING else "given",
        "from_name": fields.get("from_name", "").strip() or None,
        "where": fields.get("where", "").strip(),
    }


def _reading_fields(filled: Fields) -> Fields:
    names = ("nan_means_diverged", "flops_by", "from_name", "where")
    return [(name, value) for name, value in filled if value and (name in names or name.startswith(COLUMN))]


def query_of(filled: Fields) -> str:
    """The same as the end of an address; nothing for an empty form."""
    given = [(name, value) for name, value in filled if value.strip()]
    return f"?{urlencode(given)}" if given else ""


def _question(request: Request) -> Question:
    name = request.path_params["question"]
    if name not in QUESTIONS:
        raise HTTPException(404)
    return QUESTIONS[name]
