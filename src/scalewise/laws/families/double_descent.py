"""Down, up, down: a power law over a floor times a bump in log x, the shape of double descent."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import LEAST_FLOOR_SHARE, BoundCurve, Spread, sigmoid
from scalewise.laws.families.family import Family, Parameter, Space

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DoubleDescent(Family):
    """(E + A / x^alpha) exp(h bump)."""

    def bind(self, x: Floats, y: Floats) -> "BoundDoubleDescent":
        return BoundDoubleDescent(self, Spread.of(x, y))


@dataclass(frozen=True)
class BoundDoubleDescent(BoundCurve):
    """(log E, log A at the centre, exponent, h, log x of the bump, log of its width)."""

    space: ClassVar[Space] = "log"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        s = self.spread
        floor, middle = np.log(s.y_low), np.log(s.y_size)
        return (
            np.array([floor + np.log(LEAST_FLOOR_SHARE), middle - 20.0, -4.0, 0.0, s.z_low, np.log(s.z_range / 60)]),
            np.array([np.log(s.y_high), middle + 20.0, 4.0, 5.0, s.z_high, np.log(s.z_range / 2)]),
        )

    @property
    def start_box(self) -> tuple[Floats, Floats]:
        s = self.spread
        floor, middle = np.log(s.y_low), np.log(s.y_size)
        return (
            np.array([floor - 3.0, middle - 2.0, 0.0, 0.0, s.z_low, np.log(s.z_range / 30)]),
            np.array([floor, middle + 1.0, 1.0, 1.0, s.z_high, np.log(s.z_range / 4)]),
        )

    def _parts(self, theta: tuple[Floats, ...], z: Floats) -> tuple[Floats, list[Floats]]:
        floor, level, exponent, height, place, log_width = theta
        line = level - exponent * z
        above = sigmoid(line - floor)
        width = np.exp(log_width)
        u = (z - place) / width
        bump = np.exp(-0.5 * u * u)
        raised = height * bump
        derivatives = [1 - above, above, -above * z, bump, raised * u / width, raised * u * u]
        return np.logaddexp(floor, line) + raised, derivatives

    def natural(self, theta: Floats) -> dict[str, Floats]:
        floor, level, exponent, height, place, log_width = theta.T
        centre = self.spread.log_x_mean
        return {
            "E": np.exp(floor),
            "A": np.exp(level + exponent * centre),
            "alpha": exponent,
            "h": height,
            "x_peak": np.exp(place + centre),
            "width": np.exp(log_width),
        }


DOUBLE_DESCENT = DoubleDescent(
    name="double descent",
    formula="(E + A / x^alpha) exp(h exp(-(log(x / x_peak) / width)^2 / 2))",
    source="shape of Nakkiran et al. 2019, arXiv 1912.02292",
    inputs=1,
    parameters=(
        Parameter("E", "irreducible loss"),
        Parameter("A", "reducible loss at x = 1"),
        Parameter("alpha", "exponent"),
        Parameter("h", "height of the bump in log y"),
        Parameter("x_peak", "place of the bump"),
        Parameter("width", "width of the bump in log x"),
    ),
)
