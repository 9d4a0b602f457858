"""This machine: one process per core, or per GPU with `--device cuda`; one stack each, one thread each.

Two processes of one thread are 1.85-2.0 times as fast as one; two threads in one process only 1.3-1.6 times, so
runs are never spread over threads.
"""

import multiprocessing as mp
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import cycle, islice
from multiprocessing.context import BaseContext
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from threading import Thread
from types import TracebackType

from scalewise.errors import StudyError
from scalewise.lab.cell import train_cell
from scalewise.lab.compute import Compute
from scalewise.lab.data.corpus import Corpus
from scalewise.lab.data.kept import kept
from scalewise.lab.findings import Device, Wanted, findings_of_study
from scalewise.lab.recipe import Recipe
from scalewise.runs.store import Store

LOOK_EVERY_SECONDS = 0.5
START = "spawn" if sys.platform == "win32" else "forkserver"
"""From a process that has imported PyTorch and done nothing else, so that the next worker costs no import."""


def check(device: Device) -> None:
    """Raises StudyError when this machine has no such device."""
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise StudyError("--device cuda: PyTorch finds no GPU here; leave the option out to train on the CPU.")


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus(device: Device) -> list[int]:
    """Their numbers, none where the device is the CPU."""
    import torch

    return list(range(torch.cuda.device_count())) if device == "cuda" else []


def own_gpus(device: Device, workers: int) -> list[int]:
    """The GPU of each worker: one each, or shared evenly where there are more workers."""
    return list(islice(cycle(gpus(device)), workers))


def warm_up() -> None:
    """Begin, beside whatever comes next, to import what workers need; each is then a copy of that process."""
    if START == "forkserver":
        from multiprocessing import forkserver

        mp.set_forkserver_preload(["scalewise.lab.engine"])
        forkserver.ensure_running()


class ProcessPool:
    """A fixed number of worker processes."""

    def __init__(self, store: Store, workers: int | None, device: Device, precision: Wanted) -> None:
        self.findings = findings_of_study(store.path, device, precision)
        context: BaseContext = mp.get_context(START)
        self._workers = workers or len(gpus(device)) or cores()
        self._stop = context.Event()
        free_gpus = context.SimpleQueue()
        for gpu in own_gpus(device, self._workers):
            free_gpus.put(gpu)
        self._executor = ProcessPoolExecutor(
            self._workers,
            mp_context=context,
            initializer=_start_worker,
            initargs=(store, self.findings.compute, self._stop, free_gpus),
        )
        self._running: dict[Future[None], list[Recipe]] = {}

    def __enter__(self) -> "ProcessPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()  # an interrupted suite: every worker saves its checkpoint after the current step
        self._executor.shutdown(wait=True, cancel_futures=True)

    def has_room(self) -> bool:
        return len(self._running) < self._workers

    def is_busy(self) -> bool:
        return bool(self._running)

    def start(self, recipes: list[Recipe]) -> None:
        self._running[self._executor.submit(_train, recipes)] = recipes

    def wait(self, meanwhile: Callable[[], None]) -> Iterator[list[Recipe]]:
        done: set[Future[None]] = set()
        while not done:
            done, _ = wait(self._running, timeout=LOOK_EVERY_SECONDS, return_when=FIRST_COMPLETED)
            meanwhile()
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


def _start_worker(store: Store, compute: Compute, stop: Event, free_gpus: "SimpleQueue[int]") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; Ctrl-C reaches the whole process group
    Thread(target=_end_with_parent, daemon=True).start()
    _Worker.corpus = kept(store.path)
    _Worker.store, _Worker.compute, _Worker.stop = store, compute, stop
    if compute.device == "cuda":
        import torch

        torch.cuda.set_device(free_gpus.get())


def _end_with_parent() -> None:
    """A worker whose parent was killed would train on, beside the workers of the next start."""
    parent = mp.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _train(recipes: list[Recipe]) -> None:
    train_cell(recipes, _Worker.corpus, _Worker.store, _Worker.compute, _Worker.stop.is_set)
