"""Turns a recognised table into Runs: types, identities and every value checked, or one sentence that says why not."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from scalewise.errors import TableError
from scalewise.runs.columns import COLUMNS, FAILED_STATES, STATES, Column
from scalewise.runs.compute import Convention, with_compute
from scalewise.runs.glance import Extremes, changes, extremes
from scalewise.runs.identity import identified
from scalewise.runs.numbers import cells, numbers, refuse_nested, written_out
from scalewise.runs.recognise import recognise
from scalewise.runs.report import ReadingReport
from scalewise.runs.table import Runs, listed

if TYPE_CHECKING:
    import polars as pl

ESSENTIAL = ("params", "tokens", "flops", "gpu_hours", "loss", "accuracy")
"""Columns in which text is always an error."""
COUNTS = ("params", "tokens")
"""Columns in which people write 125m or 1.3B."""
FEWEST_PARAMS = 100
"""A smaller number is a count of millions or billions."""
LARGEST = 1e40
"""Nothing that was ever counted is larger."""
UNPRINTABLE = r"[\p{Cc}\x{FFFE}\x{FFFF}]"


def recognised(table: "pl.DataFrame", source: str, named: dict[str, str], report: ReadingReport) -> "pl.DataFrame":
    """The table with our columns, each of its type, and every row with a run and a group. Raises TableError."""
    return identified(typed(table, source, named, report), source, report)


def typed(table: "pl.DataFrame", source: str, named: dict[str, str], report: ReadingReport) -> "pl.DataFrame":
    """The table with our columns, each of its type. Raises TableError."""
    table = _without_blank_rows(table, report)
    if table.height == 0:
        raise TableError(f"{source}: there are no rows in it.")
    table = recognise(table, source, named, report)
    if "params" not in table.columns:
        _check_separator(table, source)
    return _typed(_without_namesakes(table, report), source, report)


def checked(
    table: "pl.DataFrame",
    source: str,
    named: Mapping[str, str] | None,
    nan_means_diverged: bool,
    convention: Convention,
    report: ReadingReport,
) -> Runs:
    """Runs from a recognised table: every value is checked, and what follows from others is computed.

    `named` maps our column names to the table's, for what aliases cannot know. Raises TableError (source, row, column,
    what to do) for anything that cannot be used; rows are counted from 1, without the header.
    """
    known = known_extremes(table)
    table = _states(table, source, nan_means_diverged, known, report)
    check_values(table, source, known)
    _check_sizes(table, source)
    table = with_compute(table, convention, report)
    if "loss" in table.columns and (empty := table["loss"].null_count()):
        report.add("inferred", f"{empty:,} rows have no loss (empty cells); they count for compute only")
    words = [word for ours, theirs in (named or {}).items() for word in ("--column", f"{ours}={theirs}")]
    words += ["--nan-means-diverged"] if nan_means_diverged else []
    words += ["--flops-by", convention] if convention != "given" else []
    return Runs(table, source, report.lines(), tuple(words), report)


def _check_separator(table: "pl.DataFrame", source: str) -> None:
    """A header in one piece was separated by something else."""
    separators = {";": "';'", "\t": "a tab", "|": "'|'", ",": "a comma"}
    for separator, called in separators.items():
        if table.width == 1 and separator in table.columns[0]:
            raise TableError(
                f"{source}: the header seems to be separated by {called}; save the table as CSV with commas."
            )


def _without_blank_rows(table: "pl.DataFrame", report: ReadingReport) -> "pl.DataFrame":
    import polars as pl

    if not table.width or any(column.null_count() == 0 for column in table.iter_columns()):
        return table
    kept = table.filter(~pl.all_horizontal(pl.all().is_null()))
    if kept.height < table.height:
        report.add("dropped", f"{table.height - kept.height:,} blank lines were skipped; rows are counted without them")
    return kept


def _without_namesakes(table: "pl.DataFrame", report: ReadingReport) -> "pl.DataFrame":
    """A column that has one of our names and not one number in it is something else, unless much depends on it."""
    import polars as pl

    renamed = {}
    for column in COLUMNS:
        if column.name in table.columns and column.kind != "text" and column.name not in ESSENTIAL:
            given = table[column.name]
            if given.dtype == pl.String and given.cast(pl.Float64, strict=False).count() == 0 < given.count():
                renamed[column.name] = f"{column.name}_as_given"
                report.add(
                    "columns", f"column '{column.name}' holds no numbers, so it is not {column.meaning}; left alone"
                )
    return table.rename(renamed)


def _typed(table: "pl.DataFrame", source: str, report: ReadingReport) -> "pl.DataFrame":
    """Numbers as Float64, text as printable String; nested columns that are not ours are left out, with a note."""
    import polars as pl

    ours = {column.name for column in COLUMNS}
    nested = [n for n, t in table.schema.items() if n not in ours and (t.is_nested() or t in (pl.Binary, pl.Object))]
    if nested:
        report.add("dropped", f"left out, since cells hold lists or bytes: {listed(nested)}")
    casts: list[pl.Expr | pl.Series] = []
    for column in COLUMNS:
        if column.name in table.columns:
            given = table[column.name]
            if column.name in COUNTS and (counts := written_out(given)) is not None:
                report.add("converted", f"{column.name}: the letters k, M, B and T stand for 1e3, 1e6, 1e9 and 1e12")
                given = counts
            casts.append(_text(given, source) if column.kind == "text" else numbers(given, source))
    return table.drop(nested).with_columns(casts)


def _text(given: "pl.Series", source: str) -> "pl.Series":
    """Control characters would break terminals and figures."""
    import polars as pl

    refuse_nested(given, source, "text")
    text = given.cast(pl.String)
    distinct = changes(text.to_frame(), [text.name]).to_series().unique()  # names repeat in every row of a run
    if not (distinct.str.contains(UNPRINTABLE) | (distinct == "")).any():
        return text
    return text.str.replace_all(UNPRINTABLE, "\ufffd").replace("", None)


def _states(
    table: "pl.DataFrame", source: str, nan_means_diverged: bool, known: Extremes, report: ReadingReport
) -> "pl.DataFrame":
    """A loss that is not a finite number is a diverged run, and somebody has to say so."""
    import polars as pl

    if "state" in table.columns:
        table = table.with_columns(pl.col("state").str.strip_chars().str.to_lowercase())
        unknown = sorted(set(table["state"].drop_nulls().unique()) - set(STATES))
        if unknown:
            report.add("inferred", f"unknown states are taken as finished: {listed(unknown)}")
    if all(value is None or math.isfinite(value) for value in known.get("loss", ())):
        return table
    broken = (table["loss"].is_not_null() & ~table["loss"].is_finite()).fill_null(False)
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
    report.add("inferred", f"diverged (loss is not finite): row {rows}")
    otherwise = pl.col("state") if "state" in table.columns else pl.lit("finished")
    return table.with_columns(pl.when(broken).then(pl.lit("diverged")).otherwise(otherwise).alias("state"))


def known_extremes(table: "pl.DataFrame") -> Extremes:
    """Of our columns of numbers."""
    ours = [column.name for column in COLUMNS if column.kind != "text" and column.name in table.columns]
    return extremes(table, ours)


def check_values(table: "pl.DataFrame", source: str, known: Extremes) -> None:
    """Raise TableError for the first cell of ours whose value is impossible."""
    for column in COLUMNS:
        if column.name in known and not _surely_right(column, *known[column.name]):
            values = table[column.name]
            wrong, why = _wrong_values(column, values, table)
            if wrong.any():
                row = int(wrong.arg_true()[0])
                raise TableError(
                    f"{source}, row {row + 1}, column '{column.name}': {values[row]:g} {why} ({cells(wrong)})."
                )


def _surely_right(column: Column, lowest: float | None, highest: float | None) -> bool:
    """Whether the extremes alone show that every cell is possible, which spares long columns a cell-by-cell look."""
    if lowest is None or highest is None or math.isnan(lowest):
        return False
    least = {"params": float(FEWEST_PARAMS)}.get(column.name, 0.0)
    above = lowest >= least if column.name == "params" or column.kind in ("fraction", "number") else lowest > least
    return above and highest <= (1.0 if column.kind == "fraction" else LARGEST)


def _check_sizes(table: "pl.DataFrame", source: str) -> None:
    """Raise TableError where sizes are known, but not in every row."""
    if "params" in table.columns and table["params"].null_count():
        row = int(table["params"].is_null().arg_true()[0])
        raise TableError(f"{source}, row {row + 1}, column 'params': empty; every row needs its model's size.")


def _wrong_values(column: Column, values: "pl.Series", table: "pl.DataFrame") -> "tuple[pl.Series, str]":
    """Which cells are impossible for this column, and why."""
    if column.kind == "fraction":
        return (values < 0) | (values > 1), "must lie between 0 and 1; a percentage must be divided by 100"
    if column.kind == "loss":
        return values.is_finite() & ((values <= 0) | (values > LARGEST)), "must be greater than 0 (nats per token)"
    absurd = ~values.is_finite() | (values > LARGEST)
    if column.name == "params":
        return (
            absurd | (values < FEWEST_PARAMS),
            f"must be a count of at least {FEWEST_PARAMS} parameters; write millions and billions out, for example 7e9",
        )
    may_be_zero = column.kind == "number" or _starts_at_zero(table, column.name)
    if may_be_zero:
        return absurd | (values < 0), "must be finite and not negative"
    return absurd | (values <= 0), "must be finite and greater than 0"


def _starts_at_zero(table: "pl.DataFrame", column: str) -> bool:
    """A log may begin with step 0; a table of finished runs may not hold a run of no tokens."""
    return column in ("tokens", "flops") and "step" in table.columns and table["run"].n_unique() < table.height
