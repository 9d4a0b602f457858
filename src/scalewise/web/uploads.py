"""What is dropped on the page: a table, a log, a study, a folder of logs or a zip file of one. Read once, and kept only
when it could be read.
"""

import shutil
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from scalewise.errors import ScalewiseError
from scalewise.web.asking import reading_in
from scalewise.web.bodies import save_body
from scalewise.web.desk import Desk
from scalewise.web.folders import save_folder
from scalewise.web.shelf import Shelf

CAN_BE_NAMED = ("column", "--from-name")
"""Words of a refusal that the table's own page helps with."""


async def upload(request: Request) -> Response:
    """Takes one file."""
    shelf: Shelf = request.app.state.shelf
    name = request.query_params.get("name", "")
    place = await run_in_threadpool(shelf.place_for, name)
    await save_body(request, place)
    if place.suffix.lower() != ".zip":
        return await _kept(request, place)
    folder = await run_in_threadpool(shelf.place_for, place.stem)
    try:
        hidden = _hidden(folder)
        await request.app.state.desk.draw({"do": "unpack", "archive": str(place), "folder": str(hidden)})
        hidden.rename(folder)
    finally:
        place.unlink(missing_ok=True)
    return await _kept(request, folder)


async def upload_folder(request: Request) -> Response:
    """Takes the files of a folder, in one body."""
    shelf: Shelf = request.app.state.shelf
    folder = await run_in_threadpool(shelf.place_for, request.query_params.get("name", ""))
    hidden = _hidden(folder)
    await save_folder(request, hidden)
    hidden.rename(folder)
    return await _kept(request, folder)


def _hidden(folder: Path) -> Path:
    """Where a folder is while it is not whole."""
    return folder.with_name(f".{folder.name}")


async def _kept(request: Request, path: Path) -> Response:
    """The address of what was taken; nothing stays of what cannot be read."""
    desk: Desk = request.app.state.desk
    try:
        table = request.app.state.shelf.uploaded(path)
        await (desk.declared(table) if table.is_study else desk.look(table, reading_in([])))
    except BaseException as error:
        if isinstance(error, ScalewiseError) and any(word in str(error) for word in CAN_BE_NAMED):
            return JSONResponse({"to": f"/tables/{table.key}"})
        if path.is_dir():
            await run_in_threadpool(shutil.rmtree, path, True)
        path.unlink(missing_ok=True)
        raise
    return JSONResponse({"to": f"/tables/{table.key}"})
