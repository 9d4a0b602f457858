"""One member of a zip file that nobody vouches for, in memory: nothing is unpacked to disk, whatever names it has."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scalewise.errors import MissingExtraError, TableError, first_line

LARGEST_MEMBER = 256 * 2**20
"""Bytes after decompression."""
MOST_MEMBERS = 2_000_000
DAMAGED = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError)
"""What `zipfile` raises for an archive that is not whole."""
ZSTD = 93
"""zip's number for zstd, which Python 3.11's zipfile does not know."""


def names(path: Path) -> list[str]:
    """The members' names, in the order in which they were written. Raises TableError."""
    with _opened(path) as archive:
        return archive.namelist()


def member(path: Path, name: str) -> bytes:
    """The content of the member of that name. Raises TableError when it is not there, damaged or absurdly large.

    The zip's own word for a member's size is not believed: decompression ends at the limit.
    """
    with _opened(path) as archive:
        try:
            entry = archive.getinfo(name)
        except KeyError:
            raise TableError(f"{path}: no '{name}' in it (still being written?).") from None
        return _content(path, archive, entry)


def members(path: Path, folder: str) -> Iterator[tuple[str, bytes]]:
    """Names and contents of all members under a folder such as `samples/`. Raises TableError as `member` does."""
    with _opened(path) as archive:
        for entry in archive.filelist:
            if entry.filename.startswith(folder):
                yield entry.filename, _content(path, archive, entry)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive. Whatever is found wrong inside is raised as TableError in one sentence."""
    try:
        with zipfile.ZipFile(path) as archive:
            if len(archive.filelist) > MOST_MEMBERS:
                raise TableError(f"{path}: more than {MOST_MEMBERS:,} members.")
            yield archive
    except DAMAGED as error:
        raise TableError(f"{path}: cannot be read as a zip file: {first_line(error)[:200]}.") from None
    except struct.error:
        raise TableError(f"{path}: cannot be read as a zip file: it is cut short.") from None


def _content(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.file_size > LARGEST_MEMBER:
        raise TableError(f"{path}: '{entry.filename}' is more than {LARGEST_MEMBER // 2**20:,} MB; refused.")
    content = _from_zstd(path, entry) if entry.compress_type == ZSTD else _plain(archive, entry)
    if len(content) > LARGEST_MEMBER:
        raise TableError(f"{path}: '{entry.filename}' is more than {LARGEST_MEMBER // 2**20:,} MB; refused.")
    return content


def _plain(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as file:
        return file.read(LARGEST_MEMBER + 1)


def _from_zstd(path: Path, entry: zipfile.ZipInfo) -> bytes:
    try:
        import zstandard
    except ImportError:
        raise MissingExtraError("zstandard", "logs", f"reading {path}") from None

    with path.open("rb") as file:
        file.seek(entry.header_offset)
        head = file.read(30)
        name_length, extra_length = struct.unpack("<HH", head[26:30])
        file.seek(name_length + extra_length, 1)
        packed = file.read(min(entry.compress_size, LARGEST_MEMBER))
    try:
        reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(io.BytesIO(packed))
        content = bytes(reader.read(LARGEST_MEMBER + 1))
    except zstandard.ZstdError as error:
        raise TableError(f"{path}: '{entry.filename}' is damaged: {str(error)[:200]}.") from None
    if zlib.crc32(content) != entry.CRC and len(content) <= LARGEST_MEMBER:
        raise TableError(f"{path}: '{entry.filename}' is damaged: its checksum is wrong.")
    return content
