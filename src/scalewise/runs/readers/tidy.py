"""Tidy tables: CSV (also gzipped), TSV, Parquet and JSON lines, one observation per row."""

import csv
import gzip
import json
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.columns import COLUMNS, normalised
from scalewise.runs.readers.format import Format
from scalewise.runs.table import listed

if TYPE_CHECKING:
    import polars as pl

ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".jsonl", ".ndjson")
GZIP_MAGIC = b"\x1f\x8b"
SAMPLED_ROWS = 10_000
"""Rows of a CSV looked at to find each column's type; a later surprise is found and named."""
TEXT_NAMES = {normalised(name) for c in COLUMNS if c.kind == "text" for name in (c.name, *c.aliases)}
"""Columns that are text even when they look like numbers: run 007 is not run 7."""


def unit(path: Path, head: bytes) -> Path | None:
    return path if path.name.lower().endswith(ENDINGS) else None


def read_tidy(path: Path, source: str | None = None) -> "pl.DataFrame":
    """The file's content, columns as they are there. `source` is its name in messages.

    Raises TableError for an empty or unreadable file.
    """
    import polars as pl
    from polars.exceptions import PolarsError

    source = source or str(path)
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            return pl.read_parquet(path)
        if name.endswith((".jsonl", ".ndjson")):
            return _read_json_lines(path, source)
        return _read_csv(path, "\t" if name.endswith((".tsv", ".tsv.gz")) else ",", source)
    except (PolarsError, OSError, EOFError, zlib.error, csv.Error, UnicodeDecodeError) as error:
        raise TableError(f"{source}: cannot be read: {_first_line(error)}.") from None


def read_standard_input(source: str) -> "pl.DataFrame":
    """CSV text from standard input."""
    import tempfile

    text = sys.stdin.buffer.read()
    if not text.strip():
        raise TableError(f"{source} is empty.")
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(text)
        file.flush()
        return read_tidy(Path(file.name), source)


def _read_csv(path: Path, separator: str, source: str) -> "pl.DataFrame":
    import polars as pl
    from polars.exceptions import ComputeError

    header = _header(path, separator, source)
    text = {name: pl.String for name in header if normalised(name) in TEXT_NAMES}
    try:
        return pl.read_csv(path, separator=separator, infer_schema_length=SAMPLED_ROWS, schema_overrides=text)
    except ComputeError as error:
        _refuse_ragged_lines(path, separator, len(header), source)
        if "dtype" not in str(error):
            raise
        # a value further down does not fit the type seen at the top: read as text, so that it can be named
        return pl.read_csv(path, separator=separator, infer_schema=False)


def _header(path: Path, separator: str, source: str) -> list[str]:
    """The column names. Raises TableError when there are none, or one stands there twice."""
    names = next((cells for _, cells in _lines(path, separator)), [])
    if not any(names):
        raise TableError(f"{source}: the first line is empty; it must name the columns.")
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise TableError(f"{source}: column {listed(twice)} stands in the header more than once; keep one.")
    return names


def _refuse_ragged_lines(path: Path, separator: str, width: int, source: str) -> None:
    """Name the first line with more cells than the header, if that is what is wrong."""
    for number, cells in _lines(path, separator):
        if len(cells) > width:
            raise TableError(f"{source}, line {number}: {len(cells)} cells, but the header has {width}.")


def _lines(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells of a CSV file, one line at a time."""
    with path.open("rb") as start:
        opened: Any = gzip.open if start.read(2) == GZIP_MAGIC else open
    with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = csv.reader(file, delimiter=separator)
        for cells in lines:
            yield lines.line_num, cells


def _read_json_lines(path: Path, source: str) -> "pl.DataFrame":
    """Every line is looked at for its keys. Python's own parser is the second try: it reads NaN, which JSON lacks."""
    import polars as pl
    from polars.exceptions import PolarsError

    try:
        return pl.read_ndjson(path, infer_schema_length=None)
    except (PolarsError, pl.exceptions.PanicException):
        rows = []
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    rows.append(_json_object(line, number, source))
        return pl.DataFrame(rows, infer_schema_length=None, strict=False)


def _json_object(line: str, number: int, source: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise TableError(f"{source}, line {number}: not JSON: {error.msg} at character {error.pos + 1}.") from None
    if not isinstance(row, dict):
        raise TableError(f"{source}, line {number}: a JSON object is needed, with the column names as keys.")
    return row


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")


TIDY = Format("tidy table", unit, lambda path, name, report: read_tidy(path), tidy=True)
