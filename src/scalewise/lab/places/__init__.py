"""Where stacks of runs are trained, one file each: `here` in processes of this machine, `ray` on a cluster, `torchrun`
one after the other over the processes that it begins.

The code that trains does not know which. A new place is a file with a `Pool` in it and a line below.
"""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Protocol, Self

from scalewise.errors import StudyError
from scalewise.lab.findings import Device, Findings, Wanted
from scalewise.lab.recipe import Recipe
from scalewise.lab.study import Study
from scalewise.runs.store import Store

RAY, TORCHRUN = "ray", "torchrun"


class Pool(Protocol):
    """Trains a number of stacks at once, each by `lab.cell.train_cell`, into a store that all workers see."""

    @property
    def findings(self) -> Findings:
        """How a worker computes: as the study was begun, or as a probe finds it there."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what is being trained, leaving checkpoints."""

    def has_room(self) -> bool:
        """Whether one more stack can be taken."""

    def is_busy(self) -> bool:
        """Whether a stack is being trained."""

    def start(self, recipes: list[Recipe]) -> None:
        """Begin, or go on with, the training of a stack."""

    def wait(self, meanwhile: Callable[[], None]) -> Iterator[list[Recipe]]:
        """Wait until at least one stack has ended, calling `meanwhile` about once a second; the recipes of each that
        did."""


def check_place(on: str, device: Device, study: Study) -> None:
    """Raises StudyError for a place that does not exist, has no such device or cannot train such a study,
    MissingExtraError without Ray."""
    from scalewise.lab.places import here, ray, torchrun

    if on == "here":
        here.check(device)
    elif on == TORCHRUN:
        here.check(device)
        torchrun.check(study)
    elif on == RAY or on.startswith(f"{RAY}://"):
        ray.check()
    else:
        raise StudyError(f"--on {on}: no such place; give here, ray, ray://HOST:PORT, or torchrun.")


def follow_the_first(on: str, device: Device) -> None:
    """A process that helps another to train does so until the other ends, and ends; any other returns from here."""
    if on == TORCHRUN:
        from scalewise.lab.places import torchrun

        torchrun.follow_the_first(device)


def pool_on(on: str, store: Store, workers: int | None, device: Device, precision: Wanted) -> Pool:
    """Workers in a place; their number is by default that of its cores, or of its GPUs."""
    if on == "here":
        from scalewise.lab.places.here import ProcessPool

        return ProcessPool(store, workers, device, precision)
    if on == TORCHRUN:
        from scalewise.lab.places.torchrun import TorchrunPool

        return TorchrunPool(store, device, precision)
    from scalewise.lab.places.ray import RayPool

    return RayPool(on, store, workers, device, precision)
