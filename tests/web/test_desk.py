"""Work is shared, bounded and ended; a worker that dies costs one answer and no more."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the web extra: pip install 'scalewise[web]'")

from scalewise.web.desk import Desk
from scalewise.web.shelf import Shelf
from scalewise.web.workers import Refused, Worker, Workers

READING: dict[str, Any] = {
    "columns": {},
    "nan_means_diverged": False,
    "flops_by": "given",
    "from_name": None,
    "where": "",
}
SMOL = {"do": "look", "table": {"folder": "/", "source": "smol", "stamp": ""}, "reading": READING}


def test_a_job_that_takes_too_long_is_ended_and_the_next_one_is_done() -> None:
    async def story() -> None:
        workers = Workers(1)
        workers.start()
        with pytest.raises(Refused, match="was stopped"):
            await workers.run(SMOL, seconds=0.01)
        assert (await workers.run(SMOL))["columns"]
        await workers.stop()

    asyncio.run(story())


def test_a_worker_that_dies_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    at_work: list[Worker] = []
    call = Worker.call

    async def noted(worker: Worker, job: dict[str, Any]) -> Any:
        at_work.append(worker)
        return await call(worker, job)

    async def story() -> None:
        workers = Workers(1)
        workers.start()
        job = asyncio.create_task(workers.run(SMOL))
        while not at_work:
            await asyncio.sleep(0.01)
        await at_work[0].end()
        with pytest.raises(Refused, match="ended"):
            await job
        assert (await workers.run(SMOL))["columns"]
        assert at_work[0] is not at_work[1]
        await workers.stop()

    monkeypatch.setattr(Worker, "call", noted)
    asyncio.run(story())


def test_the_same_question_is_asked_once_and_ended_when_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three clients ask alike; a fourth asks something long and goes away, which frees the only worker."""
    monkeypatch.setattr("scalewise.web.desk.GRACE_SECONDS", 0.0)

    async def stays() -> bool:
        return False

    async def gone() -> bool:
        return True

    async def story() -> None:
        desk = Desk(Shelf(tmp_path, None, lasting=False), 1)
        desk.open()
        smol = desk.shelf.table("smol")
        asked: list[str] = []
        run = desk.fitters.run

        async def counted(job: dict[str, Any], *more: Any) -> Any:
            asked.append(job["question"])
            return await run(job, *more)

        monkeypatch.setattr(desk.fitters, "run", counted)
        long = await desk.ask(smol, READING, "model-size", {"resamples": 100_000}, "/", gone)
        assert long is None
        answers = await asyncio.gather(
            *(desk.ask(smol, READING, "equal-compute", {"resamples": 20}, "/", stays) for _ in range(3))
        )
        assert len({answer.key for answer in answers if answer}) == 1
        assert asked == ["model-size", "equal-compute"]
        assert len(desk.shelf.history()) == 1
        await desk.close()

    asyncio.run(story())


def test_too_much_waiting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalewise.web.workers.MOST_WAITING", 1)

    async def story() -> None:
        workers = Workers(1)
        workers.start()
        jobs = [asyncio.create_task(workers.run(SMOL)) for _ in range(3)]
        done = await asyncio.gather(*jobs, return_exceptions=True)
        assert sum(isinstance(one, Refused) for one in done) == 1
        await workers.stop()

    asyncio.run(story())
