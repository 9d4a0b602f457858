"""Locks between processes: they fall when the process that holds them ends, however it ends."""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scalewise.errors import StudyError

LOCK = "lock"
TRIES, BETWEEN_SECONDS = 10, 0.1
"""Whoever only asks for the trainer holds the lock for an instant."""


@contextmanager
def only_trainer(directory: Path) -> Iterator[None]:
    """One process at a time trains into a study's folder, and leaves its number in the lock.

    Raises StudyError when another one does.
    """
    with (directory / LOCK).open("a+") as file:
        for attempt in range(TRIES):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == TRIES - 1:
                    raise StudyError(
                        f"{directory}: another process is training into this folder; wait for it."
                    ) from None
                time.sleep(BETWEEN_SECONDS)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def trainer(directory: Path) -> int | None:
    """The number of the process that trains into a study's folder now, or None."""
    path = directory / LOCK
    if not path.exists():
        return None
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            number = file.read().strip()
            return int(number) if number.isdecimal() else None
    return None


@contextmanager
def only_writer(folders: Iterable[Path]) -> Iterator[None]:
    """One worker at a time writes into a run's folder; a later one waits until a worker whose parent was killed, or
    whose node was given up for lost, is gone too."""
    with ExitStack() as held:
        for folder in sorted(folders):  # always in this order, so that two that wait never wait for each other
            folder.mkdir(parents=True, exist_ok=True)
            fcntl.flock(held.enter_context((folder / LOCK).open("w")), fcntl.LOCK_EX)
        yield
