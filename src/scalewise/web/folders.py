"""Folders that are dropped on the page, and zip files of them, bounded in number and in bytes.

A folder comes as one body: a line of JSON, [[path, bytes], ...], then the bytes of the files one after another. Nothing
is ever run, and no name leads out of the folder that is made.
"""

import json
import shutil
import stat
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from starlette.requests import Request

from scalewise.errors import ScalewiseError, first_line
from scalewise.runs.readers.archive import DAMAGED
from scalewise.web.bodies import UPLOAD_SECONDS, TooMuch, in_time, pieces

MOST_FILES = 2000
MOST_BYTES = 256 * 2**20
"""Of all files of a folder together, unpacked."""
LONGEST_LIST = 2**20
LONGEST_PART, MOST_PARTS = 120, 16
PIECE = 2**20


def inner_path(name: str) -> Path:
    """The path below a folder that a name stands for. Raises ScalewiseError for one that could lead elsewhere."""
    parts = name.split("/")
    for part in parts:
        harmless = part not in ("", ".", "..") and len(part.encode()) <= LONGEST_PART and part.isprintable()
        if not harmless or "\\" in part or ":" in part or len(parts) > MOST_PARTS:
            raise ScalewiseError(f"'{name[:80]}': a file in a folder may not have such a name.")
    return Path(*parts)


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of a zip below `folder`, which is new, without a folder that all of them are in.

    Links and hidden files are left out, and the archive's own word for sizes is not believed. Raises ScalewiseError;
    nothing is left behind then.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            entries = [entry for entry in packed.infolist() if not entry.is_dir() and _is_plain(entry)]
            _check_count(len(entries))
            paths = [inner_path(entry.filename) for entry in entries]
            shared = {path.parts[0] for path in paths}
            inside = len(shared) == 1 and all(len(path.parts) > 1 for path in paths)
            left = MOST_BYTES
            for entry, path in zip(entries, paths, strict=True):
                target_path = folder.joinpath(*path.parts[inside:])
                with packed.open(entry) as file, _new(target_path) as target:
                    while piece := file.read(PIECE):
                        left -= len(piece)
                        _check_bytes(left)
                        target.write(piece)
    except ScalewiseError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except DAMAGED as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ScalewiseError(f"this zip file cannot be unpacked: {first_line(error)[:200]}.") from None


def _is_plain(entry: zipfile.ZipInfo) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in entry.filename.split("/"))
    return not hidden and not stat.S_ISLNK(entry.external_attr >> 16)


async def save_folder(request: Request, folder: Path) -> None:
    """Write the files of a body below `folder`, which is new. Raises ScalewiseError; nothing is left behind then."""
    try:
        async with in_time(UPLOAD_SECONDS):
            body = _Body(pieces(request, MOST_BYTES + LONGEST_LIST))
            for path, size in _listed(await body.line()):
                with _new(folder / path) as target:
                    await body.copy(size, target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _listed(line: bytes) -> list[tuple[Path, int]]:
    """The files that a body announces."""
    try:
        files = [(inner_path(str(name)), int(size)) for name, size in json.loads(line)]
    except (ValueError, TypeError, RecursionError):
        raise ScalewiseError("a folder begins with a line that lists its files: [[path, bytes], ...].") from None
    _check_count(len(files))
    _check_bytes(MOST_BYTES - sum(size for _, size in files))
    if any(size < 0 for _, size in files):
        raise ScalewiseError("a file cannot have fewer than no bytes.")
    return files


class _Body:
    """Pieces of any length, taken by lengths that are known."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces, self._waiting = pieces, b""

    async def line(self) -> bytes:
        while b"\n" not in self._waiting and len(self._waiting) <= LONGEST_LIST:
            self._waiting += await self._next()
        line, _, self._waiting = self._waiting.partition(b"\n")
        return line

    async def copy(self, size: int, target: IO[bytes]) -> None:
        while size:
            piece = self._waiting or await self._next()
            target.write(piece[:size])
            self._waiting = piece[size:]
            size -= min(size, len(piece))

    async def _next(self) -> bytes:
        async for piece in self._pieces:
            return piece
        raise ScalewiseError("the folder ended before its files did; drop it again.")


def _new(path: Path) -> IO[bytes]:
    """A file that was not there. Raises ScalewiseError when it was, as a file or as a folder."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise ScalewiseError(f"'{path.name}': two files of the folder have this name.") from None


def _check_count(files: int) -> None:
    if not 0 < files <= MOST_FILES:
        raise TooMuch(f"a folder may have 1 to {MOST_FILES:,} files here, this has {files:,}.")


def _check_bytes(left: int) -> None:
    if left < 0:
        raise TooMuch(f"this folder is larger than {MOST_BYTES // 2**20} MB, the most that is taken here.")
