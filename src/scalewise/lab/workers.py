"""Where runs are trained: one process per core (or per share of a GPU), one stack each, one thread each.

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
from queue import Empty
from threading import Thread
from types import TracebackType

from scalewise.errors import StudyError
from scalewise.lab.compute import Compute
from scalewise.lab.data.corpus import Corpus, load_corpus
from scalewise.lab.recipe import Recipe
from scalewise.runs.store import Store

REPORT_EVERY_STEPS = 20
Report = tuple[str, float]
"""The name of a stack's first run, and the share of the stack that is done."""


class WorkerPool:
    """A fixed number of worker processes; `start` gives one a stack, `wait` says which have ended."""

    def __init__(self, corpus_source: str, workers: int, store: Store, compute: Compute) -> None:
        context = mp.get_context("spawn")
        self._workers = workers
        self._stop = context.Event()
        self._reports: Queue[Report] = context.Queue()
        self._executor = ProcessPoolExecutor(
            workers,
            mp_context=context,
            initializer=_start_worker,
            initargs=(corpus_source, store, compute, self._stop, self._reports),
        )
        self._running: dict[Future[None], list[Recipe]] = {}

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

    def start(self, recipes: list[Recipe]) -> None:
        self._running[self._executor.submit(_train, recipes)] = recipes

    def wait(self, on_report: Callable[[str, float], None]) -> Iterator[list[Recipe]]:
        """Wait until at least one stack has ended, passing on progress; the recipes of each that did."""
        done: set[Future[None]] = set()
        while not done:
            done, _ = wait(self._running, timeout=0.5, return_when=FIRST_COMPLETED)
            with contextlib.suppress(Empty):
                while True:
                    on_report(*self._reports.get_nowait())
        for future in done:
            recipes = self._running.pop(future)
            try:
                future.result()
            except BrokenProcessPool:
                raise StudyError(
                    f"a worker was killed while it trained {recipes[0].name}, perhaps for memory; try fewer --workers."
                ) from None
            yield recipes


class _Worker:
    """What one worker process keeps between runs."""

    corpus: Corpus
    store: Store
    compute: Compute
    stop: Event
    reports: "Queue[Report]"


def _start_worker(corpus_source: str, store: Store, compute: Compute, stop: Event, reports: "Queue[Report]") -> None:
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; Ctrl-C reaches the whole process group
    Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _Worker.corpus = load_corpus(corpus_source)
    _Worker.store, _Worker.compute, _Worker.stop, _Worker.reports = store, compute, stop, reports


def _end_with_parent() -> None:
    """A worker whose parent was killed would train on, beside the workers of the next start."""
    parent = mp.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _train(recipes: list[Recipe]) -> None:
    from scalewise.lab.engine import Engine

    name, steps = recipes[0].name, recipes[0].steps

    def report(step: int) -> None:
        if step % REPORT_EVERY_STEPS == 0:
            _Worker.reports.put((name, step / steps))

    try:
        Engine(recipes, _Worker.corpus, _Worker.store, _Worker.compute).train(report, _Worker.stop.is_set)
    except Exception as error:  # recorded, so that one bad stack does not end the suite
        for folder in (_Worker.store.run(recipe.name) for recipe in recipes):
            if folder.state() not in ("finished", "diverged"):
                folder.path.mkdir(parents=True, exist_ok=True)
                folder.set_state("failed", f"{type(error).__name__}: {error}")
