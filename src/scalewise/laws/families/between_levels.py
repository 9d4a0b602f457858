"""M4 of the extrapolation benchmark: a power law between the level of guessing and the level approached."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import BoundCurve, Spread, sigmoid
from scalewise.laws.families.family import Family, Parameter, Space

Floats = NDArray[np.float64]

NEWTON_STEPS = 60
LEAST_ALPHA = 1e-3


@dataclass(frozen=True)
class BetweenLevels(Family):
    """(y - e_inf) / (e_0 - y)^alpha = beta x^-c, an implicit law."""

    def bind(self, x: Floats, y: Floats) -> "BoundBetweenLevels":
        return BoundBetweenLevels(self, Spread.of(x, y))


@dataclass(frozen=True)
class BoundBetweenLevels(BoundCurve):
    """(e_inf, e_0, log beta at the centre, c, alpha)."""

    space: ClassVar[Space] = "linear"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        s = self.spread
        tiny = 1e-9 * s.y_range
        middle = np.log(s.y_size)
        return (
            np.array([0.0, s.y_high + tiny, middle - 60.0, 0.0, LEAST_ALPHA]),
            np.array([s.y_low - min(tiny, s.y_low / 2), s.y_high + 10 * s.y_range, middle + 60.0, 4.0, 20.0]),
        )

    @property
    def start_box(self) -> tuple[Floats, Floats]:
        s = self.spread
        middle = np.log(s.y_size)
        return (
            np.array([0.0, s.y_high, middle - 2.0, 0.0, 0.0]),
            np.array([s.y_low, s.y_high + 0.3 * s.y_range, middle + 3.0, 1.0, 2.0]),
        )

    def _parts(self, theta: tuple[Floats, ...], z: Floats) -> tuple[Floats, list[Floats]]:
        """With y = e_inf + b s(u), b = e_0 - e_inf and s the sigmoid, the law is F(u) = 0 for an F that rises with u.

        F'' never changes sign, so Newton's method converges from anywhere, from one side after its first step.
        """
        floor, top, level, exponent, alpha = theta
        gap = top - floor
        log_gap = np.log(gap)
        right = level - exponent * z
        u = (right - (1 - alpha) * log_gap) / np.where(right > (1 - alpha) * log_gap, alpha, 1.0)
        for _ in range(NEWTON_STEPS):
            share = sigmoid(u)
            slope = 1 - share + alpha * share
            wrong = (1 - alpha) * log_gap - np.logaddexp(0, -u) + alpha * np.logaddexp(0, u) - right
            step = wrong / slope
            u = u - step
            if np.all(np.abs(step) <= 1e-13 * (1 + np.abs(u))):
                break
        share = sigmoid(u)
        slope = 1 - share + alpha * share
        by_u = gap * share * (1 - share) / slope
        by_gap = share - by_u * (1 - alpha) / gap
        derivatives = [1 - by_gap, by_gap, by_u, -by_u * z, by_u * (log_gap - np.logaddexp(0, u))]
        return floor + gap * share, derivatives

    def natural(self, theta: Floats) -> dict[str, Floats]:
        floor, top, level, exponent, alpha = theta.T
        beta = np.exp(level + exponent * self.spread.log_x_mean)
        return {"e_inf": floor, "e_0": top, "beta": beta, "c": exponent, "alpha": alpha}


M4 = BetweenLevels(
    name="M4",
    formula="(y - e_inf) / (e_0 - y)^alpha = beta x^-c",
    source="Alabdulmohsin et al. 2022, arXiv 2209.06640, M4",
    inputs=1,
    parameters=(
        Parameter("e_inf", "value approached at large x"),
        Parameter("e_0", "value of guessing, at small x"),
        Parameter("beta", "coefficient"),
        Parameter("c", "exponent"),
        Parameter("alpha", "how slowly it leaves e_0"),
    ),
)
