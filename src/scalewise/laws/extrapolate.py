"""Extrapolating one curve: many laws averaged, none selected, and an interval that backtests on the curve support.

Members are families x weights of the prior x weights of the tail: a stiff and a loose version of each law, each fitted
once to the whole curve and once to its end. All of them, and all their refits to shorter curves, are rows of one batch
per family. Selecting the family by a criterion finds the best one on a third of real curves; averaging needs no luck.
Beside the laws stands what follows the curve's end and obeys none of them (`drift.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalewise.laws.backtest import Backtest, weigh
from scalewise.laws.drift import FADES, FEWEST_X, NAME, Drift, fit_drift
from scalewise.laws.families import (
    LOGARITHM,
    LOGISTIC,
    M3,
    M4,
    ONE_BREAK,
    POWER_CEILING,
    POWER_FLOOR,
    SATURATING_EXPONENTIAL,
    BoundFamily,
    Family,
)
from scalewise.laws.points import curve, numbers
from scalewise.laws.residual import LOG_SQUARES, PLAIN_SQUARES, Residual
from scalewise.laws.solver import Problem, solve

Floats = NDArray[np.float64]
Direction = Literal["down", "up"]

DOWN: tuple[Family, ...] = (POWER_FLOOR, M3, M4, ONE_BREAK, LOGISTIC)
UP: tuple[Family, ...] = (POWER_CEILING, LOGARITHM, LOGISTIC, SATURATING_EXPONENTIAL)
PRIOR_WEIGHTS = (5.0, 1.0)
"""In units of the noise's variance: what a prior one standard deviation away costs."""
TAIL_WEIGHTS = (0.5, 2.0)
"""Points count as x to this power."""
STARTS = 8
MOST_STEPS = 40
"""Fits that creep along a ridge end here; `bench/extrapolate.py` scores the same with five times as many."""
ORIGINS = 6
LEAST_SPAN = 0.4
"""A backtest leaves at least this share of the curve (in log x) to fit on."""
LEAST_POINTS = 6
SHORTEST = float(np.log(1.2))
"""Backtests at a shorter log distance say nothing about an extrapolation."""
DRIFT_SHARE = 0.8
"""What the drift counts for beside the laws before backtests. Chosen by `bench/drift.py`."""
POWER = 2.0
"""Members count as one over their mean square error in backtests."""
DEGREES = 5
"""Student t degrees of freedom of a forecast: few backtests stand behind its width."""
WIDENING = 1.27
"""The middle of what `bench/extrapolate.py` chooses on random halves of its first curves, 1.23, and of all, 1.32."""


@dataclass(frozen=True)
class Member:
    """One law fitted to the whole curve, at one weight of the prior and of the tail; `weight` is its share."""

    bound: BoundFamily
    theta: Floats
    prior_weight: float
    tail_weight: float
    weight: float


@dataclass(frozen=True)
class Forecast:
    """A curve's continuation at `x`, a Student t on the log scale for falling curves and on y's own for rising ones.

    `weights` sum to 1 over the families and the drift; `by_family` is each one's own forecast of y. `backtest` is None
    where the curve is too short for one: the interval then holds only noise and the spread between members. `members`
    are the laws that were averaged, `drift` (and its weight for each fade) stands beside them; `data` is what they were
    fitted to.
    """

    x: Floats
    centre: Floats
    scale: Floats
    is_log: bool
    noise: float
    weights: dict[str, float]
    by_family: dict[str, Floats]
    backtest: Backtest | None
    left_out: dict[str, str]
    members: tuple[Member, ...]
    data: Problem
    drift: Drift | None
    drift_weights: Floats

    @property
    def median(self) -> Floats:
        """The forecast of y (points,)."""
        return np.exp(self.centre) if self.is_log else self.centre

    @property
    def backtested(self) -> bool:
        """Whether backtests reach as far as the forecast does."""
        return self.backtest is not None and self.backtest.log_distance >= 0.99 * self.distance

    @property
    def distance(self) -> float:
        """Log distance of the farthest x beyond the data."""
        return float(self._distances.max())

    _distances: Floats

    def interval(self, level: float = 0.9) -> tuple[Floats, Floats]:
        """Where a new observation of y lies with probability `level`: low and high, each (points,)."""
        half = half_width(level) * self.scale
        low, high = self.centre - half, self.centre + half
        return (np.exp(low), np.exp(high)) if self.is_log else (low, high)

    def log_density(self, y: ArrayLike) -> Floats:
        """Log density of observations y (points,), per unit of y."""
        from scipy.special import gammaln

        values = np.asarray(y, dtype=np.float64)
        at = np.log(values) if self.is_log else values
        from_centre = (at - self.centre) / self.scale
        at_centre = gammaln((DEGREES + 1) / 2) - gammaln(DEGREES / 2) - np.log(DEGREES * np.pi) / 2 - np.log(self.scale)
        density: Floats = at_centre - (DEGREES + 1) / 2 * np.log1p(from_centre**2 / DEGREES)
        return density - np.log(values) if self.is_log else density


