"""Turns a table with anybody's column names into a Runs table, or says in one sentence why it cannot."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scalewise.errors import TableError, did_you_mean
from scalewise.runs.columns import BY_NAME, COLUMNS, FAILED_STATES, STATES, Column, normalised
from scalewise.runs.compute import Convention, with_compute
from scalewise.runs.table import Runs, listed

if TYPE_CHECKING:
    import polars as pl


ESSENTIAL = ("params", "tokens", "flops", "gpu_hours", "loss", "accuracy")
"""Columns in which text is always an error."""


def runs_from(
    table: "pl.DataFrame",
    source: str,
    named: Mapping[str, str] | None = None,
    nan_means_diverged: bool = False,
    convention: Convention = "given",
) -> Runs:
    """Recognise the columns, check every value, fill in what can be computed.

    `named` maps our column names to the table's, for what aliases cannot know. Raises TableError (source, row,
    column, what to do) for anything that cannot be used; rows are counted from 1, without the header.
    """
    if table.height == 0:
        raise TableError(f"{source}: the table has no rows.")
    report: list[str] = []
    table = _recognise(table, source, dict(named or {}), report)
    if "params" not in table.columns:
        raise TableError(_no_params(table, source))
    table = _typed(_without_namesakes(table, report), source)
    table = _identified(table, source, report)
    table = _states(table, source, nan_means_diverged, report)
    _check_values(table, source)
    table = with_compute(table, convention, report)
    if "loss" in table.columns and (empty := table["loss"].null_count()):
        report.append(f"{empty:,} rows have no loss (empty cells); they count for compute only")
    return Runs(table, source, tuple(report))


def _recognise(table: "pl.DataFrame", source: str, named: dict[str, str], report: list[str]) -> "pl.DataFrame":
    """Rename columns to ours. The exact name wins, then what the user named, then aliases in their order."""
    import polars as pl

    for ours, theirs in named.items():
        if ours not in BY_NAME:
            raise TableError(f"--column {ours}={theirs}: '{ours}' is no column of ours{did_you_mean(ours, BY_NAME)}.")
        if theirs not in table.columns:
            hint = did_you_mean(theirs, table.columns)
            raise TableError(f"{source}: there is no column '{theirs}'{hint}; it has {', '.join(table.columns)}.")
    taken: dict[str, str] = {}
    by_normal: dict[str, list[str]] = {}
    for name in table.columns:
        by_normal.setdefault(normalised(name), []).append(name)
    for column in COLUMNS:
        candidates = _candidates(column, by_normal, named, set(table.columns))
        candidates = [c for c in candidates if c not in taken.values()]
        if not candidates:
            continue
        chosen, *others = candidates
        taken[column.name] = chosen
        if chosen != column.name:
            report.append(f"{column.name} ({column.meaning}) is column '{chosen}'")
        if others:
            report.append(f"left alone, though they might be {column.name} too: {listed(others)}")
    table = _without_clashes(table, taken, report)
    table = table.rename({theirs: ours for ours, theirs in taken.items() if ours != theirs})
    for column in COLUMNS:
        for alias, factor, what in column.converted:
            if normalised(taken.get(column.name, "")) == normalised(alias):
                table = table.with_columns(pl.col(column.name).cast(pl.Float64, strict=False) * factor)
                report.append(f"{column.name} was {what}")
    return table


def _candidates(column: Column, by_normal: dict[str, list[str]], named: dict[str, str], present: set[str]) -> list[str]:
    if column.name in named:
        return [named[column.name]]
    if column.name in present:
        return [column.name]
    aliases = (column.name, *column.aliases, *(alias for alias, _, _ in column.converted))
    return list(dict.fromkeys(name for alias in aliases for name in by_normal.get(normalised(alias), [])))


def _without_clashes(table: "pl.DataFrame", taken: dict[str, str], report: list[str]) -> "pl.DataFrame":
    """A column the user overruled keeps its content under another name."""
    clashes = {ours: f"{ours}_as_given" for ours, theirs in taken.items() if ours != theirs and ours in table.columns}
    for ours, renamed in clashes.items():
        report.append(f"the table's own '{ours}' is kept as '{renamed}'")
    return table.rename(clashes)


def _no_params(table: "pl.DataFrame", source: str) -> str:
    names = [n for c in COLUMNS if c.name == "params" for n in (c.name, *c.aliases)]
    near = [n for n in table.columns if did_you_mean(n, names)]
    hint = (
        f" '{near[0]}' looks like it: rename it, or pass --column params={near[0]}."
        if near
        else " Name the column that holds it with --column params=NAME."
    )
    separators = [s for s in ";\t|" if len(table.columns) == 1 and s in table.columns[0]]
    if separators:
        hint = f" The header has no commas but '{separators[0]}': save the table with commas."
    return f"{source}: no column for params (trainable parameters); the columns are {', '.join(table.columns)}.{hint}"


def _without_namesakes(table: "pl.DataFrame", report: list[str]) -> "pl.DataFrame":
    """A column that has one of our names and not one number in it is something else, unless much depends on it."""
    import polars as pl

    renamed = {}
    for column in COLUMNS:
        if column.name in table.columns and column.kind != "text" and column.name not in ESSENTIAL:
            given = table[column.name]
            if given.dtype == pl.String and given.cast(pl.Float64, strict=False).count() == 0 < given.count():
                renamed[column.name] = f"{column.name}_as_given"
                report.append(f"column '{column.name}' holds no numbers, so it is not {column.meaning}; left alone")
    return table.rename(renamed)


def _typed(table: "pl.DataFrame", source: str) -> "pl.DataFrame":
    """Numbers as Float64, text as String; text in a number column is an error with its row."""
    import polars as pl

    casts: list[pl.Expr | pl.Series] = []
    for column in COLUMNS:
        if column.name not in table.columns:
            continue
        if column.kind == "text":
            casts.append(pl.col(column.name).cast(pl.String))
            continue
        given = table[column.name]
        numbers = given.cast(pl.Float64, strict=False)
        wrong = given.is_not_null() & numbers.is_null()
        if given.dtype == pl.String:
            wrong &= given.str.strip_chars() != ""
        if wrong.any():
            row = int(wrong.arg_true()[0])
            raise TableError(
                f"{source}, row {row + 1}, column '{column.name}': '{given[row]}' is not a number "
                f"({int(wrong.sum()):,} such cells); write numbers out, for example 1.2e9."
            )
        casts.append(numbers.alias(column.name))
    return table.with_columns(casts)


def _identified(table: "pl.DataFrame", source: str, report: list[str]) -> "pl.DataFrame":
    """Every row belongs to a run and a group. A run has one size."""
    import polars as pl

    taken_from = next((line for line in report if line.startswith("run (")), None)
    if "run" in table.columns:
        several = table.group_by("run").agg(pl.col("params").n_unique().alias("n")).filter(pl.col("n") > 1)
        if several.height and taken_from is None:
            name = several["run"].sort()[0]
            raise TableError(f"{source}: run '{name}' has rows of several params; give each size its own run name.")
        if several.height:  # an alias such as `model` that names something wider than a run
            report.remove(str(taken_from))
            report.append("the column that might name runs holds several sizes under one name; it was left alone")
            table = table.rename({"run": "run_as_given"})
    if "run" not in table.columns:
        report.append("no column names the run: every row is taken as a run of its own")
        table = table.with_columns((pl.lit("row ") + pl.int_range(1, pl.len() + 1).cast(pl.String)).alias("run"))
    if "group" not in table.columns:
        table = table.with_columns(pl.lit("all").alias("group"))
    return table


def _states(table: "pl.DataFrame", source: str, nan_means_diverged: bool, report: list[str]) -> "pl.DataFrame":
    """A loss that is not a finite number is a diverged run, and somebody has to say so."""
    import polars as pl

    if "state" in table.columns:
        table = table.with_columns(pl.col("state").str.strip_chars().str.to_lowercase())
        unknown = sorted(set(table["state"].drop_nulls().unique()) - set(STATES))
        if unknown:
            report.append(f"unknown states are taken as finished: {listed(unknown)}")
    if "loss" not in table.columns:
        return table
    broken = table["loss"].is_not_null() & ~table["loss"].is_finite()
    if "state" in table.columns:
        broken &= ~table["state"].is_in(FAILED_STATES).fill_null(False)
    if not broken.any():
        return table
    rows = listed(int(i) + 1 for i in broken.arg_true())
    if not nan_means_diverged:
        raise TableError(
            f"{source}, column 'loss': not a finite number in row {rows}; if these runs diverged, say so with "
            "--nan-means-diverged or a column 'state', and they are reported as diverged."
        )
    report.append(f"diverged (loss is not finite): row {rows}")
    state = pl.when(broken).then(pl.lit("diverged"))
    return table.with_columns(
        (state.otherwise(pl.col("state")) if "state" in table.columns else state.otherwise(pl.lit("finished"))).alias(
            "state"
        )
    )


def _check_values(table: "pl.DataFrame", source: str) -> None:
    for column in COLUMNS:
        if column.name not in table.columns or column.kind == "text":
            continue
        values = table[column.name]
        if column.kind == "fraction":
            wrong, why = (values < 0) | (values > 1), "must lie between 0 and 1; a percentage must be divided by 100"
        elif column.kind == "loss":
            finite = values.is_finite()
            wrong, why = finite & (values <= 0), "must be greater than 0 (nats per token)"
        elif column.name in ("step", "seconds", "tokens", "flops", "gpu_hours", "lr"):
            wrong, why = ~values.is_finite() | (values < 0), "must be finite and not negative"
            if column.name in ("tokens", "flops") and not _starts_at_zero(table, column.name):
                wrong, why = wrong | (values == 0), "must be finite and greater than 0"
        else:
            wrong, why = ~values.is_finite() | (values <= 0), "must be finite and greater than 0"
        if wrong.any():
            row = int(wrong.arg_true()[0])
            raise TableError(
                f"{source}, row {row + 1}, column '{column.name}': {values[row]:g} {why}"
                f" ({int(wrong.sum()):,} such {'cell' if wrong.sum() == 1 else 'cells'})."
            )
    if table["params"].null_count():
        row = int(table["params"].is_null().arg_true()[0])
        raise TableError(f"{source}, row {row + 1}, column 'params': empty; every row needs its model's size.")


def _starts_at_zero(table: "pl.DataFrame", column: str) -> bool:
    """A log may begin with step 0; a table of finished runs may not hold a run of no tokens."""
    return table["run"].n_unique() < table.height and "step" in table.columns
