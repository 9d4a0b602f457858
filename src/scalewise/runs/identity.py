"""To which run and group each row belongs: a run has one size, one group and one seed."""

from typing import TYPE_CHECKING

from scalewise.errors import TableError
from scalewise.runs.glance import changes
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl


def identified(table: "pl.DataFrame", source: str, report: ReadingReport) -> "pl.DataFrame":
    """Every row belongs to a run and a group. A run has one size, one group and one seed; a column that names something
    wider than runs is left alone. Raises TableError where a named run has several sizes."""
    return _of_one_size(_named(table, report), source, report)


def _named(table: "pl.DataFrame", report: ReadingReport) -> "pl.DataFrame":
    import polars as pl

    own_name = pl.lit("row ") + pl.int_range(1, pl.len() + 1).cast(pl.String)
    parts = [part for part in ("group", "seed") if part in table.columns]
    if "group" not in table.columns:
        table = table.with_columns(pl.lit("all").alias("group"))
    elif empty := table["group"].null_count():
        report.add("inferred", f"{empty:,} rows name no group; they are taken as the group 'unnamed'")
        table = table.with_columns(pl.col("group").fill_null("unnamed"))
    if "run" in table.columns:
        if empty := table["run"].null_count():
            report.add("inferred", f"{empty:,} rows name no run: each is taken as a run of its own")
            table = table.with_columns(pl.col("run").fill_null(own_name))
        spans = changes(table, ["run", *parts]) if parts else table.head(0)
        for part in parts:
            if _several(spans, part).height:
                several = f"runs of one name have several values of {part}: each is taken as a run of its own"
                report.add("inferred", several)
                named = pl.concat_str([pl.col("run"), pl.col(part).fill_null("none")], separator=f", {part} ")
                table, spans = table.with_columns(named.alias("run")), spans.with_columns(named.alias("run"))
    return _with_own_names(table, report)


def _with_own_names(table: "pl.DataFrame", report: ReadingReport) -> "pl.DataFrame":
    """Where no column names the run, every row is one."""
    import polars as pl

    if "run" not in table.columns:
        own_name = pl.lit("row ") + pl.int_range(1, pl.len() + 1).cast(pl.String)
        report.add("inferred", "no column names the run: every row is taken as a run of its own")
        table = table.with_columns(own_name.alias("run"))
    return table


def _several(spans: "pl.DataFrame", column: str) -> "pl.DataFrame":
    """Runs that hold more than one value of a column."""
    import polars as pl

    value = pl.col(column)
    some_empty = value.null_count().is_between(1, pl.len() - 1)
    spread = spans.group_by("run").agg((value.min() != value.max()).alias("differ"), some_empty.alias("some_empty"))
    return spread.filter(pl.col("differ").fill_null(False) | pl.col("some_empty"))


def _of_one_size(table: "pl.DataFrame", source: str, report: ReadingReport) -> "pl.DataFrame":
    if "params" not in table.columns:
        return table
    several = _several(changes(table, ["run", "params"]), "params")
    if several.height == 0:
        return table
    alias = next((line for line in report.columns if line.startswith("run (")), None)
    if alias is None:
        name = several["run"].sort()[0]
        raise TableError(f"{source}: run '{name}' has rows of several params; give each size its own run name.")
    # an alias such as `model` that names something wider than a run
    del report.columns[alias]
    report.add(
        "columns", f"{alias.split(' is ')[-1]} holds several sizes under one name, so it names no runs; left alone"
    )
    return _with_own_names(table.rename({"run": "run_as_given"}), report)
