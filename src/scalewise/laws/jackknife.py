"""Leaving one cluster out at a time: standard errors that hold where clusters are few and unlike each other.

The squared error is (G - 1) / G times the sum of squared changes as each of G clusters is left out, compared with
Student's t of G - 1 degrees of freedom (CV3 of MacKinnon, Nielsen and Webb 2023, Journal of Applied Econometrics 38,
671-694, who find it the most reliable of its kind). `bench/jackknife.py` counts how often it errs.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalewise.laws.fit import Estimate, Fit
from scalewise.laws.solver import solve

Floats = NDArray[np.float64]
Scale = Literal["plain", "share", "correlation"]
"""Where errors are counted: as they are, as log odds of a number from 0 to 1, or as Fisher's z from -1 to 1."""
NEAREST = 1e-12
"""Shares and correlations are kept this far from their ends."""


@dataclass(frozen=True)
class Jackknifed:
    """An estimate, `value`, and its standard `error`, both on `scale`."""

    value: float
    error: float
    clusters: int
    scale: Scale = "plain"

    @classmethod
    def of(cls, rows: ArrayLike, scale: Scale = "plain") -> "Jackknifed":
        """From the estimate (row 0) and the estimates without each cluster: (1 + clusters,), three clusters or more."""
        values = _to(scale, np.asarray(rows, dtype=np.float64))
        clusters = values.size - 1
        error = np.sqrt((clusters - 1) / clusters * np.sum((values[1:] - values[0]) ** 2))
        return cls(float(values[0]), float(error), clusters, scale)

    @property
    def freedom(self) -> int:
        return self.clusters - 1

    def estimate(self, level: float = 0.95) -> Estimate:
        """The number with its interval, on its own scale."""
        e = within_t(self.value, self.error, self.freedom, level)
        value, low, high = _back(self.scale, np.array([e.value, e.low, e.high]))
        return Estimate(float(value), float(low), float(high))

    def probability_above(self, threshold: float) -> float:
        """That the true number exceeds the threshold, as the t distribution about the estimate has it."""
        from scipy.special import stdtr

        return float(stdtr(self.freedom, self.above(threshold) / max(self.error, 1e-300)))

    def above(self, threshold: float) -> float:
        """How far the estimate lies above a threshold, in the units of `error`."""
        return self.value - float(_to(self.scale, np.array([threshold]))[0])


def within_t(value: float, error: float, freedom: float, level: float = 0.95) -> Estimate:
    """A number with its interval by Student's t."""
    from scipy.special import stdtrit

    reach = error * float(stdtrit(freedom, 0.5 + level / 2))
    return Estimate(value, value - reach, value + reach)


def without_each(fit: Fit, clusters: NDArray[np.int64]) -> Floats:
    """Parameters of the best fit (row 0), then refitted without each cluster in turn: (1 + clusters, parameters).

    `clusters` (points,) numbers each fitted point's cluster from 0. Raises ValueError for a law that was not fitted.
    """
    from dataclasses import replace

    if fit.bound is None or fit.data is None:
        raise ValueError(f"the {fit.family.name} law was not fitted: {fit.problem}")
    kept = clusters[None, :] != np.arange(int(clusters.max()) + 1)[:, None]
    problem = replace(fit.data, weights=kept.astype(np.float64))
    refits = solve(fit.bound, problem, np.repeat(fit.theta, kept.shape[0], axis=0))
    return np.concatenate([fit.theta, refits.theta])


def _to(scale: Scale, values: Floats) -> Floats:
    if scale == "plain":
        return values
    if scale == "correlation":
        return np.asarray(np.arctanh(np.clip(values, -1 + NEAREST, 1 - NEAREST)))
    inside = np.clip(values, NEAREST, 1 - NEAREST)
    return np.asarray(np.log(inside / (1 - inside)))


def _back(scale: Scale, values: Floats) -> Floats:
    if scale == "plain":
        return values
    return np.asarray(np.tanh(values) if scale == "correlation" else 0.5 * (1 + np.tanh(0.5 * values)))
