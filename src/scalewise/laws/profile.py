"""Profile intervals: how far one parameter can be moved before no setting of the others keeps the fit as good.

They need no resampling and no symmetry, so they hold where a bootstrap is not to be trusted: few points, a parameter
near its bound, a ridge along which parameters trade off. An end that the data do not set is 0 or infinite.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families import BoundFamily
from scalewise.laws.families.family import Space
from scalewise.laws.fit import Estimate, Fit
from scalewise.laws.residual import Squares
from scalewise.laws.solver import Problem, solve

Floats = NDArray[np.float64]

STEPS = 24
"""Values tried on each side."""
REACH = 64.0
"""How far from the best value a side is followed, in standard errors of the parameter."""
STIFF = 1e-3
"""How closely the parameter is held to the value tried, in steps of the residuals' size."""
NUDGE = 1e-6


def profile(fit: Fit, name: str, level: float = 0.95) -> Estimate:
    """The profile interval of one of the formula's parameters, for a fit by least squares.

    With errors of unknown size the limit is where the sum of squares has grown by the F quantile (Bates and Watts 1988,
    section 6.1.2), with given standard errors by the chi-square quantile. Raises ValueError for an unknown name, a law
    that was not fitted, or a residual without a likelihood.
    """
    from scipy.special import chdtri, fdtri

    data, bound = fit.data, fit.bound
    if not fit.ok or data is None or bound is None:
        raise ValueError(f"the {fit.family.name} law was not fitted: {fit.problem}")
    if not isinstance(data.residual, Squares):
        raise ValueError(f"a profile needs a fit by least squares; this one minimised {data.residual.description}")
    names = [p.name for p in fit.family.parameters]
    if name not in names:
        raise ValueError(f"{fit.family.formula} has no parameter '{name}'; it has {', '.join(names)}")
    pinned = _Pinned(bound, name)
    best, error = float(pinned.place(fit.theta)[0]), _standard_error(fit, data, pinned)
    freedom = max(1, fit.points - fit.theta.shape[1])
    lowest = 2 * fit.objective
    known = data.residual.known_size
    allowed = float(chdtri(1, 1 - level)) if known else lowest * float(fdtri(1, freedom, level)) / freedom
    ends = []
    for side in (-1, 1):
        room = min(REACH * error, pinned.room(best, side))
        away = np.geomspace(min(0.1 * error, 0.01 * room), room, STEPS)
        ends.append(_end(pinned, data, fit.theta, best + side * away, lowest, allowed))
    low, high = (pinned.value(np.array([end]))[0] for end in ends)
    return Estimate(float(pinned.value(np.array([best]))[0]), float(low), float(high))


class _Pinned(BoundFamily):
    """A bound law with one more point, whose value is one parameter: its log, if it is always positive."""

    def __init__(self, bound: BoundFamily, name: str) -> None:
        self.family, self.bound, self.name = bound.family, bound, name
        corners = bound.natural(np.stack(bound.bounds))[name]
        self.is_log = bool((corners > 0).all())

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        return self.bound.bounds

    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        return self.bound.starts(count, rng)

    def natural(self, theta: Floats) -> dict[str, Floats]:
        return self.bound.natural(theta)

    def evaluate(self, theta: Floats, x: Floats) -> Floats:
        return self.bound.evaluate(theta, x)

    def evaluate_with_jacobian(self, theta: Floats, x: Floats) -> tuple[Floats, Floats]:
        return self.bound.evaluate_with_jacobian(theta, x)

    def in_space(self, space: Space, theta: Floats, x: Floats) -> tuple[Floats, Floats]:
        value, jacobian = self.bound.in_space(space, theta, x)
        slope = self.slope(theta)[:, :, None]
        return np.concatenate([value, self.place(theta)[:, None]], axis=1), np.concatenate([jacobian, slope], axis=2)

    def place(self, theta: Floats) -> Floats:
        """The parameter, or its log: (fits,)."""
        value = self.bound.natural(theta)[self.name]
        return np.log(value) if self.is_log else value

    def value(self, place: Floats) -> Floats:
        return np.exp(place) if self.is_log else place

    def room(self, best: float, side: int) -> float:
        """How far the place can be moved from its best value to this side, if the bounds say so; else a long way."""
        ends = self.place(np.stack(self.bounds))
        farthest = float(np.max(side * (ends - best)))
        return farthest if 0 < farthest < np.inf else 1.0

    def slope(self, theta: Floats) -> Floats:
        """Its derivative by theta, by central differences: (fits, parameters)."""
        slopes = np.empty(theta.shape)
        for i in range(theta.shape[1]):
            step = np.zeros(theta.shape[1])
            step[i] = NUDGE
            slopes[:, i] = (self.place(theta + step) - self.place(theta - step)) / (2 * NUDGE)
        return slopes


def _standard_error(fit: Fit, data: Problem, pinned: _Pinned) -> float:
    """The usual approximate one: a yardstick for how far to look."""
    _, jacobian = pinned.in_space(data.residual.space, fit.theta, data.x)
    own = _errors(data)
    design, slope = jacobian[0, :, :-1] / own, jacobian[0, :, -1]
    known = data.residual.known_size
    variance = 1.0 if known else 2 * fit.objective / max(1, fit.points - fit.theta.shape[1])
    size = np.maximum(np.linalg.norm(design, axis=1), 1e-300)  # a floor near 0 moves nothing, and is still a parameter
    even, slope = design / size[:, None], slope / size
    spread = slope @ np.linalg.pinv(even @ even.T) @ slope * variance
    return float(np.sqrt(max(spread, 1e-24 * (1 + pinned.place(fit.theta)[0] ** 2))))


def _errors(data: Problem) -> Floats:
    """The given standard errors (points,), or ones."""
    errors = data.residual.errors if isinstance(data.residual, Squares) else None
    return np.ones(data.x.shape[0]) if errors is None else errors


def _end(pinned: _Pinned, data: Problem, theta: Floats, tried: Floats, lowest: float, allowed: float) -> float:
    """Where the deviance has grown from its lowest by what is allowed, on this side; infinite if it never does."""
    residual, own = data.residual, _errors(data)
    best = pinned.place(theta)[0]
    problem = replace(
        data,
        observed=np.concatenate([np.repeat(data.observed, tried.size, axis=0), tried[:, None]], axis=1),
        weights=np.ones((1, own.size + 1)),
        residual=Squares(residual.space, np.append(own, STIFF * abs(tried[0] - best))),
    )
    found = solve(pinned, problem, np.repeat(theta, tried.size, axis=0)).theta
    misfit = data.observed - pinned.bound.value_in(residual.space, found, data.x)
    grown = np.sum((misfit / own) ** 2, axis=1) - lowest
    beyond = np.flatnonzero(grown > allowed)
    if not beyond.size:
        return float(np.copysign(np.inf, tried[0] - best))
    # close to the best value a deviance is a square, so its root is interpolated
    root = np.sqrt(np.maximum(np.array([0.0, *grown]), 0.0))
    places = np.array([best, *pinned.place(found)])
    k = int(beyond[0])
    return float(np.interp(np.sqrt(allowed), root[k : k + 2], places[k : k + 2]))
