"""TensorBoard event files: a folder of them is one run, every scalar a column; values are float32, as written."""

from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.errors import TableError
from scalewise.runs.readers.curves import pivoted, run_table
from scalewise.runs.readers.format import Format
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

MARK = "tfevents"


def unit(path: Path, head: bytes) -> Path | None:
    return path.parent if MARK in path.name else None


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    """Several event files of one folder are one run that was resumed: of a step logged twice the later file counts."""
    import polars as pl

    from scalewise.runs.readers.event_records import Scalar, read_records, scalars

    files = sorted(p for p in path.iterdir() if MARK in p.name and p.is_file()) if path.is_dir() else [path]
    found: list[Scalar] = []
    for file in files:
        records = read_records(file)
        if records.ending == "cut short":
            report.add("dropped", "the last record is incomplete (still being written?); it is left for later")
        elif records.ending:
            report.add("dropped", f"{file}: damaged after {len(records.data):,} records; the rest is not read")
        if records.large:
            report.add("dropped", "records of more than 1 MB (graphs, images)")
        for record in records.data:
            try:
                found += scalars(record)
            except ValueError as error:
                raise TableError(f"{file}: not an event file: {error}.") from None
    if not found:
        raise TableError(f"{path}: no scalar was logged in there.")
    steps, tags, values = (list(column) for column in zip(*found, strict=True))
    return run_table(pivoted(pl.Series(steps), pl.Series(tags), pl.Series(values), report), name, {}, report)


TENSORBOARD = Format("TensorBoard", unit, read)
