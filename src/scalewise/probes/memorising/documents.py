"""Text from whatever it is kept in: plain files, JSON lines, CSV, Parquet, gzipped or not, and folders of them.

Parquet and JSON lines give the column `text` (or `content`) where there is one, else each record's values joined by
commas; everything else is read as it stands, CSV with its commas. Files are read in pieces, so memory stays bounded.
"""

import gzip
import json
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from scalewise.errors import TableError, first_line

if TYPE_CHECKING:
    import polars as pl

STDLIB = "stdlib"
"""The name of the Python standard library's own source, the corpus that every installation has."""
TEXT_COLUMNS = ("text", "content")
PIECE = 1 << 20
"""Characters read at once; a piece ends at the end of a line."""
RECORDS = 2000
"""Records of a table that make one piece."""


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


def pieces(files: list[Path]) -> Iterator[Piece]:
    """The text of files, piece by piece. Raises TableError for a file that is not what its name says."""
    for path in files:
        size = path.stat().st_size
        found = list(_texts(path)) if size < PIECE else _texts(path)
        share = size / max(1, len(found)) if isinstance(found, list) else None
        read = 0.0
        for text in found:
            part = share if share is not None else min(float(len(text)), size - read)
            read += part
            yield Piece(str(path), text, part)
        if read < size:
            yield Piece(str(path), "", size - read)  # compressed or skipped: the rest of what was on disk


def _texts(path: Path) -> Iterator[str]:
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    kind = endings[-2] if endings[-1:] == [".gz"] and len(endings) > 1 else (endings or [""])[-1]
    try:
        if kind == ".parquet":
            yield from _parquet(path)
            return
        with gzip.open(path, "rb") if endings[-1:] == [".gz"] else path.open("rb") as file:
            yield from (_json_lines(file, path) if kind in (".jsonl", ".ndjson") else _plain(file))
    except (OSError, EOFError) as error:
        raise TableError(f"{path}: cannot be read: {error}.") from None


def _plain(file: "IO[bytes] | gzip.GzipFile") -> Iterator[str]:
    while lines := file.readlines(PIECE):
        yield b"".join(lines).decode("utf-8", errors="replace")


def _json_lines(file: "IO[bytes] | gzip.GzipFile", path: Path) -> Iterator[str]:
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


def _parquet(path: Path) -> Iterator[str]:
    import polars as pl

    try:
        table = pl.scan_parquet(path)
        columns = table.collect_schema().names()
        named = next((name for name in TEXT_COLUMNS if name in columns), None)
        rows = table.select(pl.len()).collect().item()
        for start in range(0, rows, RECORDS):
            yield _rows(table.slice(start, RECORDS).collect(), named)
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{path}: cannot be read as Parquet: {first_line(error)}.") from None


def _rows(part: "pl.DataFrame", named: str | None) -> str:
    if named is not None:
        return "\n".join(str(text) for text in part[named])
    return "\n".join(", ".join(str(cell) for cell in row) for row in part.iter_rows())
