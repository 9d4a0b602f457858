"""What "emergent" may mean: each is a property of a curve on the raw axis, which the refit of a law has or has not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import Fit
from scalewise.laws.families import (
    CONSTANT,
    LINEAR,
    LOG_CUBIC,
    LOGARITHM,
    LOGISTIC,
    POWER_CEILING,
    RISING_POWER,
    SATURATING_EXPONENTIAL,
    STEP,
    EveryToken,
    Family,
)

Floats = NDArray[np.float64]

Definition = Literal["threshold", "super-linear", "discontinuity"]
DEFINITIONS: tuple[Definition, ...] = get_args(Definition)

FAMILIES: tuple[Family, ...] = (
    CONSTANT,
    LINEAR,
    LOGARITHM,
    POWER_CEILING,
    SATURATING_EXPONENTIAL,
    RISING_POWER,
    LOGISTIC,
    STEP,
    LOG_CUBIC,
)
"""Flat, straight, ever slower (three ways), ever faster, S-shaped, a jump; and a curve that may turn, which is none."""
TURNING = LOG_CUBIC.name
SLOWER = (LOGARITHM, POWER_CEILING, SATURATING_EXPONENTIAL)
"""These say much the same, and share one prior weight, so that no shape is likelier for having more laws."""

AT_BASE = 0.05
"""A curve is at its base while it has done less than this share of its rise."""
HALF = 0.5
FLAT = 1 / 3
"""A threshold: the curve is at its base for this share of the way to half of its rise, a straight line for a tenth."""
FEWEST_AT_BASE = 2
GRID = 300


@dataclass(frozen=True)
class Shape:
    """What the definitions need to know besides the curve.

    `x` (points,) are the observed ones; `base` is the level without the ability, or None where it is the level at the
    smallest x; `steeper` the exponent that a super-linear rise exceeds.
    """

    x: Floats
    base: float | None
    steeper: float

    def holds(self, definition: Definition) -> Callable[[Fit], Floats]:
        """Of the best fit and every refit, 1 where the definition holds: (1 + resamples,)."""
        return {"threshold": self._threshold, "super-linear": self._super_linear, "discontinuity": self._jump}[
            definition
        ]

    def _super_linear(self, fit: Fit) -> Floats:
        steep: Floats = self.rises(fit) * (exponents(fit) > self.steeper)
        return steep

    def _jump(self, fit: Fit) -> Floats:
        rises = self.rises(fit)
        return rises if plain(fit.family) is STEP else np.zeros_like(rises)

    def _threshold(self, fit: Fit) -> Floats:
        """Flat at its base at the start, over some observed x, as no straight line is."""
        grid, risen = self._risen(fit)
        leaves = grid[np.argmax(risen > AT_BASE, axis=1)]
        half = grid[np.argmax(risen >= HALF, axis=1)]
        flat = (leaves - grid[0]) / np.maximum(half - grid[0], 1e-12 * grid[-1])
        seen = np.sum(np.unique(self.x)[:, None] < leaves, axis=0)
        held: Floats = self.rises(fit) * (flat >= FLAT) * (seen >= FEWEST_AT_BASE)
        return held

    def rises(self, fit: Fit) -> Floats:
        """1 where the curve is higher at the largest x than at its base."""
        grid, _ = self._risen(fit)
        ends = levels(fit, grid[[0, -1]])
        first = ends[:, 0] if self.base is None else self.base
        risen: Floats = (ends[:, 1] > first).astype(np.float64)
        return risen

    def _risen(self, fit: Fit) -> tuple[Floats, Floats]:
        """A grid of x, and the share of the rise that each curve has done there: (1 + resamples, grid)."""
        low, high = self.x.min(), self.x.max()
        grid = np.unique(np.concatenate([np.linspace(low, high, GRID), np.geomspace(low, high, GRID)]))
        curves = levels(fit, grid)
        first = curves[:, :1] if self.base is None else self.base
        rise = curves[:, -1:] - first
        return grid, (curves - first) / np.where(np.abs(rise) < 1e-300, 1e-300, rise)


def levels(fit: Fit, x: Floats) -> Floats:
    """y at x (points,) under the best fit and every refit; of one token, where the law is one of several tokens."""
    curves = fit.curves(x[:, None])
    one: Floats = curves ** (1 / fit.family.tokens) if isinstance(fit.family, EveryToken) else curves
    return one


def plain(family: Family) -> Family:
    """The family of `FAMILIES` behind one that was given a chance level or several tokens."""
    inner = family.base if isinstance(family, EveryToken) else family
    return next(f for f in FAMILIES if f.name == inner.name)


def prior(family: Family) -> float:
    """The weight of a law before the points are seen."""
    return 1 / len(SLOWER) if plain(family) in SLOWER else 1.0


def exponents(fit: Fit) -> Floats:
    """How fast each curve leaves its base, as a power of x: (1 + resamples,).

    1 for a straight line and infinite for a jump. A logistic in log x starts as x^k: with k = 1 it is nowhere steeper
    than before on the raw axis. Laws that rise ever more slowly, or not at all, count as 0.
    """
    family = plain(fit.family)
    if family in (RISING_POWER, LOGISTIC):
        return np.abs(fit.parameter_draws()["k"])
    fixed = {LINEAR.name: 1.0, STEP.name: np.inf}
    return np.full(fit.draws.shape[0] + 1, fixed.get(family.name, 0.0))


MEANING: dict[Definition, str] = {
    "threshold": "at its base over a stretch of x, then clearly above",
    "super-linear": "rises as a power of x above {steeper:g}",
    "discontinuity": "jumps between two neighbouring x",
}
