"""Answers questions for clients: the same question is asked once however many want it, and nobody's haste costs others.

A client that goes away no longer counts; work that nobody waits for is ended after a moment of grace, in which a
client that merely changed an option finds its worker warm.
"""

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from scalewise.version import VERSION
from scalewise.web.shelf import Shelf, Table
from scalewise.web.workers import Refused, Workers

REMEMBERED_ANSWERS = 64
READ_SECONDS = 120.0
GRACE_SECONDS = 3.0
Reading = dict[str, Any]
HasGone = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Shown:
    """An answer's key on the shelf, and the part of a page that shows it."""

    key: str
    html: str


class _Shared:
    """A piece of work in progress, and how many wait for it."""

    def __init__(self, work: Awaitable[Any]) -> None:
        self.task: asyncio.Future[Any] = asyncio.ensure_future(work)
        self.waiting = 0


class Desk:
    """Two kinds of workers, so that a long fit never keeps anybody from looking at a table."""

    def __init__(self, shelf: Shelf, fitters: int) -> None:
        self.shelf = shelf
        self.fitters, self.readers = Workers(fitters), Workers(1)
        self._shown: OrderedDict[str, Shown] = OrderedDict()
        self._at_work: dict[str, _Shared] = {}
        self._script: asyncio.Task[Any] | None = None
        self._ready: asyncio.Task[Any] | None = None

    def open(self) -> None:
        self.fitters.start()
        self.readers.start()
        self._script = asyncio.create_task(self.readers.run({"do": "figure_script"}))
        self._ready = asyncio.create_task(self.readers.run({"do": "ready_to_draw"}))

    async def close(self) -> None:
        tasks: list[asyncio.Future[Any]] = [shared.task for shared in self._at_work.values()]
        tasks += [task for task in (self._script, self._ready) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.fitters.stop()
        await self.readers.stop()

    async def figure_script(self) -> str:
        assert self._script is not None
        script: str = await asyncio.shield(self._script)
        return script

    async def look(self, table: Table, reading: Reading) -> dict[str, Any]:
        """What a table holds, read as asked. Raises Refused."""
        job = {"do": "look", "table": table.job(), "reading": reading}
        seen: dict[str, Any] = await self.readers.run(job, table.key, READ_SECONDS)
        return seen

    async def declared(self, study: Table) -> str:
        """The text of a study. Raises Refused for what is none."""
        text: str = await self.readers.run({"do": "declared", "table": study.job()}, seconds=READ_SECONDS)
        return text

    async def plan(self, study: Table, has_gone: HasGone) -> dict[str, Any] | None:
        """What a study costs here, or None when the client has gone. Raises Refused."""
        job = {"do": "plan", "table": study.job()}
        planned: dict[str, Any] | None = await self._together(f"plan {study.key}", self.fitters.run(job), has_gone)
        return planned

    async def draw(self, job: dict[str, Any]) -> Any:
        """What a kept answer looks like in another form."""
        return await self.readers.run(job, seconds=READ_SECONDS)

    def remembered(self, key: str) -> Shown | None:
        return self._shown.get(key)

    async def shown(self, key: str) -> Shown:
        """A kept answer as part of a page."""
        if key not in self._shown:
            text = self.shelf.kept(key).text
            html = await self.draw({"do": "fragment", "answer": text, "key": f"a{key}"})
            self._remember(Shown(key, html))
        return self._shown[key]

    def key_of(self, table: Table, reading: Reading, question: str, options: dict[str, Any]) -> str:
        """The same question of the same table, asked alike, has the same key; the table's content is part of it."""
        asked = [VERSION, table.job(), reading, question, options]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]

    async def ask(
        self,
        table: Table,
        reading: Reading,
        question: str,
        options: dict[str, Any],
        address: str,
        has_gone: HasGone,
    ) -> Shown | None:
        """The answer, or None when the client has gone. Raises Refused, or what the question says is wrong."""
        key = self.key_of(table, reading, question, options)
        if key in self._shown:
            self._shown.move_to_end(key)
            return self._shown[key]
        work = self._answer(key, table, reading, question, options, address)
        answer: Shown | None = await self._together(key, work, has_gone)
        return answer

    async def _together(self, key: str, work: Coroutine[Any, Any, Any], has_gone: HasGone) -> Any:
        """What the work gives; work of the same key that is in progress is waited for instead."""
        if key in self._at_work:
            work.close()
        else:
            self._at_work[key] = _Shared(work)
            self._at_work[key].task.add_done_callback(lambda task: self._finished(key, task))
        shared = self._at_work[key]
        shared.waiting += 1
        try:
            while not shared.task.done():
                await asyncio.wait([shared.task], timeout=0.5)
                if not shared.task.done() and await has_gone():
                    return None
            if shared.task.cancelled():
                raise Refused("this was cancelled.")
            return shared.task.result()
        finally:
            shared.waiting -= 1
            if not shared.waiting and not shared.task.done():
                asyncio.get_running_loop().call_later(GRACE_SECONDS, self._end_unwanted, shared)

    def _finished(self, key: str, task: "asyncio.Future[Any]") -> None:
        del self._at_work[key]
        if not task.cancelled():
            task.exception()  # nobody may be left to hear it

    def _end_unwanted(self, shared: _Shared) -> None:
        if not shared.waiting:
            shared.task.cancel()

    async def _answer(
        self, key: str, table: Table, reading: Reading, question: str, options: dict[str, Any], address: str
    ) -> Shown:
        job = {"do": "answer", "table": table.job(), "reading": reading, "question": question, "options": options}
        found = await self.fitters.run({**job, "key": f"a{key}"}, table.key)
        self.shelf.keep(key, table.name, address, found["answer"])
        shown = Shown(key, found["html"])
        self._remember(shown)
        return shown

    def _remember(self, shown: Shown) -> None:
        self._shown[shown.key] = shown
        while len(self._shown) > REMEMBERED_ANSWERS:
            self._shown.popitem(last=False)
