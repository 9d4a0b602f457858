"""A study that was dropped: what it declares, and what it will cost on this machine. Nothing is trained from here."""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from scalewise.errors import ScalewiseError
from scalewise.web.render import html
from scalewise.web.shelf import Shelf, Table


async def study(request: Request, table: Table) -> Response:
    """The study as it stands in its file, and a place for its plan."""
    text, refused = "", ""
    try:
        text = await request.app.state.desk.declared(table)
    except ScalewiseError as error:
        refused = str(error)
    return html("study.html", table=table, text=text, refused=refused)


async def plan(request: Request) -> Response:
    """The plan, as the part of a page that shows it."""
    shelf: Shelf = request.app.state.shelf
    table = await run_in_threadpool(shelf.table, request.path_params["table"])
    if not table.is_study:
        raise HTTPException(404)
    planned = await request.app.state.desk.plan(table, request.is_disconnected)
    if planned is None:
        return Response(status_code=499)
    return html("plan.html", plan=planned)
