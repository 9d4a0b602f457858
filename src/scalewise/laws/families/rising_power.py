"""A power law that rises from a base: y = base + A x^k, as fast as a straight line at k = 1 and faster beyond."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import BoundCurve, Spread
from scalewise.laws.families.family import Family, Parameter, Space

Floats = NDArray[np.float64]

LEAST, MOST = 0.02, 12.0
"""Exponents: below the first the rise is a logarithm's, beyond the last it lies between two points."""


@dataclass(frozen=True)
class RisingPower(Family):
    """base + A x^k; A below 0 falls from the base. `base` is estimated when not given."""

    base: float | None = None

    def bind(self, x: Floats, y: Floats) -> "BoundRisingPower":
        return BoundRisingPower(self, Spread.of(x, y))


@dataclass(frozen=True)
class BoundRisingPower(BoundCurve):
    """(base, A x^k at the largest x, k)."""

    family: RisingPower
    space: ClassVar[Space] = "linear"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        s, base = self.spread, self.family.base
        far = 100.0 * s.y_range
        low, high = (s.y_low - far, s.y_high + far) if base is None else (base, base)
        return np.array([low, -2 * far, LEAST]), np.array([high, 2 * far, MOST])

    @property
    def start_box(self) -> tuple[Floats, Floats]:
        s = self.spread
        low, high = self.bounds
        wide = s.y_range
        return (
            np.array([max(low[0], s.y_low - wide), -2 * wide, 0.1]),
            np.array([min(high[0], s.y_high + wide), 2 * wide, 4.0]),
        )

    def _parts(self, theta: tuple[Floats, ...], z: Floats) -> tuple[Floats, list[Floats]]:
        base, rise, exponent = theta
        t = z - self.spread.z_high
        power = np.exp(exponent * t)
        return base + rise * power, [np.ones_like(power), power, rise * power * t]

    def natural(self, theta: Floats) -> dict[str, Floats]:
        base, rise, exponent = theta.T
        return {"base": base, "A": rise * np.exp(-exponent * np.log(self.spread.x_high)), "k": exponent}


RISING_POWER = RisingPower(
    name="rising power",
    formula="base + A x^k",
    source="Stevens 1957 (the psychophysical law), with a base",
    inputs=1,
    parameters=(
        Parameter("base", "level at x = 0"),
        Parameter("A", "rise at x = 1"),
        Parameter("k", "exponent: 1 is a straight line"),
    ),
)
