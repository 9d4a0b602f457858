"""What logs do not hold: sizes and recipes from the runs' names, or from a second table joined on the run."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.errors import TableError
from scalewise.runs.numbers import THOUSANDS
from scalewise.runs.readers.tidy import ENDINGS, read_tidy
from scalewise.runs.report import ReadingReport
from scalewise.runs.table import listed
from scalewise.runs.validate import typed

if TYPE_CHECKING:
    import polars as pl

FIELD = re.compile(r"\{(\w+)(?::(\w+))?\}")


def _size(text: str) -> float:
    return float(text[:-1] if text[-1].lower() in THOUSANDS else text) * THOUSANDS.get(text[-1].lower(), 1.0)


KINDS: dict[str, tuple[str, Callable[[str], float | str]]] = {
    "int": (r"[0-9]{1,18}", float),
    "float": (r"[-+]?(?:[0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?", float),
    "size": (r"[0-9]{1,18}(?:\.[0-9]{1,9})?[kKmMbBgGtT]?", _size),
    "text": (r"[^_/\s]+?", str),
}
"""`size` is a count such as 70M or 1.3B; `text` ends before an underscore, a slash or a space."""


def from_names(table: "pl.DataFrame", pattern: str, report: ReadingReport) -> "pl.DataFrame":
    """Columns from the runs' names by a pattern such as `d={width:int}_l={depth:int}`, found anywhere in the name.

    What a log itself says is kept. Raises TableError for a pattern that cannot be understood or fits no name.
    """
    import polars as pl

    expression, kinds = _compiled(pattern)
    names = table["run"].unique(maintain_order=True).to_list()
    matches = {name: expression.search(name) for name in names}
    rows = [
        {"run": name} | {field: KINDS[kind][1](match[field]) for field, kind in kinds.items()}
        for name, match in matches.items()
        if match
    ]
    if not rows:
        raise TableError(f"--from-name {pattern!r} fits no run's name; names are like {listed(names, most=3)}.")
    missed = [name for name, match in matches.items() if not match]
    report.add("inferred", f"{', '.join(kinds)} are from the names of {len(rows):,} runs, by the pattern {pattern}")
    if missed:
        report.add("gaps", f"{len(missed):,} runs whose name does not fit --from-name: {listed(missed)}")
    return _filled(table, typed(pl.DataFrame(rows), f"--from-name {pattern!r}", {}, report), report)


def _compiled(pattern: str) -> tuple[re.Pattern[str], dict[str, str]]:
    kinds: dict[str, str] = {}
    expression, place = "", 0
    for match in FIELD.finditer(pattern):
        field, kind = match[1], match[2] or "text"
        if kind not in KINDS or field in kinds or field == "run":
            why = f"'{kind}' is none of {', '.join(KINDS)}" if kind not in KINDS else f"'{field}' cannot stand there"
            raise TableError(f"--from-name {pattern!r}: {why}; write it like 'd={{width:int}}_l={{depth:int}}'.")
        kinds[field] = kind
        expression += re.escape(pattern[place : match.start()]) + f"(?P<{field}>{KINDS[kind][0]})"
        place = match.end()
    if not kinds:
        raise TableError(f"--from-name {pattern!r}: no {{column:int}} in it; write it like 'd={{width:int}}'.")
    rest = re.escape(pattern[place:])
    ends_open = not rest and list(kinds.values())[-1] == "text"
    return re.compile(expression + (r"(?=[_/\s]|$)" if ends_open else rest)), kinds


def joined(table: "pl.DataFrame", path: Path, report: ReadingReport) -> "pl.DataFrame":
    """Columns from a second tidy table with one row a run. What a log itself says is kept.

    Raises TableError when no column of it names the runs, a run stands in it twice, or no run is in both.
    """
    if not path.is_file() or not path.name.lower().endswith(ENDINGS):
        raise TableError(f"--join {path}: not a table; give a file of one row a run, {', '.join(ENDINGS)}.")
    second = typed(read_tidy(path, report), f"--join {path}", {}, report)
    if "run" not in second.columns:
        raise TableError(f"--join {path}: no column 'run' names the runs; it has {', '.join(second.columns)}.")
    twice = second.filter(second["run"].is_duplicated())["run"].unique().sort()
    if twice.len():
        raise TableError(f"--join {path}: more than one row for {listed(twice)}; give one row a run.")
    known = set(second["run"].drop_nulls())
    missing = [name for name in table["run"].unique(maintain_order=True) if name not in known]
    if len(missing) == table["run"].n_unique():
        raise TableError(f"--join {path}: names no run of the logs, such as {listed(missing, most=3)}.")
    if missing:
        report.add("gaps", f"{len(missing):,} runs are not in {path}: {listed(missing)}")
    report.add("inferred", f"{', '.join(c for c in second.columns if c != 'run')} are from {path}, joined on the run")
    return _filled(table, second, report)


def _filled(table: "pl.DataFrame", second: "pl.DataFrame", report: ReadingReport) -> "pl.DataFrame":
    import polars as pl

    both = [name for name in second.columns if name != "run" and name in table.columns]
    if both:
        report.add("columns", f"of {listed(both)} the logs' own values are kept where they have them")
    wide = table.join(second, on="run", how="left", suffix="__second", maintain_order="left")
    return wide.with_columns(pl.coalesce(n, f"{n}__second").alias(n) for n in both).drop([f"{n}__second" for n in both])
