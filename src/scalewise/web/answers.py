"""Answers that were given before: shown again, shared as files, and two side by side."""

import base64

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from scalewise.report.paper import PAGE
from scalewise.web.desk import Desk
from scalewise.web.render import html
from scalewise.web.shelf import Kept

FIGURES = {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}


async def answer(request: Request) -> Response:
    kept = await _kept(request)
    desk: Desk = request.app.state.desk
    others = await run_in_threadpool(desk.shelf.history)
    return html("kept.html", kept=kept, shown=await desk.shown(kept.key), others=others)


async def compare(request: Request) -> Response:
    """Two answers side by side."""
    desk: Desk = request.app.state.desk
    keys = [request.query_params.get(side, "") for side in ("a", "b")]
    history = await run_in_threadpool(desk.shelf.history)
    kept = [await run_in_threadpool(desk.shelf.kept, key) for key in keys if key]
    shown = [await desk.shown(one.key) for one in kept]
    return html("compare.html", keys=keys, pairs=list(zip(kept, shown, strict=True)), history=history)


async def report(request: Request) -> Response:
    """The answer as one file that loads nothing."""
    kept = await _kept(request)
    text = await request.app.state.desk.draw({"do": "report", "answers": [kept.text]})
    return _file(text.encode(), f"{kept.question}.html", "text/html")


async def as_json(request: Request) -> Response:
    kept = await _kept(request)
    return _file(kept.text.encode(), f"{kept.question}.json", "application/json")


async def figure(request: Request) -> Response:
    """A figure for paper, `width` inches wide where the address says so."""
    kept = await _kept(request)
    number, kind = request.path_params["number"], request.path_params["kind"]
    if kind not in FIGURES:
        raise HTTPException(404)
    try:
        width = float(request.query_params.get("width", PAGE))
    except ValueError:
        raise HTTPException(404) from None
    job = {"do": "figure", "answer": kept.text, "number": number, "kind": kind, "width": width}
    drawn = base64.b64decode(await request.app.state.desk.draw(job))
    return _file(drawn, f"{kept.question}-{number + 1}.{kind}", FIGURES[kind])


async def table_csv(request: Request) -> Response:
    kept = await _kept(request)
    number = request.path_params["number"]
    text = await request.app.state.desk.draw({"do": "table_csv", "answer": kept.text, "number": number})
    return _file(text.encode(), f"{kept.question}-{number + 1}.csv", "text/csv")


async def _kept(request: Request) -> Kept:
    kept: Kept = await run_in_threadpool(request.app.state.shelf.kept, request.path_params["answer"])
    return kept


def _file(content: bytes, name: str, kind: str) -> Response:
    """To be saved, not shown: what stands in an answer is never run in the page's own name."""
    return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
