"""What size adds at equal loss: a straight line in log size beside a smooth curve in loss, and gaps of neighbours."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import Fit, fit_law
from scalewise.laws.families import Adjusted, Spline
from scalewise.laws.fit import Estimate
from scalewise.laws.jackknife import Jackknifed, within_t, without_each
from scalewise.questions.matched_loss.overlap import Observed, between

Floats = NDArray[np.float64]
Cluster = Literal["size", "run"]

TENFOLD = float(np.log(10.0))
FEWEST_PIECES, MOST_PIECES = 2, 8
POINTS_PER_PIECE = 5
LEAST_LEFT = 1e-4
"""Of the spread of log size, what the losses must leave: below it, losses and sizes go in step."""


@dataclass(frozen=True)
class Effect:
    """The rise of y with size at equal loss.

    `fit` is the law, `clusters` (points,) what is left out together. `rise` is per tenfold size and has an error where
    there are three clusters or more, and each can be left out; `no_error` says why it has none.
    """

    points: Observed
    fit: Fit
    clusters: NDArray[np.int64]
    rise: float
    error: Jackknifed | None
    no_error: str | None

    @property
    def count(self) -> int:
        return int(self.clusters.max()) + 1

    @property
    def estimate(self) -> Estimate | None:
        return self.error.estimate() if self.error else None

    def curve(self, loss: Floats, size: float) -> Floats:
        """y of a model of this size at these losses (points,)."""
        return np.asarray(self.fit.curves(np.column_stack([loss, np.full(loss.size, size)]))[0])


@dataclass(frozen=True)
class Gap:
    """How much higher y is for the larger of two sizes (their numbers), over the losses from `low` to `high`."""

    smaller: int
    larger: int
    low: float
    high: float
    points: int
    gap: Estimate


def pieces_for(points: int, most: int = MOST_PIECES) -> int:
    """How bendy a curve so many points can bear."""
    return int(np.clip(points // POINTS_PER_PIECE, FEWEST_PIECES, most))


def effect_of(points: Observed, cluster: Cluster, pieces: int, seed: int) -> Effect | str:
    """The effect, with whole sizes or runs left out in turn; or why these points show none."""
    fit = fit_law(Adjusted(Spline(pieces)), points.inputs, points.y, None, 0, points.residual, seed=seed)
    clusters = np.unique(points.size if cluster == "size" else points.run, return_inverse=True)[1]
    if fit.bound is None or not fit.ok:
        return str(fit.problem)
    rise = fit.parameter_draws()["slope"][0] * TENFOLD
    count = int(clusters.max()) + 1
    if count < 3:
        why = f"there are only {count} {cluster}s, so nothing shows how much a {cluster} differs by itself"
        return Effect(points, fit, clusters, float(rise), None, why)
    if (needed := _needed(fit, clusters)) is not None:
        name = points.rows["run"][int(np.flatnonzero(clusters == needed)[0])]
        which = f"run {name}" if cluster == "run" else f"the size of run {name}"
        why = f"without {which} no losses overlap, so nothing shows how much it differs by itself"
        return Effect(points, fit, clusters, float(rise), None, why)
    slopes = fit.bound.natural(without_each(fit, clusters))["slope"] * TENFOLD
    return Effect(points, fit, clusters, float(rise), Jackknifed.of(slopes), None)


def _needed(fit: Fit, clusters: NDArray[np.int64]) -> int | None:
    """A cluster without which losses and sizes go in step, so that no slope is left to estimate."""
    assert fit.bound is not None
    assert fit.data is not None
    _, jacobian = fit.bound.evaluate_with_jacobian(fit.theta, fit.data.x)
    curve, place = jacobian[0, :-1].T, jacobian[0, -1]
    for i in range(int(clusters.max()) + 1):
        kept = clusters != i
        left = place[kept] - curve[kept] @ np.linalg.lstsq(curve[kept], place[kept], rcond=None)[0]
        if np.sqrt(np.mean(left**2)) < LEAST_LEFT:
            return i
    return None


def gaps(effect: Effect, everything: Observed, sizes: list[int], cluster: Cluster, seed: int) -> list[Gap]:
    """The vertical gap of every two neighbouring sizes that overlap, each on its own losses.

    A gap's error is the scatter of whole clusters about the law of all sizes, for which two or more freedoms are left.
    """
    scatter, freedom = _scatter(effect)
    found = []
    for smaller, larger in pairwise(sizes):
        pair = between(everything, smaller, larger)
        if np.unique(pair.size).size < 2:
            continue
        fit = fit_law(
            Adjusted(Spline(pieces_for(pair.loss.size, 4))), pair.inputs, pair.y, None, 0, pair.residual, seed=seed
        )
        if not fit.ok:
            continue
        value = float(fit.parameter_draws()["slope"][0] * np.log(pair.sizes[larger] / pair.sizes[smaller]))
        runs = [1 if cluster == "size" else np.unique(pair.run[pair.size == i]).size for i in (smaller, larger)]
        error = scatter * float(np.sqrt(1 / runs[0] + 1 / runs[1]))
        gap = within_t(value, error, freedom) if freedom > 0 else Estimate(value, np.nan, np.nan)
        found.append(Gap(smaller, larger, float(pair.loss.min()), float(pair.loss.max()), pair.loss.size, gap))
    return found


def _scatter(effect: Effect) -> tuple[float, int]:
    """The standard deviation of a cluster's mean residual, and its degrees of freedom."""
    freedom = effect.count - 2
    if freedom < 1:
        return np.nan, 0
    means = np.bincount(effect.clusters, effect.fit.residuals) / np.bincount(effect.clusters)
    return float(np.sqrt(means @ means / freedom)), freedom
