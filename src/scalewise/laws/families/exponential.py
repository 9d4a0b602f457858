"""Exponentials in x: plain decay, and an approach to a floor or a ceiling."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import BoundCurve, Spread
from scalewise.laws.families.family import Family, Parameter, Space

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Exponential(Family):
    """A exp(-k x)."""

    def bind(self, x: Floats, y: Floats) -> "BoundExponential":
        return BoundExponential(self, Spread.of(x, y))


@dataclass(frozen=True)
class BoundExponential(BoundCurve):
    """(log A, k times the largest x)."""

    space: ClassVar[Space] = "log"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        middle = np.log(self.spread.y_size)
        return np.array([middle - 40.0, -40.0]), np.array([middle + 40.0, 40.0])

    @property
    def start_box(self) -> tuple[Floats, Floats]:
        middle = np.log(self.spread.y_size)
        return np.array([middle - 2.0, -3.0]), np.array([middle + 2.0, 3.0])

    def _parts(self, theta: tuple[Floats, ...], z: Floats) -> tuple[Floats, list[Floats]]:
        level, rate = theta
        t = np.exp(z + self.spread.log_x_mean) / self.spread.x_high
        return level - rate * t, [np.ones_like(t), -t]

    def natural(self, theta: Floats) -> dict[str, Floats]:
        return {"A": np.exp(theta[:, 0]), "k": theta[:, 1] / self.spread.x_high}


@dataclass(frozen=True)
class SaturatingExponential(Family):
    """E + A exp(-k x): falls to a floor (A > 0) or rises to a ceiling (A < 0)."""

    def bind(self, x: Floats, y: Floats) -> "BoundSaturatingExponential":
        return BoundSaturatingExponential(self, Spread.of(x, y))


@dataclass(frozen=True)
class BoundSaturatingExponential(BoundCurve):
    """(E, A, log of k times the largest x)."""

    space: ClassVar[Space] = "linear"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        s = self.spread
        half = 10.0 * s.y_range
        low = 0.0 if s.y_low >= 0 else s.y_low - half
        return np.array([low, -100 * half, np.log(0.05)]), np.array([s.y_high + half, 100 * half, np.log(1e4)])

    @property
    def start_box(self) -> tuple[Floats, Floats]:
        s = self.spread
        half = s.y_range
        return np.array([s.y_low - half, -3 * half, np.log(0.3)]), np.array([s.y_high + half, 3 * half, np.log(100.0)])

    def _parts(self, theta: tuple[Floats, ...], z: Floats) -> tuple[Floats, list[Floats]]:
        floor, coefficient, log_rate = theta
        t = np.exp(log_rate) * np.exp(z + self.spread.log_x_mean) / self.spread.x_high
        decay = np.exp(-t)
        return floor + coefficient * decay, [np.ones_like(decay), decay, -coefficient * t * decay]

    def natural(self, theta: Floats) -> dict[str, Floats]:
        return {"E": theta[:, 0], "A": theta[:, 1], "k": np.exp(theta[:, 2]) / self.spread.x_high}


EXPONENTIAL = Exponential(
    name="exponential",
    formula="A exp(-k x)",
    source="Newell and Rosenbloom 1981 (against the power law of practice)",
    inputs=1,
    parameters=(Parameter("A", "value at x = 0"), Parameter("k", "rate")),
)

SATURATING_EXPONENTIAL = SaturatingExponential(
    name="saturating exponential",
    formula="E + A exp(-k x)",
    source="Heathcote, Brown and Mewhort 2000, equation 3",
    inputs=1,
    parameters=(
        Parameter("E", "value approached"),
        Parameter("A", "distance from it at x = 0"),
        Parameter("k", "rate"),
    ),
)
