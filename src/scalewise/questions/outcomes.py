"""An outcome against a scale: two columns of a Runs table at the end of every run, and how the outcome errs."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError, TableError, did_you_mean
from scalewise.laws.residual import Binomial, Residual, Squares
from scalewise.questions.observations import Points, trained_points
from scalewise.runs.table import Runs, listed
from scalewise.runs.tuned import at_best_rate

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """x and y (points,) with how they are compared to a law, and how many runs lack one of them.

    `residual` is None where neither items nor standard errors are known. `rows` are the rows of the points.
    """

    x: Floats
    y: Floats
    residual: Residual | None
    left_out: int
    rows: "pl.DataFrame"

    def at(self, rows: NDArray[np.intp]) -> "Outcomes":
        """Some of the points, by their places."""
        residual = self.residual.at(rows) if self.residual else None
        return Outcomes(self.x[rows], self.y[rows], residual, 0, self.rows[rows.tolist()])

    def missing(self, x: str, y: str) -> tuple[str, ...]:
        """What to report of runs that were left out."""
        return (f"{self.left_out:,} runs without {x} or {y} are left out",) if self.left_out else ()

    def check(self, source: str, x: str, y: str, fewest: int) -> None:
        """Raises QuestionError unless x is above 0, y is finite and changes, and there are at least so many x."""
        start = f"{source}: {y} against {x}"
        for name, values, allowed in ((x, self.x, self.x > 0), (y, self.y, np.isfinite(self.y))):
            if (wrong := np.flatnonzero(~(allowed & np.isfinite(values)))).size:
                run = self.rows["run"][int(wrong[0])]
                need = "greater than 0" if name == x else "a finite number"
                raise QuestionError(f"{start}: {name} must be {need}; it is {values[wrong[0]]:g} for run {run}.")
        if (count := np.unique(self.x).size) < fewest:
            raise QuestionError(f"{start}: there are {count} distinct {x}; this question needs at least {fewest}.")
        if np.ptp(self.y) == 0:
            raise QuestionError(f"{start}: every {y} is {self.y[0]:g}; there is nothing that changes.")


def at_best_rates(runs: Runs, x: str) -> tuple[Runs, tuple[str, ...]]:
    """The runs at the best learning rate of each size and compute, and what was decided; all of them if x is a rate."""
    import polars as pl

    if x == "lr" or not runs.has("params", "loss", "lr"):
        return runs, ()
    best, note = at_best_rate(runs.trained)
    if note is None:
        return runs, ()
    return replace(runs, table=runs.table.filter(pl.col("run").is_in(best["run"].implode()))), (note,)


def outcomes(
    runs: Runs, x: str, y: str, items: str | None = None, errors: str | None = None, points: Points = "ended"
) -> Outcomes:
    """One point per run that was trained, at its end; or all of their points.

    `items` is a number, or the column of the number, of items behind each y, a share of them; `errors` the column of
    standard errors of y. Raises TableError for a column that is missing, is not numbers, or holds impossible ones.
    """
    if items and errors:
        raise TableError(f"{runs.source}: give the items behind {y} or its standard errors, not both.")
    import polars as pl

    ends = trained_points(runs, points)
    counted = _count(items)
    columns = [x, y, *(c for c in (errors, items) if c and not (c == items and counted))]
    for name in columns:
        _check(runs, ends, name)
    known = ends.with_columns(pl.col(columns).cast(pl.Float64).fill_nan(None)).drop_nulls(columns)
    xs, ys = _numbers(known, x), _numbers(known, y)
    residual: Residual | None = None
    if items:
        count = np.full(ys.size, counted) if counted else _numbers(known, items)
        _check_above_0(runs, known, items, count)
        if (wrong := np.flatnonzero((ys < 0) | (ys > 1))).size:
            raise TableError(
                f"{runs.source}: column '{y}' is {ys[wrong[0]]:g} for run {known['run'][int(wrong[0])]}; with items it "
                "must be the share answered right, between 0 and 1."
            )
        residual = Binomial("linear", count)
    elif errors:
        size = _numbers(known, errors)
        _check_above_0(runs, known, errors, size)
        residual = Squares("linear", size)
    return Outcomes(xs, ys, residual, ends.height - known.height, known)


def _count(items: str | None) -> float:
    """The number that `items` is, or 0 where it names a column."""
    try:
        return max(0.0, float(items or 0))
    except ValueError:
        return 0.0


def _check(runs: Runs, ends: "pl.DataFrame", name: str) -> None:
    if name not in ends.columns:
        hint = did_you_mean(name, ends.columns)
        raise TableError(f"{runs.source}: there is no column '{name}'{hint}; there are {', '.join(ends.columns)}.")
    if not ends[name].dtype.is_numeric():
        raise TableError(f"{runs.source}: column '{name}' holds {ends[name].dtype}, not numbers.")


def _check_above_0(runs: Runs, known: "pl.DataFrame", name: str, values: Floats) -> None:
    if (wrong := np.flatnonzero(~(np.isfinite(values) & (values > 0)))).size:
        bad = listed(known["run"][[int(i) for i in wrong]])
        raise TableError(f"{runs.source}: '{name}' must be greater than 0; it is not for run {bad}.")


def _numbers(rows: "pl.DataFrame", name: str) -> Floats:
    import polars as pl

    return np.asarray(rows[name].cast(pl.Float64).to_numpy())
