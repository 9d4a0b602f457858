"""Locks between processes: they fall when the process that holds them ends, however it ends."""

import fcntl
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scalewise.errors import StudyError

LOCK = "lock"


@contextmanager
def only_trainer(directory: Path) -> Iterator[None]:
    """One process at a time trains into a study's folder. Raises StudyError when another one does."""
    with (directory / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StudyError(f"{directory}: another process is training into this folder; wait for it.") from None
        yield


@contextmanager
def only_writer(folders: Iterable[Path]) -> Iterator[None]:
    """One worker at a time writes into a run's folder; a later one waits until a worker whose parent was killed, or
    whose node was given up for lost, is gone too."""
    with ExitStack() as held:
        for folder in sorted(folders):  # always in this order, so that two that wait never wait for each other
            folder.mkdir(parents=True, exist_ok=True)
            fcntl.flock(held.enter_context((folder / LOCK).open("w")), fcntl.LOCK_EX)
        yield