def extrapolate(
    x: ArrayLike,
    y: ArrayLike,
    x_new: ArrayLike,
    direction: Direction = "down",
    families: Sequence[Family] | None = None,
    drift: bool = True,
    seed: int = 0,
    widening: float = WIDENING,
) -> Forecast:
    """Continue the curve y(x), x > 0, to x_new.

    A falling curve (`direction="down"`, a loss or an error, y > 0) is averaged on the log scale, a rising one ("up", an
    accuracy) on its own. `families` are the laws that are averaged, by default those of the direction. A falling curve
    may also drift, unless `drift` says it may not, obeying none of them; a rising one is continued no better so.
    Members are weighted by 1 / (noise + backtest error)^2. The variance of a forecast is noise^2 + (growth x log
    distance)^2 + the spread between members, its scale times `widening`, which `calibrate` finds for other curves like
    this one. ValueError names what is wrong with the data.
    """
    if direction not in ("down", "up"):
        raise ValueError(f"direction is {direction!r}; it must be 'down' (a loss) or 'up' (an accuracy)")
    xs, ys = curve(x, y, positive_y=direction == "down", fewest=3, purpose="continuing a curve")
    new = numbers("x_new", x_new, positive=True)
    pool, left_out = _fittable(families or (DOWN if direction == "down" else UP), np.unique(xs).size)
    residual: Residual = LOG_SQUARES if direction == "down" else PLAIN_SQUARES
    origins = _origins(np.log(xs), float(np.log(new.max() / xs[-1])))
    observed = residual.observed(ys)
    noise = _noise(pool, xs, ys, residual, seed)
    fitted = [
        _members(f, xs, ys, new, origins, noise, residual, np.random.default_rng([seed, i])) for i, f in enumerate(pool)
    ]
    log_x = np.log(xs)
    drifts = drift and direction == "down"
    followed = fit_drift(log_x, observed, origins) if drifts else None
    curves = np.concatenate([values for values, _ in fitted])
    usual = np.full(curves.shape[0], 1.0 / curves.shape[0])
    if followed is not None:
        curves = np.concatenate([curves, followed.continued(np.log(np.concatenate([xs, new])))])
        usual = np.concatenate([(1 - DRIFT_SHARE) * usual, np.full(len(FADES), DRIFT_SHARE / len(FADES))])
    elif drifts:
        left_out[NAME] = f"too few distinct x; it needs {FEWEST_X} in every backtest"
    weights, backtest = weigh(curves, origins, log_x, observed, noise, usual, power=POWER)
    ahead = curves[:, 0, xs.size :]
    centre = weights @ ahead
    distances = np.maximum(np.log(new / xs[-1]), 0.0)
    growth = backtest.growth if backtest else 0.0
    variance = noise**2 + (growth * distances) ** 2 + weights @ (ahead - centre) ** 2
    members = [member for _, found in fitted for member in found]
    names = np.array([m.bound.family.name for m in members] + [NAME] * (len(weights) - len(members)))
    shares = {str(name): weights * (names == name) for name in dict.fromkeys(names)}
    return Forecast(
        x=new,
        centre=centre,
        scale=widening * np.sqrt(variance),
        is_log=direction == "down",
        noise=noise,
        weights={name: float(share.sum()) for name, share in shares.items()},
        by_family={
            name: np.exp(c) if direction == "down" else c
            for name, c in ((name, share @ ahead / share.sum()) for name, share in shares.items())
        },
        backtest=backtest,
        left_out=left_out,
        members=tuple(replace(m, weight=float(w)) for m, w in zip(members, weights, strict=False)),
        data=Problem(xs[:, None], observed[None], np.ones((1, xs.size)), residual),
        drift=followed,
        drift_weights=weights[len(members) :],
        _distances=distances,
    )


