"""A logistic in log x between a chance level and a ceiling: the usual shape of an accuracy against scale."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import BoundCurve, Spread, sigmoid
from scalewise.laws.families.family import Family, Parameter, Space

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Logistic(Family):
    """`chance` and `ceiling` are estimated when not given."""

    chance: float | None = None
    ceiling: float | None = None

    def bind(self, x: Floats, y: Floats) -> "BoundLogistic":
        return BoundLogistic(self, Spread.of(x, y))


@dataclass(frozen=True)
class BoundLogistic(BoundCurve):
    """(chance, ceiling, slope in log x, log x of the middle)."""

    family: Logistic
    space: ClassVar[Space] = "linear"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        s, chance, ceiling = self.spread, self.family.chance, self.family.ceiling
        most = max(1.0, s.y_high + s.y_range)
        least = 0.0 if s.y_low >= 0 else s.y_low - s.y_range
        far = 3.0 * s.z_range
        return (
            np.array(
                [least if chance is None else chance, least if ceiling is None else ceiling, -20.0, s.z_low - far]
            ),
            np.array([most if chance is None else chance, most if ceiling is None else ceiling, 20.0, s.z_high + far]),
        )

    @property
    def start_box(self) -> tuple[Floats, Floats]:
        s = self.spread
        most = 10.0 / s.z_range
        half = s.y_range / 2
        return (
            np.array([s.y_low - half, s.y_high - half, -most, s.z_low]),
            np.array([s.y_low + half, s.y_high + 2 * half, 2 * most, s.z_high + s.z_range / 2]),
        )

    def _parts(self, theta: tuple[Floats, ...], z: Floats) -> tuple[Floats, list[Floats]]:
        chance, ceiling, slope, middle = theta
        share = sigmoid(slope * (z - middle))
        steep = (ceiling - chance) * share * (1 - share)
        return chance + (ceiling - chance) * share, [1 - share, share, steep * (z - middle), -steep * slope]

    def natural(self, theta: Floats) -> dict[str, Floats]:
        chance, ceiling, slope, middle = theta.T
        return {"chance": chance, "ceiling": ceiling, "k": slope, "x_mid": np.exp(middle + self.spread.log_x_mean)}


LOGISTIC = Logistic(
    name="logistic",
    formula="chance + (ceiling - chance) / (1 + (x_mid / x)^k)",
    source="Finney 1971 (dose and response); Ruan et al. 2024, arXiv 2405.10938",
    inputs=1,
    parameters=(
        Parameter("chance", "level at small x"),
        Parameter("ceiling", "level at large x"),
        Parameter("k", "slope in log x"),
        Parameter("x_mid", "x half way up"),
    ),
)
