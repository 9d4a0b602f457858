"""A suite in training: its page, a stream of what has changed, and the buttons that stop it and go on with it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from scalewise.errors import ScalewiseError
from scalewise.report.figures.training_curves import training_curves
from scalewise.web import training
from scalewise.web.live import Watched
from scalewise.web.render import html
from scalewise.web.shelf import Table

EVERY_SECONDS = 1.0
SILENCE_SECONDS = 15.0
"""A stream that says nothing for so long sends a comment, so that both ends know it is alive."""
MOST_STREAMS = 200


@dataclass
class _Broadcast:
    """One reader of a store, however many watch it; each is woken when there is something new."""

    watched: Watched
    text: str = ""
    number: int = 0
    listeners: int = 0
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    task: "asyncio.Task[None] | None" = None

    async def follow(self) -> None:
        while True:
            try:
                text = json.dumps(await run_in_threadpool(self.watched.snapshot))
            except (ScalewiseError, OSError, KeyError, ValueError) as error:
                text = json.dumps({"wrong": f"the store cannot be read just now ({error})"})
            if text != self.text:
                async with self.news:
                    self.text, self.number = text, self.number + 1
                    self.news.notify_all()
            await asyncio.sleep(EVERY_SECONDS)


class Suites:
    """Every store that somebody watches."""

    def __init__(self) -> None:
        self._followed: dict[Path, _Broadcast] = {}

    async def close(self) -> None:
        for followed in self._followed.values():
            if followed.task is not None:
                followed.task.cancel()

    async def stream(self, path: Path) -> AsyncIterator[str]:
        """Server-sent events: the whole state at first and whenever it has changed."""
        followed = self._followed.setdefault(path, _Broadcast(Watched(path)))
        if sum(one.listeners for one in self._followed.values()) >= MOST_STREAMS:
            raise ScalewiseError("too many pages watch already; close one.")
        followed.listeners += 1
        if followed.task is None:
            followed.task = asyncio.create_task(followed.follow())
        seen = 0
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SILENCE_SECONDS), followed.news:
                        while followed.number == seen:
                            await followed.news.wait()
                yield f"data: {followed.text}\n\n" if followed.number > seen else ": still here\n\n"
                seen = followed.number
        finally:
            followed.listeners -= 1
            if not followed.listeners and followed.task is not None:
                followed.task.cancel()
                self._followed.pop(path, None)


async def suite(request: Request) -> Response:
    table = await _store(request)
    spec = json.dumps(training_curves()).replace("<", "\\u003c")
    return html("suite.html", table=table, spec=spec)


async def events(request: Request) -> Response:
    table = await _store(request)
    stream = request.app.state.suites.stream(table.path)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"cache-control": "no-store"})


async def change(request: Request) -> Response:
    """Stop a suite, or go on with it."""
    table = await _store(request)
    changes = {"stop": training.stop, "resume": training.resume}
    name = request.path_params["change"]
    if name not in changes:
        raise HTTPException(404)
    await run_in_threadpool(changes[name], table.path)
    return Response(status_code=204)


async def _store(request: Request) -> Table:
    table: Table = await run_in_threadpool(request.app.state.shelf.table, request.path_params["table"])
    if not table.is_store:
        raise HTTPException(404)
    return table
