"""isoFLOP budgets: the best loss and the best size of each, with how far off each may be.

A parabola of the loss in log size (Hoffmann et al. 2022, approach 2) is fitted to the runs of one budget. Runs far
above it, as diverged ones are, would bend it: they are found by a robust fit, left out, and shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import Fit, find_valley, fit_law, power_line
from scalewise.laws.families import LOG_QUADRATIC
from scalewise.laws.residual import LOG_HUBER, LOG_SQUARES
from scalewise.laws.valley import PowerLine
from scalewise.questions.slope.samples import Ends, Sample
from scalewise.runs.levels import compute_levels
from scalewise.runs.tuned import compute_axis

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

FEWEST_SIZES = 4
FEWEST_BUDGETS = 3
FAR_SD, FAR_SHARE = 6.0, 0.02
"""A run this many robust standard deviations, and this share of the loss, above its budget's parabola is far off."""
BLOWN = 1.5
"""A loss this many times the budget's lowest has no say in the robust fit: several such at one edge would bend it."""
REFITS = 400
"""Enough for a standard error."""


@dataclass(frozen=True)
class Optimum:
    """The lowest point of one budget's parabola. Standard errors are of log loss and log params."""

    group: int
    flops: float
    loss: float
    loss_error: float
    params: float
    params_error: float
    runs: int


@dataclass(frozen=True)
class Budgets:
    """Every budget's optimum, which ended runs are far off (points,), and what their budgets expect (points,)."""

    optima: tuple[Optimum, ...]
    far: NDArray[np.bool_]
    expected: Floats

    def losses(self, names: tuple[str, ...]) -> Sample:
        """The best loss of each budget against its compute."""
        return self._sample(names, [o.loss for o in self.optima], [o.loss_error for o in self.optima])

    def sizes(self, names: tuple[str, ...]) -> Sample:
        """The best size of each budget against its compute."""
        return self._sample(names, [o.params for o in self.optima], [o.params_error for o in self.optima])

    def _sample(self, names: tuple[str, ...], y: list[float], errors: list[float]) -> Sample:
        flops = np.array([o.flops for o in self.optima])
        member = np.array([o.group for o in self.optima])
        return Sample(flops, np.array(y), member, names, np.array(errors))


def has_budgets(ends: Ends, x: str) -> bool:
    """Whether x is compute and every group's runs form at least three budgets of four or more sizes."""
    if x != "flops" or "params" not in ends.rows.columns:
        return False
    levels, params = _levels(ends.rows), ends.rows["params"].to_numpy()
    for group in range(len(ends.sample.names)):
        mine = ends.sample.member == group
        sizes = [np.unique(params[mine & (levels == level)]).size for level in np.unique(levels[mine])]
        if sum(size >= FEWEST_SIZES for size in sizes) < FEWEST_BUDGETS:
            return False
    return True


def _cells(ends: Ends) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """The group and the points of every budget with enough sizes."""
    levels, params = _levels(ends.rows), ends.rows["params"].to_numpy()
    for group in range(len(ends.sample.names)):
        for level in np.unique(levels[ends.sample.member == group]):
            here = np.flatnonzero((ends.sample.member == group) & (levels == level))
            if np.unique(params[here]).size >= FEWEST_SIZES:
                yield group, here


def size_lines(ends: Ends, keep: NDArray[np.bool_]) -> list[PowerLine | None]:
    """The published recipe, for every group: a parabola per budget through the points that are kept, and a straight
    line through the logs of their optima, all alike, against the budget as planned (Hoffmann et al. 2022, approach 2).
    """
    params, planned = (ends.rows[name].to_numpy() for name in ("params", compute_axis(ends.rows) or "flops"))
    found: list[list[tuple[float, float]]] = [[] for _ in ends.sample.names]
    for group, here in _cells(ends):
        used = here[keep[here]]
        valley = find_valley(params[used], ends.sample.y[used], "parabola")
        if valley:
            found[group].append((float(np.median(planned[used])), valley.x))
    return [power_line(*np.array(optima).T) if optima else None for optima in found]


def _levels(rows: "pl.DataFrame") -> NDArray[np.int64]:
    return compute_levels(rows[compute_axis(rows) or "flops"].to_numpy())


def optima(ends: Ends, leave_out_far: bool, resamples: int, seed: int) -> Budgets:
    """The optimum of each group's budgets that have one inside their sizes."""
    sample, params = ends.sample, ends.rows["params"].to_numpy()
    far, expected = np.zeros(sample.x.size, dtype=bool), np.full(sample.x.size, np.nan)
    found: list[Optimum] = []
    for group, here in _cells(ends):
        near = here[sample.y[here] <= BLOWN * sample.y[here].min()]
        robust = fit_law(LOG_QUADRATIC, params[near], sample.y[near], resamples=0, residual=LOG_HUBER, seed=seed)
        if not robust.ok:
            continue
        expected[here] = robust.curves(params[here, None])[0]
        off = np.log(sample.y[here] / expected[here]) > max(FAR_SD * robust.noise, np.log1p(FAR_SHARE))
        far[here] = off
        used = here[~off] if leave_out_far else here
        refits = min(resamples, REFITS)
        fit = fit_law(LOG_QUADRATIC, params[used], sample.y[used], None, refits, LOG_SQUARES, seed=seed)
        optimum = _lowest(fit, params[used], group, float(np.median(sample.x[used])))
        found += [optimum] if optimum else []
    return Budgets(tuple(found), far, expected)


def _lowest(fit: Fit, params: Floats, group: int, flops: float) -> Optimum | None:
    """The vertex of a + b log N + c (log N)^2; None where it does not lie between the smallest and largest size."""
    if not fit.ok:
        return None
    a, b, c = (fit.parameter_draws()[name] for name in "abc")
    low, high = float(np.log(params.min())), float(np.log(params.max()))
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex = np.where(c > 0, -b / (2 * c), np.nan)
    if not low < vertex[0] < high:
        return None
    size = np.clip(vertex, low, high)
    lowest = np.log(a + b * size + c * size**2)
    return Optimum(
        group, flops, float(np.exp(lowest[0])), _spread(lowest), float(np.exp(size[0])), _spread(size), fit.points
    )


def _spread(draws: Floats) -> float:
    """A standard error, from the middle 68 % of the refits that have an optimum."""
    low, high = np.nanpercentile(draws[1:], [15.9, 84.1])
    return float(max((high - low) / 2, 1e-9))
