"""Text from whatever it is kept in: plain files, JSON lines, CSV, Parquet, compressed or not, and folders of them.

Parquet and JSON lines give the column `text` (or `content`) where there is one, else each record's values joined by
commas; everything else is read as it stands, CSV with its commas. Files are read in pieces, so memory stays bounded.
"""

import bz2
import gzip
import io
import json
import lzma
import sysconfig
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from scalewise.errors import MissingExtraError, TableError, first_line

if TYPE_CHECKING:
    import polars as pl

STDLIB = "stdlib"
"""The name of the Python standard library's own source, the corpus that every installation has."""
TEXT_COLUMNS = ("text", "content")
PIECE = 1 << 20
"""Characters read at once; a piece ends at the end of a line."""
RECORDS = 2000
"""Records of a table that make one piece."""
PACKED = {b"PK\x03\x04": "zip", b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zst"}
"""How a packed file begins."""
UNPACKED = ".gz, .bz2, .xz or .zst"


@dataclass(frozen=True)
class Piece:
    """A stretch of text of one file, and how much of the corpus (bytes on disk) it stands for."""

    file: str
    text: str
    size: float


def corpus_files(source: str) -> list[Path]:
    """The files of a corpus: a file, all files of a folder, or `stdlib`.

    Raises TableError when there is nothing there.
    """
    if source == STDLIB:
        root = Path(sysconfig.get_paths()["stdlib"])
        return sorted(p for p in root.rglob("*.py") if not {"site-packages", "dist-packages"} & set(p.parts))
    path = Path(source)
    if not path.exists():
        raise TableError(f"{source}: there is no such file or folder; name text to search, or 'stdlib'.")
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    if not files:
        raise TableError(f"{source}: the folder has no files.")
    return files


def numbered_lines(path: Path, what: str) -> list[tuple[int, str]]:
    """The lines of a file that are not empty, with their numbers. Raises TableError when it is no file of text."""
    if not path.is_file():
        raise TableError(f"{path}: there is no such file of {what}.")
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise TableError(f"{path}: is no text in UTF-8; write it as such.") from None
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def pieces(files: list[Path]) -> Iterator[Piece]:
    """The text of files, piece by piece. Raises TableError for a file that is not what its name says, and where there
    is no text in any of them."""
    empty = True
    for path in files:
        size, before = path.stat().st_size, 0.0
        for text, reached in _texts(path, size):
            yield Piece(str(path), text, reached - before)
            before, empty = reached, empty and not text
        if before < size:
            yield Piece(str(path), "", size - before)
    if empty:
        raise TableError(f"{files[0] if len(files) == 1 else files[0].parent}: there is no text in it.")


def _texts(path: Path, size: int) -> Iterator[tuple[str, float]]:
    """Texts, and how many bytes of the file on disk were read by then."""
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    unpack = _unpackers().get((endings or [""])[-1])
    kind = (endings if unpack is None else endings[:-1] or [""])[-1:]
    try:
        if kind == [".parquet"] and unpack is None:
            yield from _parquet(path, size)
            return
        with path.open("rb") as packed:
            file = unpack(packed) if unpack else packed
            for text in _json_lines(file, path) if kind in ([".jsonl"], [".ndjson"]) else _plain(file, path):
                yield text, float(min(packed.tell(), size))
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise TableError(f"{path}: cannot be read: {error}.") from None
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # of an extra that may not be there
            raise
        raise TableError(f"{path}: cannot be read: {error}.") from None


def _unpackers() -> dict[str, Callable[[IO[bytes]], Any]]:
    return {".gz": lambda file: gzip.GzipFile(fileobj=file), ".bz2": bz2.BZ2File, ".xz": lzma.LZMAFile, ".zst": _zstd}


def _zstd(file: IO[bytes]) -> Any:
    try:
        import zstandard
    except ImportError:
        raise MissingExtraError("zstandard", "logs", "reading .zst files") from None
    return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True))


def _plain(file: IO[bytes], path: Path) -> Iterator[str]:
    first = True
    while read := b"".join(file.readlines(PIECE)):
        if first:
            _check_text(read, path)
        first = False
        yield read.decode("utf-8", errors="replace")


def _check_text(beginning: bytes, path: Path) -> None:
    packed = next((name for magic, name in PACKED.items() if beginning.startswith(magic)), None)
    if packed:
        raise TableError(
            f"{path}: is packed ({packed}) and its name does not end in what is unpacked here: {UNPACKED}."
        )
    if b"\0" in beginning:
        raise TableError(f"{path}: is no text, since it has zero bytes; leave it out.")


def _json_lines(file: IO[bytes], path: Path) -> Iterator[str]:
    records: list[str] = []
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            raise TableError(f"{path}, line {number}: not JSON; fix that line or leave the file out.") from None
        records.append(_text_of(record))
        if len(records) == RECORDS:
            yield "\n".join(records)
            records = []
    yield "\n".join(records)


def _text_of(record: Any) -> str:
    if not isinstance(record, dict):
        return str(record)
    named = next((record[name] for name in TEXT_COLUMNS if isinstance(record.get(name), str)), None)
    return str(named) if named is not None else ", ".join(str(value) for value in record.values())


def _parquet(path: Path, size: int) -> Iterator[tuple[str, float]]:
    import polars as pl

    try:
        table = pl.scan_parquet(path)
        columns = table.collect_schema().names()
        named = next((name for name in TEXT_COLUMNS if name in columns), None)
        rows = table.select(pl.len()).collect().item()
        for start in range(0, rows, RECORDS):
            yield _rows(table.slice(start, RECORDS).collect(), named), size * min(1.0, (start + RECORDS) / rows)
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{path}: cannot be read as Parquet: {first_line(error)}.") from None


def _rows(part: "pl.DataFrame", named: str | None) -> str:
    if named is not None:
        return "\n".join(str(text) for text in part[named])
    return "\n".join(", ".join(str(cell) for cell in row) for row in part.iter_rows())
