"""An accuracy that rises to a ceiling as its distance from it falls by a power law."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import BoundCurve, Spread
from scalewise.laws.families.family import Family, Parameter, Space

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PowerCeiling(Family):
    """C - A / x^alpha; `ceiling` is estimated when not given."""

    ceiling: float | None = None

    def bind(self, x: Floats, y: Floats) -> "BoundPowerCeiling":
        return BoundPowerCeiling(self, Spread.of(x, y))


@dataclass(frozen=True)
class BoundPowerCeiling(BoundCurve):
    """(C, log A at the centre, exponent)."""

    family: PowerCeiling
    space: ClassVar[Space] = "linear"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        s, ceiling = self.spread, self.family.ceiling
        middle = np.log(s.y_range)
        most = s.y_high + 100.0 * s.y_range
        return (
            np.array([s.y_high if ceiling is None else ceiling, middle - 40.0, -4.0]),
            np.array([most if ceiling is None else ceiling, middle + 40.0, 4.0]),
        )

    @property
    def start_box(self) -> tuple[Floats, Floats]:
        s = self.spread
        middle = np.log(s.y_range)
        return np.array([s.y_high, middle - 2.0, 0.0]), np.array([s.y_high + s.y_range, middle + 2.0, 1.0])

    def _parts(self, theta: tuple[Floats, ...], z: Floats) -> tuple[Floats, list[Floats]]:
        ceiling, level, exponent = theta
        distance = np.exp(level - exponent * z)
        return ceiling - distance, [np.ones_like(distance), -distance, distance * z]

    def natural(self, theta: Floats) -> dict[str, Floats]:
        ceiling, level, exponent = theta.T
        return {"C": ceiling, "A": np.exp(level + exponent * self.spread.log_x_mean), "alpha": exponent}


POWER_CEILING = PowerCeiling(
    name="power + ceiling",
    formula="C - A / x^alpha",
    source="Hestness et al. 2017, arXiv 1712.00409, for 1 - error",
    inputs=1,
    parameters=(
        Parameter("C", "ceiling"),
        Parameter("A", "distance from the ceiling at x = 1"),
        Parameter("alpha", "exponent"),
    ),
)