def half_width(level: float) -> float:
    """Of an interval that holds a new observation with probability `level`, in units of the forecast's scale."""
    from scipy.special import stdtrit

    return float(stdtrit(DEGREES, 0.5 + level / 2))


def _fittable(families: Sequence[Family], distinct: int) -> tuple[list[Family], dict[str, str]]:
    """Families with no more parameters than distinct x, and why the others are left out."""
    left_out = {
        f.name: f"{len(f.parameters)} parameters and {distinct} distinct x"
        for f in families
        if len(f.parameters) > distinct
    }
    pool = [f for f in families if f.name not in left_out]
    if not pool:
        raise ValueError(f"{distinct} distinct x are too few for each of {', '.join(left_out)}")
    return pool, left_out


def _origins(z: Floats, asked: float) -> NDArray[np.bool_]:
    """What each refit sees (refits, points): everything, then less and less of the curve."""
    longest = min(max(asked, SHORTEST), (1 - LEAST_SPAN) * (z[-1] - z[0]))
    masks = [np.ones(z.size, dtype=bool)]
    for distance in np.linspace(0, longest, ORIGINS + 1)[1:]:
        seen = z <= z[-1] - distance + 1e-12
        if LEAST_POINTS <= seen.sum() < masks[-1].sum():
            masks.append(seen)
    return np.array(masks)


def _noise(pool: list[Family], x: Floats, y: Floats, residual: Residual, seed: int) -> float:
    """The residual standard deviation of the law that fits best."""
    found, observed = [], residual.observed(y)
    for i, family in enumerate(pool):
        bound = family.bind(x[:, None], y)
        # a trace of prior, so that what the data cannot determine stays put
        problem = Problem(x[:, None], observed[None], np.ones((1, x.size)), residual, np.full(1, 1e-6 * observed.var()))
        starts = bound.starts(2 * STARTS, np.random.default_rng([seed, i]))
        solution = solve(bound, problem, starts, MOST_STEPS)
        best = solution.theta[[np.argmin(solution.objective)]]
        error = observed - bound.value_in(residual.space, best, x[:, None])[0]
        found.append(float(np.sqrt(error @ error / max(1, x.size - best.size))))
    return max(min(found), 1e-6 * float(np.abs(observed).max() + observed.std()), 1e-12)


def _members(
    family: Family,
    x: Floats,
    y: Floats,
    new: Floats,
    origins: NDArray[np.bool_],
    noise: float,
    residual: Residual,
    rng: np.random.Generator,
) -> tuple[Floats, list[Member]]:
    """Every member of one family from every origin, at the data and beyond, (members, origins, points + new).

    And the members themselves, which know the whole curve and not yet their weight.
    """
    bound = family.bind(x[:, None], y)
    rows = [(p, t, seen) for p in PRIOR_WEIGHTS for t in TAIL_WEIGHTS for seen in origins]
    weights = np.array([(x / x[-1]) ** t * seen for _, t, seen in rows])
    weights *= np.array([seen.sum() for _, _, seen in rows])[:, None] / weights.sum(axis=1, keepdims=True)
    problem = Problem(
        x[:, None],
        residual.observed(y)[None],
        np.repeat(weights, STARTS, axis=0),
        residual,
        np.repeat([p * noise**2 for p, _, _ in rows], STARTS),
    )
    solution = solve(bound, problem, np.tile(bound.starts(STARTS, rng), (len(rows), 1)), MOST_STEPS)
    best = np.argmin(solution.objective.reshape(len(rows), STARTS), axis=1)
    theta = solution.theta.reshape(len(rows), STARTS, -1)[np.arange(len(rows)), best]
    curves = bound.value_in(residual.space, theta, np.concatenate([x, new])[:, None])
    whole = range(0, len(rows), len(origins))
    members = [Member(bound, theta[i], rows[i][0] * noise**2, rows[i][1], 0.0) for i in whole]
    return curves.reshape(len(members), len(origins), -1), members
