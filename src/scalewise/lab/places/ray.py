"""A Ray cluster: a stack is a Ray task, which Ray gives a core (or a GPU) and repeats elsewhere when a node is lost.

The study's folder is on a disk that all nodes see. Checkpoints are there, so a task that is repeated goes on from the
last of them, and nothing but the folder has to survive a node.
"""

import logging
import os
import socket
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scalewise.errors import MissingExtraError, ScalewiseError, StudyError, first_line
from scalewise.lab.cell import train_cell
from scalewise.lab.checkpoint_place import check_seen
from scalewise.lab.code import code_version
from scalewise.lab.compute import Compute
from scalewise.lab.data.corpus import Corpus
from scalewise.lab.data.kept import is_kept, kept
from scalewise.lab.findings import Device, Findings, Wanted, findings_of_study
from scalewise.lab.recipe import Recipe
from scalewise.runs.store import Store

if TYPE_CHECKING:
    from ray import ObjectRef

RETRIES = 10
"""How often a task whose node or process was lost is begun again."""
LOOK_EVERY_SECONDS = 1.0
CLIENT_PORT = 10001
CURRENT_CLUSTER = Path("/tmp/ray/ray_current_cluster")
"""Where `ray start` notes the cluster that it joined or began."""


def check() -> None:
    """Raises MissingExtraError without Ray."""
    if find_spec("ray") is None:
        raise MissingExtraError("Ray", "cluster", "--on ray")


class RayPool:
    """Tasks of one core or one GPU each. Without a number of workers, Ray is given all work that there is and runs as
    much of it at once as its nodes hold; a cluster that grows with its work can see what is wanted."""

    def __init__(self, on: str, store: Store, workers: int | None, device: Device, precision: Wanted) -> None:
        import ray

        self._workers = workers
        self._store = Store(store.path.resolve())
        self._ours = not ray.is_initialized()
        if self._ours:
            _connect(on)
        a_worker = ray.remote(num_cpus=1, num_gpus=1 if device == "cuda" else 0, max_retries=RETRIES)
        if device == "cuda" and not ray.cluster_resources().get("GPU"):  # type: ignore[no-untyped-call]
            raise StudyError(f"--device cuda: no node of the cluster at {on} has a GPU.")
        self._task = a_worker(_train)
        self.findings: Findings = _result(a_worker(_probe).remote(self._store.path, device, precision))
        self._running: dict[ObjectRef[None], list[Recipe]] = {}

    def __enter__(self) -> "RayPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import ray

        for task in self._running:
            ray.cancel(task, force=True)  # as a kill, which loses no more than what came after the last checkpoint
        if self._ours:
            ray.shutdown()

    def has_room(self) -> bool:
        return self._workers is None or len(self._running) < self._workers

    def is_busy(self) -> bool:
        return bool(self._running)

    def start(self, recipes: list[Recipe]) -> None:
        self._running[self._task.remote(recipes, self._store, self.findings.compute)] = recipes

    def wait(self, meanwhile: Callable[[], None]) -> Iterator[list[Recipe]]:
        import ray

        done: list[ObjectRef[None]] = []
        while not done:
            done, _ = ray.wait(list(self._running), timeout=LOOK_EVERY_SECONDS)
            meanwhile()
        for task in done:
            recipes = self._running.pop(task)
            _result(task)
            yield recipes


def _connect(on: str) -> None:
    """To the cluster of this address; without one to that of RAY_ADDRESS, or to that which this machine belongs to;
    where there is neither, one is begun here. Raises StudyError when nobody answers at the address."""
    import ray

    address = on if "://" in on else os.environ.get("RAY_ADDRESS")
    place = f"--on {on}" if address in (on, None) else f"--on {on}, RAY_ADDRESS={address}"
    if address and address not in ("auto", "local"):
        try:
            _reach(address)
        except (OSError, ValueError) as error:
            raise StudyError(f"{place}: Ray cannot be reached there ({first_line(error)}).") from None
    try:
        ray.init(address or _joined(), log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        hint = "" if "RAY_AUTH_MODE" in os.environ else "; if it asks for a token, set RAY_AUTH_MODE=token"
        raise StudyError(f"{place}: Ray cannot be used there ({first_line(error)}){hint}.") from None


def _joined() -> str | None:
    """None for the cluster that this machine belongs to, which Ray finds by itself. It is still noted after its end."""
    try:
        _reach(CURRENT_CLUSTER.read_text().strip())
    except (OSError, ValueError):
        return "local"
    return None


def _reach(address: str) -> None:
    """Raises OSError when nobody answers, which Ray itself would find out after half a minute or after a quarter of an
    hour."""
    parts = urlsplit("//" + address.rpartition("://")[2])
    socket.create_connection((parts.hostname, parts.port or CLIENT_PORT), timeout=10).close()


def _result(task: "ObjectRef[Any]") -> Any:
    import ray

    try:
        return ray.get(task)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ScalewiseError):
            raise error.cause from None
        kind, said = type(error.cause).__name__, first_line(error.cause)
        raise StudyError(f"a node of the cluster cannot train ({kind}: {said}).") from None
    except ray.exceptions.RayError as error:
        raise StudyError(f"Ray gave a task up ({first_line(error)}); the same command goes on.") from None


@cache
def _corpus(directory: Path) -> Corpus:
    if not is_kept(directory):
        raise StudyError(f"{directory}: a node of the cluster does not see this folder; give one on a shared disk.")
    check_seen(directory)
    return kept(directory)


def _probe(directory: Path, device: Device, precision: Wanted) -> Findings:
    _check_device(device)
    _corpus(directory)
    return findings_of_study(directory, device, precision)


def _train(recipes: list[Recipe], store: Store, compute: Compute) -> None:
    if code_version() != recipes[0].code:
        raise StudyError("a node of the cluster has another version of scalewise; install the same on all.")
    _check_device(compute.device)
    train_cell(recipes, _corpus(store.path), store, compute)


def _check_device(device: str) -> None:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise StudyError(
            f"--device cuda: Ray counts a GPU on {socket.gethostname()}, but PyTorch finds none there; install PyTorch "
            "with CUDA on every node."
        )
