"""Tidy tables: CSV (also gzipped), TSV, Parquet and JSON lines, one observation per row."""

import csv
import gzip
import json
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import TableError, first_line
from scalewise.runs.columns import COLUMNS, normalised
from scalewise.runs.readers.bounded import LONGEST_LINE
from scalewise.runs.readers.format import Format
from scalewise.runs.readers.parquet_pages import counted_cells
from scalewise.runs.report import ReadingReport
from scalewise.runs.table import listed

if TYPE_CHECKING:
    import polars as pl

JSON_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", *JSON_LINES)
GZIP_MAGIC, PARQUET_MAGIC = b"\x1f\x8b", b"PAR1"
SAMPLED_ROWS = 10_000
"""Rows of a CSV looked at to find each column's type; a later surprise is found and named."""
MOST_CELLS = 2_000_000_000
"""Of a Parquet file."""
SMALL, MOST_PACKED = 256 * 2**20, 100
"""Bytes up to which gzipped text may unpack in any case, and how many times its size beyond."""
DEEPEST_OBJECTS, MOST_UNNESTED = 3, 10_000
"""Objects inside each other that become columns, and columns beyond which none do."""
DEEPEST = 100
"""Brackets inside each other in a line of JSON, beyond which Python's careful parser reads the file."""
OPENING, CLOSING = np.frombuffer(b"[{", np.uint8), np.frombuffer(b"]}", np.uint8)
SPACING = 16 * LONGEST_LINE
CUT_SHORT = "the last line is incomplete (still being written?); it is left for later"
TEXT_NAMES = {normalised(name) for c in COLUMNS if c.kind == "text" for name in (c.name, *c.aliases)}
"""Columns that are text even when they look like numbers: run 007 is not run 7."""


def unit(path: Path, head: bytes) -> Path | None:
    return path if path.name.lower().endswith(ENDINGS) else None


def read_tidy(path: Path, report: ReadingReport, source: str | None = None) -> "pl.DataFrame":
    """The file's content, columns as they are there. `source` is its name in messages.

    A last line that is still being written is left out, and the report says so. Raises TableError for an empty,
    unreadable or absurd file.
    """
    from polars.exceptions import PanicException, PolarsError

    source = source or str(path)
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            return _read_parquet(path, source)
        with path.open("rb") as start:
            packed = start.read(2) == GZIP_MAGIC
        _refuse_bombs(path, source) if packed else _refuse_endless_lines(path, source)
        if name.endswith(JSON_LINES):
            return _read_packed_lines(path, source, report) if packed else _read_json_lines(path, source, report)
        table = _read_csv(path, "\t" if name.endswith((".tsv", ".tsv.gz")) else ",", source)
        return table if packed else _without_cut_line(table, path, report)
    except (PolarsError, PanicException, OSError, EOFError, zlib.error, csv.Error, UnicodeError) as error:
        advice = "; save it as UTF-8 text" if "utf-8" in str(error).lower() else ""
        raise TableError(f"{source}: cannot be read: {first_line(error)}{advice}.") from None


def read_standard_input(source: str, report: ReadingReport) -> "pl.DataFrame":
    return read_stream(sys.stdin.buffer.read(), source, report)


def read_stream(content: bytes, source: str, report: ReadingReport) -> "pl.DataFrame":
    """A table that came without a name: Parquet and JSON lines are known by their first bytes, the rest is CSV."""
    import tempfile

    start = content[:4096].lstrip()
    if not start:
        raise TableError(f"{source} is empty.")
    ending = ".parquet" if content.startswith(PARQUET_MAGIC) else ".jsonl" if start.startswith(b"{") else ".csv"
    with tempfile.NamedTemporaryFile(suffix=ending) as file:
        file.write(content)
        file.flush()
        return read_tidy(Path(file.name), report, source)


def _read_parquet(path: Path, source: str) -> "pl.DataFrame":
    """A few bytes of Parquet can stand for any number of equal cells: they are counted first."""
    import polars as pl

    cells = counted_cells(path, source)
    if cells > MOST_CELLS:
        raise TableError(f"{source}: {cells:,} cells; more than {MOST_CELLS:,} are refused.")
    return pl.read_parquet(path, glob=False)


def _refuse_bombs(path: Path, source: str) -> None:
    """Text packed a hundredfold is no log."""
    most = max(SMALL, MOST_PACKED * path.stat().st_size)
    size = 0
    with gzip.open(path) as file:
        while part := file.read(2**20):
            size += len(part)
            if size > most:
                raise TableError(f"{source}: unpacks to more than {MOST_PACKED} times its size; refused.")


