"""Which of a table's columns is which of ours: exact names first, then what the user named, then aliases."""

import re
from typing import TYPE_CHECKING

from scalewise.errors import TableError, did_you_mean
from scalewise.runs.columns import BY_NAME, COLUMNS, Column, normalised
from scalewise.runs.numbers import numbers
from scalewise.runs.report import ReadingReport
from scalewise.runs.table import listed

if TYPE_CHECKING:
    import polars as pl

HEADINGS = ("metrics.", "params.", "config.", "summary.", "config/", "summary/")
"""What exports of MLflow (`search_runs`) and W&B put before the names that a run logged."""
MOST_COLUMNS = 50_000
SETS_LOSS = re.compile(r"eval/[^/]+/CrossEntropyLoss")
"""OLMo's losses on its evaluation sets."""


def recognise(table: "pl.DataFrame", source: str, named: dict[str, str], report: ReadingReport) -> "pl.DataFrame":
    """The table with our column names. What was taken as what, and what was left alone, goes into the report."""
    if table.width > MOST_COLUMNS:
        raise TableError(f"{source}: {table.width:,} columns; more than {MOST_COLUMNS:,} are no table of runs.")
    _check_named(table, source, named)
    by_normal = _by_normal_name(table)
    taken = dict(named)
    for column in COLUMNS:
        if column.name in named:
            continue
        candidates = [c for c in _candidates(column, by_normal) if c not in taken.values()]
        if len(candidates) > 1:  # what has the exact name of another of our columns is that one
            candidates = [c for c in candidates if c == column.name or c not in BY_NAME]
        if candidates:
            taken[column.name], *others = candidates
            if others:
                report.add("columns", f"left alone, though they might be {column.name} too: {listed(others)}")
    for ours, theirs in taken.items():
        if ours != theirs:
            report.add("columns", f"{ours} ({BY_NAME[ours].meaning}) is column '{theirs}'")
    _report_near_misses(table, taken, report)
    overruled = {ours: f"{ours}_as_given" for ours in taken if ours in table.columns and ours not in taken.values()}
    for ours, renamed in overruled.items():
        report.add("columns", f"the table's own '{ours}' is kept as '{renamed}'")
    table = table.rename(overruled | {theirs: ours for ours, theirs in taken.items() if ours != theirs})
    return _converted(table, source, taken, report)


def _by_normal_name(table: "pl.DataFrame") -> dict[str, list[str]]:
    """The columns by their normalised names; a column's own name comes before one under a heading."""
    by_normal: dict[str, list[str]] = {}
    for name in table.columns:
        by_normal.setdefault(normalised(name), []).append(name)
    for name in table.columns:
        for heading in HEADINGS:
            if name.startswith(heading):
                by_normal.setdefault(normalised(name.removeprefix(heading)), []).append(name)
    return by_normal


def _converted(table: "pl.DataFrame", source: str, taken: dict[str, str], report: ReadingReport) -> "pl.DataFrame":
    for column in COLUMNS:
        for alias, factor, what in column.converted:
            if normalised(taken.get(column.name, "")) == normalised(alias):
                table = table.with_columns(numbers(table[column.name], source) * factor)
                report.add("converted", f"{column.name} was {what}")
    return table


def _check_named(table: "pl.DataFrame", source: str, named: dict[str, str]) -> None:
    for ours, theirs in named.items():
        if ours not in BY_NAME:
            raise TableError(f"--column {ours}={theirs}: '{ours}' is no column of ours{did_you_mean(ours, BY_NAME)}.")
        if theirs not in table.columns:
            hint = did_you_mean(theirs, table.columns)
            raise TableError(f"{source}: there is no column '{theirs}'{hint}; it has {', '.join(table.columns)}.")
    twice = [theirs for theirs in set(named.values()) if list(named.values()).count(theirs) > 1]
    if twice:
        raise TableError(f"--column: '{twice[0]}' cannot be two of our columns at once.")


def _candidates(column: Column, by_normal: dict[str, list[str]]) -> list[str]:
    """The table's columns that may be this one, the best first."""
    aliases = (column.name, *column.aliases, *(alias for alias, _, _ in column.converted))
    found = [name for alias in aliases for name in by_normal.get(normalised(alias), [])]
    if column.name == "loss":
        found += [name for names in by_normal.values() for name in names if SETS_LOSS.fullmatch(name)]
    exact = [name for name in found if name == column.name]
    return list(dict.fromkeys(exact + found))


def _report_near_misses(table: "pl.DataFrame", taken: dict[str, str], report: ReadingReport) -> None:
    """A column that is nearly one of ours which the table lacks was probably meant to be it."""
    missing = [column.name for column in COLUMNS if column.name not in taken]
    strangers = [name for name in table.columns if name not in taken.values()]
    hints = {name: did_you_mean(name, missing) for name in strangers}
    for name, hint in hints.items():
        if hint:
            report.add("columns", f"column '{name}' was not recognised{hint}")


def no_params(table: "pl.DataFrame") -> str:
    """What to report of a table in which no column gives the models' sizes."""
    names = [BY_NAME["params"].name, *BY_NAME["params"].aliases]
    near = [name for name in table.columns if did_you_mean(name, names)]
    start = "no column for params (trainable parameters)"
    if near:
        return f"{start}; '{near[0]}' looks like it: rename it, or pass --column params={near[0]}"
    return f"{start}; name the column that holds it with --column params=NAME, if there is one"
