"""Writing files whole or not at all."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scalewise.errors import DiskFullError, ScalewiseError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def naming_a_full_disk(path: Path | str) -> Iterator[None]:
    """Raise DiskFullError for a write inside that found no room."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DiskFullError(
            f"{path}: the disk is full ({error.strerror}); nothing that was written is lost, so make room and give the "
            "same command again."
        ) from None


def cache_folder() -> Path:
    """Where what can be made again is kept between processes: the user's own cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scalewise"


def check_writable(path: Path) -> None:
    """Raise ScalewiseError when a file cannot be written there, before any work is done for it."""
    if path.exists() and not path.is_file():
        raise ScalewiseError(f"{path}: is not a regular file, so it is not written over; name a file.")
    parent = next(p for p in (*path.absolute().parents,) if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise ScalewiseError(f"{path}: cannot be written, since {parent} is not a folder that may be written to.")


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside the target, then rename it, so that a reader never sees half a file.

    Raises ScalewiseError when the file cannot be written (DiskFullError for want of room); nothing is left behind.
    """
    check_writable(path)
    target = path.resolve()
    beside = target.with_name(f".{os.getpid()}.new")
    try:
        with naming_a_full_disk(path):
            target.parent.mkdir(parents=True, exist_ok=True)
            write(beside)
            beside.replace(target)
    except OSError as error:
        raise ScalewiseError(f"{path}: cannot be written: {error.strerror or error}.") from None
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    write_whole(path, lambda beside: beside.write_text(text, encoding="utf-8"))
