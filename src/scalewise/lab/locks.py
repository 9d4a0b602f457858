"""Locks between processes: they fall when the process that holds them ends, however it ends."""

import fcntl
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from scalewise.errors import StudyError

LOCK = "lock"
LOOKS = 5
"""How often a lock is asked for: who only looks whether it is held, holds it for a moment."""


@contextmanager
def only_trainer(directory: Path) -> Iterator[None]:
    """One process at a time trains into a study's folder. Raises StudyError when another one does."""
    with (directory / LOCK).open("w") as file:
        for _ in range(LOOKS):
            if _taken(file, fcntl.LOCK_EX):
                break
            time.sleep(0.05)
        else:
            raise StudyError(f"{directory}: another process is training into this folder; wait for it.")
        yield


def is_trained(directory: Path) -> bool:
    """Whether a process trains into a study's folder now."""
    if not (directory / LOCK).exists():
        return False
    with (directory / LOCK).open("r") as file:
        return not _taken(file, fcntl.LOCK_SH)


def _taken(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def only_writer(folders: Iterable[Path]) -> Iterator[None]:
    """One worker at a time writes into a run's folder; a later one waits until a worker whose parent was killed, or
    whose node was given up for lost, is gone too."""
    with ExitStack() as held:
        for folder in sorted(folders):  # always in this order, so that two that wait never wait for each other
            folder.mkdir(parents=True, exist_ok=True)
            fcntl.flock(held.enter_context((folder / LOCK).open("w")), fcntl.LOCK_EX)
        yield
