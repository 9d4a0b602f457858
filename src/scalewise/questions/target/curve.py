"""The points that speak of a level: one per run at its end, or the curves along which runs were observed."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.laws.residual import Binomial, Residual
from scalewise.questions.outcomes import outcomes
from scalewise.runs.levels import compute_levels
from scalewise.runs.table import Runs, listed
from scalewise.runs.tuned import at_best_rate

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
Which = Literal["ended", "all", "frontier"]

FEWEST_DISTINCT = 5
"""Fewer different x show no form at all: a law with a floor leaves none over by which to judge it."""
MOST_POINTS = 60
"""A curve is thinned to this many means, evenly spaced in log x: the laws need no more."""
SCALES = ("params", "tokens", "flops", "data_size", "step")


@dataclass(frozen=True)
class Curve:
    """y (points,) against x (points, inputs), by rising x where there is one.

    `runs` is how many stand behind it. Where they are curves, `along` is true: their points are means over the runs at
    one x, and `shift` (with `runs` - 1 degrees of freedom) is the standard error by which all of them may lie too high
    or low together, since the same runs stand behind every point. `items` is how many items do, where that is known.
    `of_run` numbers the run of every point, `rows` are the rows of the table behind them.
    """

    x: Floats
    y: Floats
    residual: Residual | None
    runs: int
    of_run: NDArray[np.int64]
    along: bool
    rows: "pl.DataFrame"
    runs_left_out: int = 0
    shift: float = 0.0
    items: float | None = None
    notes: tuple[str, ...] = ()

    def at(self, points: NDArray[np.intp]) -> "Curve":
        """Only these points, in their order."""
        residual = self.residual.at(points) if self.residual else None
        of_run = self.of_run[points] if self.of_run.size == self.y.size else self.of_run
        return replace(self, x=self.x[points], y=self.y[points], residual=residual, of_run=of_run)

    @property
    def largest(self) -> float:
        return float(self.x[:, 0].max())

    @property
    def smallest(self) -> float:
        return float(self.x[:, 0].min())


def default_scale(runs: Runs) -> str:
    """The first usual scale of which there are enough values. Raises QuestionError when there is none."""
    for name in SCALES:
        if runs.has(name) and runs.table[name].drop_nulls().n_unique() >= FEWEST_DISTINCT:
            return name
    raise QuestionError(
        f"{runs.source}: no column of scale has {FEWEST_DISTINCT} different values ({', '.join(SCALES)}); name one "
        f"with --x; there are {', '.join(runs.table.columns)}."
    )


def curve_of(
    runs: Runs, x: str, also: tuple[str, ...], y: str, which: Which, items: str | None = None, rising: bool = False
) -> Curve:
    """The points of one group. `rising` says which outcomes are better, for the frontier.

    Raises QuestionError for too few different x, impossible values, or curves of several sizes taken as one.
    """
    rows, notes = _rows(runs, y, which)
    curve = _points(runs, rows, x, also, y, items)
    if curve.runs_left_out:
        what = "points" if curve.along else "runs"
        notes.append(f"{curve.runs_left_out:,} {what} without {x} or {y} are left out")
    if curve.along and not also:
        curve = _one_curve(curve, x, runs.source)
    elif which == "frontier":
        seen, curve = curve.runs, _frontier(curve, rising)
        notes.append(f"{curve.runs:,} of {seen:,} runs are on the frontier: none at the same or less {x} is better")
    hint = " or look along the runs with --points all" if which == "ended" and runs.has_curves else ""
    for i, name in enumerate((x, *also)):
        needed = 2 if also else FEWEST_DISTINCT
        if (distinct := np.unique(curve.x[:, i]).size) < needed:
            raise QuestionError(
                f"{runs.source}: there are {distinct} different values of {name}; at least {needed} are needed to see "
                f"where {y} is going: add runs{hint}."
            )
    if np.ptp(curve.y) <= 1e-12 * float(np.abs(curve.y).max()):
        raise QuestionError(f"{runs.source}: {y} is {curve.y[0]:g} everywhere; there is no effect of {x} to continue.")
    return replace(curve.at(np.argsort(curve.x[:, 0], kind="stable")), notes=tuple(notes))


def _rows(runs: Runs, y: str, which: Which) -> "tuple[pl.DataFrame, list[str]]":
    """The rows to look at, and what was decided about them."""
    import polars as pl

    rows, notes = runs.trained, []
    if which == "all":
        rows = runs.table.filter(pl.col("run").is_in(rows["run"].implode()))
    elif y == "loss" and runs.has("params", "loss"):
        rows, note = at_best_rate(rows)
        notes += [note] if note else []
    if rows.height == 0:
        raise QuestionError(f"{runs.source}: every run diverged or failed; nothing is left to look at.")
    return rows, notes


def _points(runs: Runs, rows: "pl.DataFrame", x: str, also: tuple[str, ...], y: str, items: str | None) -> Curve:
    """One point per row, checked; which run each belongs to stands in a column `_of`."""
    import polars as pl

    rows = rows.with_columns(pl.col("run").alias("_of"))
    along = rows["run"].n_unique() < rows.height
    if along:  # each point speaks for itself until it is known what its run shares with others
        rows = rows.with_columns(
            pl.concat_str(pl.col("run"), pl.int_range(pl.len()).cast(pl.String), separator=" #").alias("run")
        )
    found = outcomes(replace(runs, table=rows), x, y, items)
    known = rows.join(found.rows.select("run"), on="run", how="semi")
    scales = [found.x, *(np.asarray(known[name].cast(pl.Float64).fill_null(np.nan).to_numpy()) for name in also)]
    for name, values in (*zip((x, *also), scales, strict=True), (y, found.y)):
        wrong = ~np.isfinite(values) if name == y else ~(np.isfinite(values) & (values > 0))
        if wrong.any():
            at = int(np.argmax(wrong))
            wanted = "a finite number" if name == y else "a number greater than 0"
            raise QuestionError(
                f"{runs.source}: '{name}' must be {wanted}; it is {values[at]:g} for run {known['_of'][at]}; correct "
                "it or leave it out with --where."
            )
    return Curve(
        x=np.stack(scales, axis=1),
        y=found.y,
        residual=found.residual,
        runs=known["_of"].n_unique(),
        of_run=known.select(pl.col("_of").rank("dense") - 1).to_series().to_numpy().astype(np.int64),
        along=along,
        rows=known,
        runs_left_out=found.left_out,
    )


def _frontier(curve: Curve, rising: bool) -> Curve:
    """Points that are better than every one at the same (within 2 %) or smaller x."""
    better = curve.y if rising else -curve.y
    order = np.lexsort((-better, compute_levels(curve.x[:, 0])))
    best = np.maximum.accumulate(np.append(-np.inf, better[order]))[:-1]
    keep = np.sort(order[better[order] > best])
    return replace(curve.at(keep), runs=keep.size)


def _one_curve(curve: Curve, x: str, source: str) -> Curve:
    """The mean over runs at every x that all of them share, thinned, and what they may all be off by together."""
    import polars as pl

    rows = curve.rows
    if x != "params" and "params" in rows.columns and rows["params"].n_unique() > 1:
        sizes = listed(f"{p:.4g}" for p in rows["params"].unique().sort())
        raise QuestionError(
            f"{source}: the curves along {x} are of several sizes (params {sizes}); choose one with --where or --group."
        )
    logs = np.log(curve.x[:, 0])
    place = np.unique(np.round(logs, 9), return_inverse=True)[1]
    if place.max() >= MOST_POINTS:
        edges = np.linspace(logs.min(), logs.max() + 1e-9, MOST_POINTS + 1)
        place = np.digitize(logs, edges)
    table = pl.DataFrame({"place": place, "run": curve.of_run, "x": curve.x[:, 0], "y": curve.y})
    each = table.group_by("place", "run").agg(pl.col("x").median(), pl.col("y").mean()).sort("place", "run")
    means = each.group_by("place").agg(
        pl.col("x").median(), pl.col("y").mean(), pl.col("y").var().alias("variance"), pl.len().alias("runs")
    )
    shared = means.filter(pl.col("runs") == curve.runs).sort("place")
    if shared.height < FEWEST_DISTINCT:
        shared = means.sort("place")
    y = shared["y"].to_numpy()
    variance = shared["variance"].drop_nulls()
    between = float(np.sqrt(variance.to_numpy().mean() / curve.runs)) if curve.runs > 1 and variance.len() else 0.0
    return replace(
        curve,
        x=shared["x"].to_numpy()[:, None],
        y=y,
        residual=None,
        shift=between,
        items=float(np.median(curve.residual.items)) * curve.runs if isinstance(curve.residual, Binomial) else None,
    )
