"""Possible continuations of one curve: what a level, a floor or a doubling is asked of, when all of them count.

A forecast says where one point may lie. When a level is reached, or what a doubling gains, needs whole curves.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalewise.laws.extrapolate import DEGREES, MOST_STEPS, Forecast, Member
from scalewise.laws.points import numbers
from scalewise.laws.refit import simulated_errors
from scalewise.laws.solver import Problem, solve

Floats = NDArray[np.float64]

WITHOUT_END = 1e20
"""Times the last x of the data, at which a law is at its limit."""


@dataclass(frozen=True)
class Paths:
    """Curves that are equally likely: `values` (paths, points) at rising `x` (points,).

    `limits` (paths,) are what they approach as x grows without end.
    """

    x: Floats
    values: Floats
    limits: Floats

    def crossings(self, level: ArrayLike) -> Floats:
        """The x at which each falling path first is at or below the level, one for all or one each: (paths,).

        Infinite where it is not by the last x, or never will be.
        """
        levels = np.broadcast_to(np.asarray(level, dtype=np.float64), self.limits.shape)
        below = self.values <= levels[:, None]
        first = np.argmax(below, axis=1)
        rows, before = np.arange(first.size), np.maximum(first - 1, 0)
        high, low = self.values[rows, before], self.values[rows, first]
        share = np.where(first > 0, (high - levels) / np.where(high > low, high - low, 1.0), 1.0)
        z = np.log(self.x)
        reached = np.exp(z[before] + share * (z[first] - z[before]))
        return np.where(below.any(axis=1) & (self.limits <= levels), reached, np.inf)

    def never(self, level: ArrayLike) -> NDArray[np.bool_]:
        """Which falling paths never come down to the level, because their floor is above it: (paths,)."""
        return np.asarray(self.limits > np.asarray(level, dtype=np.float64))


def sample_paths(forecast: Forecast, x_new: ArrayLike, count: int = 1000, seed: int = 0) -> Paths:
    """`count` curves at x_new > 0 from the members that a forecast averages, each as often as it counts there.

    A law is refitted to its own curve plus noise that resembles the residuals of the best of them (their size, how it
    changes, their autocorrelation); the drift is drawn given the data. Beyond the data a path is tilted by the
    forecast's error in backtests per unit of log distance, a Student t. Limits are those without the tilt.
    """
    new = np.sort(numbers("x_new", x_new, positive=True))
    refit_rng, tilt_rng, drift_rng = np.random.default_rng([seed, 1]).spawn(3)
    data = forecast.data
    last = data.x[-1, 0]
    far = np.append(new, last * WITHOUT_END)[:, None]
    errors = _errors(forecast, refit_rng)
    ends = np.cumsum([0.0, *(m.weight for m in forecast.members), *forecast.drift_weights])
    copies = np.diff(np.round(ends / ends[-1] * count)).astype(int)
    of_laws, of_drift = np.split(copies, [len(forecast.members)])
    parts = []
    for _, same in groupby(zip(forecast.members, of_laws, strict=True), key=lambda pair: id(pair[0].bound)):
        rows = [member for member, times in same for _ in range(times)]
        if rows:
            theta = _refits(data, rows, errors(len(rows)))
            parts.append(rows[0].bound.value_in(data.residual.space, theta, far))
    if forecast.drift is not None:
        parts.append(forecast.drift.draw(np.log(far[:, 0]), of_drift, drift_rng))
    curves = np.concatenate(parts)
    growth = forecast.backtest.growth if forecast.backtest else 0.0
    tilt = growth * tilt_rng.standard_t(DEGREES, (curves.shape[0], 1))
    values, limits = curves[:, :-1] + tilt * np.maximum(np.log(new / last), 0.0), curves[:, -1]
    return Paths(new, np.exp(values), np.exp(limits)) if forecast.is_log else Paths(new, values, limits)


def _errors(forecast: Forecast, rng: np.random.Generator) -> Callable[[int], Floats]:
    """Errors (how many, points) like the residuals of the member that fits best."""
    data = forecast.data
    misfit = []
    for member in forecast.members:
        residuals = data.observed - member.bound.value_in(data.residual.space, member.theta[None], data.x)
        misfit.append(float(np.sum(residuals**2)))
    best = forecast.members[int(np.argmin(misfit))]
    return simulated_errors(best.bound, data, best.theta[None], rng)


def _refits(data: Problem, members: list[Member], errors: Floats) -> Floats:
    """Parameters of one family for each member's own curve plus its row of errors: (members, parameters)."""
    bound = members[0].bound
    start = np.array([m.theta for m in members])
    weights = data.x[:, 0] ** np.array([[m.tail_weight] for m in members])
    problem = replace(
        data,
        observed=bound.value_in(data.residual.space, start, data.x) + errors,
        weights=weights * weights.shape[1] / weights.sum(axis=1, keepdims=True),
        prior_weight=np.array([m.prior_weight for m in members]),
    )
    return solve(bound, problem, start, MOST_STEPS).theta
