"""Many logs, one table: each kind of table is recognised by itself, then all are put under each other."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from scalewise.errors import TableError, first_line
from scalewise.runs.identity import identified
from scalewise.runs.progress import tracked
from scalewise.runs.readers.find import Found
from scalewise.runs.report import ReadingReport
from scalewise.runs.table import listed
from scalewise.runs.validate import check_values, known_extremes, typed

if TYPE_CHECKING:
    import polars as pl

FILE = "file"
MANY = 100
"""Files from which on a bar shows how far the reading is."""
KEYS = ("run", "step", "task", "item", "repeat", "filter")
"""What tells rows of one run apart."""
Piece = tuple[Found, "pl.DataFrame"]


def merged(
    found: Sequence[Found], named: Mapping[str, str], report: ReadingReport, progress: bool = False
) -> "pl.DataFrame":
    """The rows of everything found, with our columns and a column `file` where there are several.

    A file that cannot be read is left out, and the report says why; when it is the only one, TableError is raised.
    """
    import polars as pl

    pieces = _put_together(_read(found, report, progress), report)
    groups: dict[tuple[str, ...], list[Piece]] = {}
    for item, table in pieces:
        same = (item.format.name, *(table.columns if item.format.tidy else ()))
        groups.setdefault(same, []).append((item, table))
    tables = []
    for group in groups.values():
        tables += _recognised(group, named, report, alone=len(found) == 1)
    if not tables:
        raise TableError(next(iter(report.dropped)))
    whole = pl.concat(tables, how="diagonal_relaxed") if len(tables) > 1 else tables[0]
    return _unique_names(whole, report) if len(found) > 1 else whole


def _read(found: Sequence[Found], report: ReadingReport, progress: bool) -> list[Piece]:
    pieces = []
    shown = progress and len(found) >= MANY
    for item in tracked(found, len(found), "reading", lambda _: 1.0) if shown else found:
        plain = len(found) == 1 and item.format.tidy
        own = ReadingReport(files={} if plain else {str(item.path): item.format.name})
        try:
            table = item.format.read(item.path, item.name, own)
            if table.height == 0:
                raise TableError(f"{item.path}: there are no rows in it.")
        except TableError as error:
            if len(found) == 1:
                raise
            report.add("dropped", str(error))
            continue
        report.include(own)
        pieces.append((item, table))
    return pieces


def _put_together(pieces: list[Piece], report: ReadingReport) -> list[Piece]:
    """Files that hold different metrics of the same runs become one; of a value in several of them the last counts."""
    import polars as pl

    kept = [piece for piece in pieces if not piece[0].format.shared]
    for kind in dict.fromkeys(item.format for item, _ in pieces if item.format.shared):
        alike = [piece for piece in pieces if piece[0].format is kind]
        if len(alike) > 1:
            whole = pl.concat([table for _, table in alike], how="diagonal_relaxed")
            keys = [column for column in KEYS if column in whole.columns]
            joined = whole.group_by(keys, maintain_order=True).agg(pl.all().drop_nulls().last())
            if joined.height < whole.height:
                report.add("inferred", f"runs of one name in several files of {kind.name} are one run")
            alike = [(replace(alike[0][0], name=""), joined)]
        kept += alike
    return kept


def _recognised(
    group: list[Piece], named: Mapping[str, str], report: ReadingReport, alone: bool
) -> "list[pl.DataFrame]":
    """One table of a group of alike ones; where that fails, those of its files that can be used, one by one."""
    import polars as pl

    own = ReadingReport()
    source = listed([str(item.path) for item, _ in group], most=1)
    try:
        if alone:
            table = typed(group[0][1], source, dict(named), own)
        else:
            joined = pl.concat([table for _, table in group], how="diagonal_relaxed", rechunk=True)
            files = pl.DataFrame({FILE: [item.name or None for item, _ in group], "rows": [t.height for _, t in group]})
            joined = joined.with_columns(files.select(pl.col(FILE).repeat_by("rows").explode()).to_series())
            here = {ours: theirs for ours, theirs in named.items() if theirs in joined.columns}
            table = _run_of_a_file(typed(joined, source, here, own), own)
        table = identified(table, source, own)
        if not alone:
            check_values(table, source, known_extremes(table))
    except (TableError, pl.exceptions.PolarsError) as error:
        if alone and isinstance(error, TableError):
            raise
        if len(group) > 1:
            return [t for piece in group for t in _recognised([piece], named, report, alone)]
        report.files.pop(str(group[0][0].path), None)
        report.add("dropped", str(error) if isinstance(error, TableError) else f"{source}: {first_line(error)}.")
        return []
    report.include(own)
    return [table]


def _run_of_a_file(table: "pl.DataFrame", report: ReadingReport) -> "pl.DataFrame":
    """Where no column names the run, a file with steps is one run, and another holds one run a row."""
    import polars as pl

    if "run" in table.columns:
        return _unique_names(table, report)
    if "step" in table.columns:
        report.add("inferred", "no column names the run: a file with steps is one run, named after the file")
        return table.with_columns(pl.col(FILE).alias("run"))
    report.add("inferred", "no column names the run: every row is taken as a run of its own")
    row = pl.int_range(1, pl.len() + 1).over(FILE).cast(pl.String)
    return table.with_columns(pl.concat_str([pl.col(FILE), pl.lit(", row "), row]).alias("run"))


def _unique_names(table: "pl.DataFrame", report: ReadingReport) -> "pl.DataFrame":
    """Runs of one name in several files are different runs, named after file and run."""
    import polars as pl

    files = table.group_by("run").agg(pl.col(FILE).n_unique().alias("files")).filter(pl.col("files") > 1)
    if files.height == 0:
        return table
    report.add("inferred", f"runs of one name in several files are runs of their own: {listed(files['run'].sort())}")
    several = pl.col("run").is_in(files["run"].implode())
    own = pl.concat_str([pl.col(FILE), pl.col("run")], separator="/", ignore_nulls=True)
    return table.with_columns(pl.when(several).then(own).otherwise(pl.col("run")).alias("run"))
