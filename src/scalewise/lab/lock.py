"""One process at a time trains into a folder; the lock falls when the process ends, however it ends."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scalewise.errors import StudyError

TRIES, BETWEEN_SECONDS = 10, 0.1
"""Whoever only asks for the trainer holds the lock for an instant."""


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the folder, and leave the number of this process in its lock. Raises StudyError when it is held."""
    import fcntl

    with (directory / "lock").open("a+") as file:
        for attempt in range(TRIES):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == TRIES - 1:
                    raise StudyError(f"{directory}: another process is training into this folder; wait.") from None
                time.sleep(BETWEEN_SECONDS)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def trainer(directory: Path) -> int | None:
    """The number of the process that trains into the folder now, or None."""
    import fcntl

    path = directory / "lock"
    if not path.exists():
        return None
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            number = file.read().strip()
            return int(number) if number.isdecimal() else None
    return None
