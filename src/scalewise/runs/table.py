"""Runs: the one table that everything shares. A row is one observation of one run at one point of its life."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError, did_you_mean, first_line
from scalewise.runs.columns import BY_NAME, FAILED_STATES
from scalewise.runs.files import write_whole
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Runs:
    """An immutable table of runs, with the report of how it was read.

    `table` has the columns of `columns.COLUMNS` that are known (`run` and `group` always are), plus any further ones
    under their own names. `source` says where it came from and `reading` what was taken as what, inferred, converted
    or left alone, and which rows were selected since; an Answer carries it. `report` is how the files were read.
    """

    table: "pl.DataFrame"
    source: str
    reading: tuple[str, ...] = ()
    read_with: tuple[str, ...] = ()
    """The words of the command line that reading it took, such as `--flops-by 6nd`."""
    report: ReadingReport = field(default_factory=ReadingReport)
    paths: tuple[str, ...] = ()
    """What was read, where several paths were given."""

    def __len__(self) -> int:
        return self.table.height

    def __str__(self) -> str:
        runs = self.table["run"].n_unique()
        sizes = f", {self.table['params'].n_unique():,} sizes" if "params" in self.table.columns else ""
        head = f"{self.source}: {len(self):,} rows, {runs:,} runs{sizes}"
        selected = [f"  selected   {line}" for line in self.reading[len(self.report.lines()) :]]
        return "\n".join([head, *([str(self.report)] if self.report.lines() else []), *selected])

    def _repr_html_(self) -> str:
        """What a notebook shows: how the table was read, and its first rows."""
        from html import escape

        return f"<pre>{escape(str(self))}</pre>{self.table._repr_html_()}"

    def has(self, *columns: str) -> bool:
        """Whether every one of these columns is there with at least one value."""
        return all(c in self.table.columns and self.table[c].null_count() < len(self) for c in columns)

    def require(self, *columns: str, purpose: str) -> None:
        """Raise TableError that names the missing columns, what they mean and what is there instead."""
        missing = [c for c in columns if not self.has(c)]
        if missing:
            wanted = " and ".join(f"'{c}' ({BY_NAME[c].meaning})" for c in missing)
            known = (missing[0], *BY_NAME[missing[0]].aliases)
            near = next((name for name in self.table.columns if did_you_mean(name, known)), "NAME")
            raise TableError(
                f"{self.source}: {purpose} needs a column {wanted}; the table has "
                f"{', '.join(self.table.columns)}. Add it, or name the column that holds it with "
                f"--column {missing[0]}={near}."
            )

    def filtered(self, condition: str) -> "Runs":
        """The rows for which a condition in SQL's words holds, such as `arch == 'llama' and loss < 9`.

        Raises TableError when it cannot be understood, names a column that is not there, or holds for no row.
        """
        import polars as pl

        start = f"{self.source}: --where {condition!r}"
        try:
            kept = self.where(pl.sql_expr(condition), f"where {condition}")
        except pl.exceptions.ColumnNotFoundError as error:
            name = str(error).partition('"')[2].partition('"')[0]
            hint = did_you_mean(name, self.table.columns)
            there = ", ".join(self.table.columns)
            raise TableError(f"{start}: there is no column '{name}'{hint}; there are {there}.") from None
        except pl.exceptions.PolarsError as error:
            raise TableError(f"{start}: {first_line(error)}; write it like \"arch == 'llama' and loss < 9\".") from None
        if not len(kept):
            raise TableError(f"{start}: no row is like that.")
        return replace(kept, read_with=(*self.read_with, "--where", condition))

    def where(self, condition: "pl.Expr", note: str) -> "Runs":
        """The rows that satisfy a Polars expression; `note` goes into the reading report with the count."""
        kept = self.table.filter(condition)
        line = f"{note}: {kept.height:,} of {len(self):,} rows kept"
        return replace(self, table=kept, reading=(*self.reading, line))

    def of_group(self, group: str | None) -> "Runs":
        """The runs of one group, or all of them for None. Raises TableError when there is no such group."""
        import polars as pl

        groups = sorted(self.table["group"].unique())
        if group is None or groups == [group]:
            return self
        if group not in groups:
            hint = did_you_mean(group, groups)
            raise TableError(f"{self.source}: there is no group '{group}'{hint}; there are {listed(groups)}.")
        return self.where(pl.col("group") == group, f"group '{group}'")

    @cached_property
    def ended(self) -> "pl.DataFrame":
        """The last row of every run, in the order of the table; where a log goes on after the last evaluation, the last
        row that has a loss."""
        import polars as pl

        axis = next((c for c in ("tokens", "flops", "step", "gpu_hours") if self.has(c)), None)
        if axis is None or self.table["run"].n_unique() == len(self):
            return self.table
        by = [pl.col("loss").is_not_null(), pl.col(axis)] if self.has("loss") else [pl.col(axis)]
        return self.table.sort(by, maintain_order=True).group_by("run", maintain_order=True).last().sort("run")

    @cached_property
    def trained(self) -> "pl.DataFrame":
        """The last row of every run that neither diverged nor failed."""
        import polars as pl

        return self.ended.filter(~pl.col("run").is_in(self.failed["run"].unique().implode()))

    @property
    def failed(self) -> "pl.DataFrame":
        """Rows of runs that diverged or failed; they are part of the table and of no fit."""
        if "state" not in self.table.columns:
            return self.table.clear()
        return self.table.filter(self.table["state"].is_in(FAILED_STATES))

    @cached_property
    def has_curves(self) -> bool:
        """Whether some run is observed at more than one point of its life."""
        return self.table["run"].n_unique() < len(self)

    @cached_property
    def sha256(self) -> str:
        """A hash of the content: column names and values, in order, as CSV text."""
        from io import BytesIO

        digest = hashlib.sha256(",".join(self.table.columns).encode())
        for rows in self.table.iter_slices(1_000_000):
            text = BytesIO()
            rows.write_csv(text, include_header=False)
            digest.update(text.getvalue())
        return digest.hexdigest()

    def numbers(self, column: str) -> "NDArray[Any]":
        """A column as a float array of shape (rows,); missing values are NaN."""
        import polars as pl

        return self.table[column].cast(pl.Float64).to_numpy()

    def save(self, path: Path) -> None:
        """Write the tidy table as .csv or .parquet, whole or not at all. Raises TableError for another ending."""
        ending = path.suffix.lower()
        if ending not in (".csv", ".parquet"):
            raise TableError(f"{path}: a table can be saved as .csv or .parquet.")
        write_whole(path, self.table.write_csv if ending == ".csv" else self.table.write_parquet)


def listed(values: Iterable[object], most: int = 5) -> str:
    """`3, 7, 9 and 12 more`: enough values to find them, never a wall of them."""
    items = list(values)
    shown = ", ".join(str(v) for v in items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most:,} more"