def _refuse_endless_lines(path: Path, source: str) -> None:
    """A line that spans one of the places looked at, and the longest stretch after it, is refused before it is read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        for place in range(0, size - LONGEST_LINE, SPACING):
            file.seek(place)
            if b"\n" not in file.read(LONGEST_LINE):
                raise TableError(f"{source}: a line of more than {LONGEST_LINE:,} characters; refused.")


def _without_cut_line(table: "pl.DataFrame", path: Path, report: ReadingReport) -> "pl.DataFrame":
    """A last line with fewer cells than the others and no line end is still being written."""
    cut = _last_line(path)
    if not cut.strip() or cut.count(b",") + cut.count(b"\t") >= table.width - 1:
        return table
    report.add("dropped", CUT_SHORT)
    return table.head(-1)


def _last_line(path: Path) -> bytes:
    """What stands after the last line end."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LONGEST_LINE))
        return file.read().rpartition(b"\n")[2]


def _read_csv(path: Path, separator: str, source: str) -> "pl.DataFrame":
    import polars as pl
    from polars.exceptions import ComputeError

    header = _header(path, separator, source)
    text = {name: pl.String for name in header if normalised(name) in TEXT_NAMES}
    try:
        return pl.read_csv(
            path, separator=separator, infer_schema_length=SAMPLED_ROWS, schema_overrides=text, glob=False
        )
    except ComputeError as error:
        _refuse_ragged_lines(path, separator, len(header), source)
        if "dtype" not in str(error):
            raise
        # a value further down does not fit the type seen at the top: read as text, so that it can be named
        return pl.read_csv(path, separator=separator, infer_schema=False, glob=False)


def _header(path: Path, separator: str, source: str) -> list[str]:
    """The column names. Raises TableError when there are none, or one stands there twice."""
    names = next((cells for _, cells in _lines(path, separator)), [])
    if not any(names):
        raise TableError(f"{source}: the first line is empty; it must name the columns.")
    if any("\0" in name for name in names):
        raise TableError(f"{source}: not UTF-8 text, perhaps UTF-16; save it as UTF-8 CSV.")
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


def _read_packed_lines(path: Path, source: str, report: ReadingReport) -> "pl.DataFrame":
    import shutil
    import tempfile

    with gzip.open(path) as packed, tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        shutil.copyfileobj(packed, file)
        file.flush()
        _refuse_endless_lines(Path(file.name), source)
        return _read_json_lines(Path(file.name), source, report)


def _read_json_lines(path: Path, source: str, report: ReadingReport) -> "pl.DataFrame":
    """Objects inside a line's object become columns such as `config.lr`."""
    import polars as pl

    table = _read_objects(path, source, report)
    for _ in range(DEEPEST_OBJECTS):
        inner = [name for name, kind in table.schema.items() if kind == pl.Struct]
        if not inner or table.width > MOST_UNNESTED:
            break
        report.add("columns", f"objects in the column {listed(inner)} are columns of their own")
        table = table.unnest(inner, separator=".")
    return table


def _read_objects(path: Path, source: str, report: ReadingReport) -> "pl.DataFrame":
    """Every line is looked at for its keys. Python's own parser is the second try: it reads NaN, which JSON lacks."""
    import polars as pl
    from polars.exceptions import PanicException, PolarsError

    if not _nests_deeply(path):
        with suppress(PolarsError, PanicException):
            return pl.read_ndjson(path, infer_schema_length=None)
    rows = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    rows.append(_json_object(line, number, source))
                except TableError:
                    if line.endswith("\n") or not rows:
                        raise
                    report.add("dropped", CUT_SHORT)
    return pl.DataFrame(rows, infer_schema_length=None, strict=False)


def _nests_deeply(path: Path) -> bool:
    """Whether some line nests so deeply that a parser which recurses would end the process, not the reading."""
    carried = 0
    with path.open("rb") as file:
        while part := file.read(SPACING):
            openings = part.count(b"{") + part.count(b"[")
            if carried + openings - part.count(b"\n") <= DEEPEST:
                carried = max(0, carried + openings - part.count(b"\n"))
                continue
            depths = _depths(np.frombuffer(part, np.uint8), carried)
            if depths.max() > DEEPEST:
                return True
            carried = max(0, int(depths[-1]))
    return False


def _depths(text: NDArray[np.uint8], before: int) -> NDArray[np.int64]:
    """How many brackets are open at each byte, counted anew in each line; brackets inside quotes count too."""
    step = np.isin(text, OPENING).astype(np.int64) - np.isin(text, CLOSING)
    step[0] += before
    depth = np.cumsum(step)
    ends = np.where(text == ord("\n"), np.arange(text.size), -1)
    last_end = np.maximum.accumulate(ends)
    return np.asarray(np.where(last_end < 0, depth, depth - depth[last_end]))


def _json_object(line: str, number: int, source: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise TableError(f"{source}, line {number}: not JSON: {error.msg} at character {error.pos + 1}.") from None
    except (RecursionError, ValueError):
        raise TableError(f"{source}, line {number}: JSON nested too deeply, or with absurd numbers.") from None
    if not isinstance(row, dict):
        raise TableError(f"{source}, line {number}: a JSON object is needed, with the column names as keys.")
    return row


TIDY = Format("tidy table", unit, lambda path, name, report: read_tidy(path, report), tidy=True)
