"""Processes that read, fit and draw, so that the server itself never waits; one that takes too long is ended."""

import asyncio
import contextlib
import json
import os
import sys
from typing import Any

from scalewise.errors import ScalewiseError

MOST_WAITING = 64
LENGTH_BYTES = 8
JOB_SECONDS = 1800.0
Job = dict[str, Any]
Result = Any


class Refused(ScalewiseError):
    """What a job says is wrong with what it was asked; one sentence."""


class Worker:
    """One process that does one job at a time: a line of JSON in, a length and JSON out."""

    def __init__(self) -> None:
        self.last = ""
        self._started = asyncio.create_task(self._start())

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "scalewise.web.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "POLARS_MAX_THREADS": "2"},
            start_new_session=True,  # Ctrl-C ends the server, which ends its workers
        )

    async def call(self, job: Job) -> Result:
        """The result of a job. Raises Refused for a sentence of the job's own, or when the process ended."""
        process = await self._started
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(job).encode() + b"\n")
            await process.stdin.drain()
            length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES), "big")
            reply = json.loads(await process.stdout.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            await self.end()
            raise Refused("the process that worked on this ended, perhaps for want of memory.") from None
        if "refused" in reply:
            raise Refused(reply["refused"])
        return reply["result"]

    @property
    def is_alive(self) -> bool:
        return not self._started.done() or (
            not self._started.cancelled()
            and self._started.exception() is None
            and self._started.result().returncode is None
        )

    async def end(self) -> None:
        process = await self._started
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class Workers:
    """A fixed number of workers. A job goes to the one that last did a job on the same table, where that is free."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = asyncio.Semaphore(count)
        self._idle: list[Worker] = []
        self._waiting = 0
        self._ending: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._idle = [Worker() for _ in range(self._count)]

    async def stop(self) -> None:
        """End every process; nothing may be running any more."""
        await asyncio.gather(*(worker.end() for worker in self._idle), *self._ending)
        self._idle.clear()

    async def run(self, job: Job, about: str = "", seconds: float = JOB_SECONDS) -> Result:
        """Do a job in a worker. Cancelling this ends the process that does it. Raises Refused."""
        if self._waiting >= MOST_WAITING:
            raise Refused("too much is waiting already; try again in a moment.")
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        worker = next((w for w in self._idle if w.last == about), self._idle[0])
        self._idle.remove(worker)
        done = False
        try:
            async with asyncio.timeout(seconds):
                result = await worker.call(job)
            done = True
            return result
        except TimeoutError:
            raise Refused(f"this took longer than {seconds / 60:.0f} minutes and was stopped.") from None
        except Refused:
            done = worker.is_alive
            raise
        finally:
            if not done:
                self._end(worker)
                worker = Worker()
            worker.last = about
            self._idle.append(worker)
            self._free.release()

    def _end(self, worker: Worker) -> None:
        task = asyncio.create_task(worker.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
