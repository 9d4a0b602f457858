"""Tidy tables: CSV (also gzipped), TSV, Parquet and JSON lines, one observation per row."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.errors import TableError
from scalewise.runs.table import listed

if TYPE_CHECKING:
    import polars as pl

ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".jsonl", ".ndjson")
SAMPLED_ROWS = 10_000
"""Rows looked at to find each column's type; a later surprise is found and named."""


def read_tidy(path: Path) -> "pl.DataFrame":
    """The file's content, columns as they are there. Raises TableError for an empty or unreadable file."""
    import polars as pl
    from polars.exceptions import PolarsError

    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            return pl.read_parquet(path)
        if name.endswith((".jsonl", ".ndjson")):
            return pl.read_ndjson(path, infer_schema_length=SAMPLED_ROWS)
        return _read_csv(path, "\t" if ".tsv" in name else ",")
    except PolarsError as error:
        raise TableError(f"{path}: cannot be read as {name.split('.')[-1]}: {first_line(error)}.") from None


def read_standard_input() -> "pl.DataFrame":
    """CSV text from standard input."""
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(sys.stdin.buffer.read())
        file.flush()
        return read_tidy(Path(file.name))


def _read_csv(path: Path, separator: str) -> "pl.DataFrame":
    import polars as pl
    from polars.exceptions import ComputeError

    _refuse_duplicate_columns(path, separator)
    try:
        return pl.read_csv(path, separator=separator, infer_schema_length=SAMPLED_ROWS)
    except ComputeError as error:
        if "dtype" not in str(error):
            raise
        # a value further down does not fit the type seen at the top: read as text, so that it can be named
        return pl.read_csv(path, separator=separator, infer_schema=False)


def _refuse_duplicate_columns(path: Path, separator: str) -> None:
    import polars as pl

    header = pl.read_csv(path, separator=separator, has_header=False, n_rows=1, infer_schema=False)
    if header.height == 0:
        raise TableError(f"{path}: the file is empty.")
    counts = Counter(str(name) for name in header.row(0))
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise TableError(f"{path}: column {listed(twice)} stands in the header more than once; keep one.")


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
