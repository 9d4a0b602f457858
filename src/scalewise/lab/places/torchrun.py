"""The processes that torchrun begins, for a model larger than one device: each run is sharded over all of them.

The first process is the one that trains, records and is told to stop; the others follow it (`lab/sharded.py`). Runs are
trained one after the other.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import FrameType, TracebackType

from scalewise.errors import StudyError
from scalewise.lab.cell import train_cell
from scalewise.lab.compute import one_thread
from scalewise.lab.data.kept import kept
from scalewise.lab.findings import Device, Wanted, findings_of_study
from scalewise.lab.recipe import Recipe
from scalewise.lab.study import Study
from scalewise.runs.store import Store

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what torchrun makes of it."""


def check(study: Study) -> None:
    """Raises StudyError where torchrun has not begun this process, or a run of the study cannot be sharded."""
    import torch.distributed.fsdp

    _check_begun()
    if not hasattr(torch.distributed.fsdp, "fully_shard"):
        raise StudyError(f"--on torchrun: PyTorch {torch.__version__} cannot shard like that; install 2.6 or newer.")
    for arm in study.all_arms:
        training = arm.training(study.training)
        for name, only in (("architecture", "llama"), ("optimizer", "adamw")):
            if getattr(training, name) != only:
                raise StudyError(f"--on torchrun: {name} {getattr(training, name)} is not sharded, only {only} is.")
        if training.init == "data-dependent":
            raise StudyError("--on torchrun: init data-dependent is not sharded; give fan-in or gpt2.")


def follow_the_first(device: Device) -> None:
    """Returns in the first process; another follows that one to its end, and ends. Raises StudyError as `check`."""
    _check_begun()
    if os.environ["RANK"] == "0":
        return

    from scalewise.lab.sharded import follow

    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # the first process decides
    one_thread()
    _join(device)
    follow()
    sys.stdout.flush()
    sys.stderr.flush()
    # a thread of Gloo that still holds a tensor would abort an interpreter that is being taken down (pytorch#179291)
    os._exit(0)


def _check_begun() -> None:
    if "RANK" not in os.environ:
        raise StudyError(
            "--on torchrun: torchrun has not begun this; give the command as "
            "`torchrun --nproc-per-node N -m scalewise train ...`."
        )


def _join(device: Device) -> None:
    """Meet the other processes."""
    import torch
    import torch.distributed as dist

    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo")


class TorchrunPool:
    """One run at a time, on every process."""

    def __init__(self, store: Store, device: Device, precision: Wanted) -> None:
        self.findings = replace(findings_of_study(store.path, device, precision), stacked_up_to_width=0)
        self._store, self._corpus = store, kept(store.path)
        self._next: list[Recipe] = []
        self._stopped = False
        _join(device)

    def __enter__(self) -> "TorchrunPool":
        for number in SIGNALS:
            signal.signal(number, self._stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from scalewise.lab.sharded import end

        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
        try:
            end()
        except RuntimeError:  # as every message to a process that is gone
            raise StudyError("--on torchrun: another process was killed; the same command goes on.") from None

    def has_room(self) -> bool:
        return not self._next

    def is_busy(self) -> bool:
        return bool(self._next)

    def start(self, recipes: list[Recipe]) -> None:
        self._next = recipes

    def wait(self, meanwhile: Callable[[], None]) -> Iterator[list[Recipe]]:
        from scalewise.lab.sharded import ShardedStack

        def after_a_step() -> bool:
            meanwhile()
            return self._stopped

        recipes, self._next = self._next, []
        train_cell(recipes, self._corpus, self._store, self.findings.compute, after_a_step, ShardedStack)
        if self._stopped:
            raise KeyboardInterrupt
        yield recipes

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopped = True
