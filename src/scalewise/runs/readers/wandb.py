"""What Weights & Biases exports: a chart as CSV (points thinned by the page), and a run's whole history as Parquet."""

from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.errors import TableError
from scalewise.runs.readers.curves import pivoted, run_table
from scalewise.runs.readers.format import Format
from scalewise.runs.readers.tidy import read_tidy
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

LOWEST, HIGHEST = "__MIN", "__MAX"
BETWEEN = " - "
STEPS = ("Step", "_step", "trainer/global_step", "global_step")
HISTORY = (b"_step", b"_runtime", b"_timestamp")
LARGEST_TAIL = 2**20


def chart_unit(path: Path, head: bytes) -> Path | None:
    if path.suffix.lower() != ".csv":
        return None
    first = head.partition(b"\n")[0]
    return path if LOWEST.encode() in first and BETWEEN.encode() in first else None


def read_chart(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    """One row a run and value of x. A column is `RUN - METRIC`; a run's name may hold ` - ` too, a metric's may not."""
    import polars as pl

    table = read_tidy(path, report)
    x = table.columns[0]
    long = []
    for column in table.columns[1:]:
        if column.endswith((LOWEST, HIGHEST)):
            continue
        run, between, metric = column.rpartition(BETWEEN)
        if not between or not metric:
            report.add("dropped", f"column '{column[:100]}', which names no run and metric")
            continue
        values = table.select(
            pl.lit(run).alias("run"),
            pl.col(x).cast(pl.Float64, strict=False).alias("step" if x in STEPS else x),
            pl.col(column).cast(pl.Float64, strict=False).alias(metric),
        )
        long.append(values.filter(pl.col(metric).is_not_null()))
    if not long:
        raise TableError(f"{path}: no column like 'RUN{BETWEEN}METRIC', so this is no export of a W&B chart.")
    x = "step" if x in STEPS else x
    report.add("thinned", "a W&B chart holds a sample of the points; export the run's history for all of them")
    if f"{x}" != "step":
        report.add("columns", f"x of the chart is '{x}'")
    whole = pl.concat(long, how="diagonal_relaxed")
    return whole.group_by("run", x, maintain_order=True).agg(pl.all().drop_nulls().first())


def history_unit(path: Path, head: bytes) -> Path | None:
    """A Parquet file with W&B's own columns; its schema stands at its end."""
    if path.suffix.lower() != ".parquet" or not head.startswith(b"PAR1"):
        return None
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LARGEST_TAIL))
        tail = file.read()
    ours = all(mark in tail for mark in HISTORY)
    return (path.parent if path.stem.isdigit() else path) if ours else None


def read_history(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    """One run, named after its file or, for numbered parts, its folder."""
    import polars as pl

    parts = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    table = pl.concat([read_tidy(part, report) for part in parts], how="diagonal_relaxed")
    if "_step" not in table.columns:
        raise TableError(f"{path}: no column '_step', so this is no history of W&B.")
    numbers = [column for column, kind in table.schema.items() if kind.is_numeric()]
    left = [column for column in table.columns if column not in numbers]
    if left:
        report.add("dropped", f"columns without numbers (media, text): {', '.join(left[:5])}")
    clean = name.removeprefix("run-").removesuffix("-history")
    long = table.select(numbers).unpivot(index="_step", variable_name="key", value_name="value").drop_nulls()
    return run_table(pivoted(long["_step"], long["key"], long["value"], report), clean, {}, report)


WANDB_CHART = Format("W&B chart export", chart_unit, read_chart, shared=True)
WANDB_HISTORY = Format("W&B history", history_unit, read_history)
