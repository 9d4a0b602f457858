"""Where runs are trained: one process per core (or per share of a GPU), one run each, one thread each.

Two processes of one thread are 1.85-2.0 times as fast as one; two threads in one process only 1.3-1.6 times, so
runs are never spread over threads.
"""

import contextlib
import multiprocessing as mp
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from queue import Empty
from threading import Thread
from types import TracebackType

from scalewise.errors import StudyError
from scalewise.lab.data.corpus import Corpus, load_corpus
from scalewise.lab.recipe import Recipe
from scalewise.runs.store import RunFolder, State

REPORT_EVERY_STEPS = 20
Report = tuple[str, float]
"""A run's name and the share of it that is done."""


class WorkerPool:
    """A fixed number of worker processes; `start` gives one a run, `wait` says which have ended."""

    def __init__(self, corpus_source: str, workers: int, device: str) -> None:
        context = mp.get_context("spawn")
        self._workers = workers
        self._stop = context.Event()
        self._reports: Queue[Report] = context.Queue()
        self._executor = ProcessPoolExecutor(
            workers,
            mp_context=context,
            initializer=_start_worker,
            initargs=(corpus_source, device, self._stop, self._reports),
        )
        self._running: dict[Future[State], str] = {}

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()  # an interrupted suite: every worker saves its checkpoint after the current step
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._reports.close()
        self._reports.cancel_join_thread()

    def has_room(self) -> bool:
        return len(self._running) < self._workers

    def is_busy(self) -> bool:
        return bool(self._running)

    def start(self, recipe: Recipe, folder: RunFolder) -> None:
        self._running[self._executor.submit(_train, recipe, folder.path)] = recipe.name

    def wait(self, on_report: Callable[[str, float], None]) -> Iterator[tuple[str, State]]:
        """Wait until at least one run has ended, passing on progress; the names and states of the ended."""
        done: set[Future[State]] = set()
        while not done:
            done, _ = wait(self._running, timeout=0.5, return_when=FIRST_COMPLETED)
            with contextlib.suppress(Empty):
                while True:
                    on_report(*self._reports.get_nowait())
        for future in done:
            name = self._running.pop(future)
            try:
                yield name, future.result()
            except BrokenProcessPool:
                raise StudyError(
                    f"a worker was killed while it trained {name}, perhaps for memory; try fewer --workers."
                ) from None


class _Worker:
    """What one worker process keeps between runs."""

    corpus: Corpus
    device: str
    stop: Event
    reports: "Queue[Report]"


def _start_worker(corpus_source: str, device: str, stop: Event, reports: "Queue[Report]") -> None:
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; Ctrl-C reaches the whole process group
    Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _Worker.corpus = load_corpus(corpus_source)
    _Worker.device, _Worker.stop, _Worker.reports = device, stop, reports


def _end_with_parent() -> None:
    """A worker whose parent was killed would train on, beside the workers of the next start."""
    parent = mp.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _train(recipe: Recipe, path: Path) -> State:
    from scalewise.lab.engine import Trainer

    folder = RunFolder(path)
    steps = recipe.steps

    def report(step: int) -> None:
        if step % REPORT_EVERY_STEPS == 0:
            _Worker.reports.put((recipe.name, step / steps))

    try:
        trainer = Trainer(recipe, _Worker.corpus, folder, _Worker.device)
        return trainer.train(report, _Worker.stop.is_set)
    except Exception as error:  # recorded, so that one bad run does not end the suite
        folder.set_state("failed", f"{type(error).__name__}: {error}")
        return "failed"
