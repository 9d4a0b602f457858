"""A step: one level before a place, another after. Only the place of the break between two neighbours matters."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import BoundCurve, Spread
from scalewise.laws.families.family import Family, Parameter, Space

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Step(Family):
    """low before x_jump, high from there on."""

    def bind(self, x: Floats, y: Floats) -> "BoundStep":
        z = np.unique(np.log(x[:, 0])) - np.log(x[:, 0]).mean()
        return BoundStep(self, Spread.of(x, y), gaps=(z[1:] + z[:-1]) / 2)


@dataclass(frozen=True)
class BoundStep(BoundCurve):
    """(before, after, log x of the jump). The jump has no derivative: every gap between two x is a start instead."""

    gaps: Floats
    space: ClassVar[Space] = "linear"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        s = self.spread
        low, high = s.y_low - s.y_range, s.y_high + s.y_range
        return np.array([low, low, s.z_low]), np.array([high, high, s.z_high])

    @property
    def start_box(self) -> tuple[Floats, Floats]:
        s = self.spread
        return np.array([s.y_low, s.y_low, s.z_low]), np.array([s.y_high, s.y_high, s.z_high])

    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        """Evenly chosen gaps, every one of them when there are no more than `count`: (count, 3)."""
        starts = super().starts(count, rng)
        starts[:, 2] = self.gaps[np.linspace(0, self.gaps.size - 1, count).round().astype(int)]
        return starts

    def _parts(self, theta: tuple[Floats, ...], z: Floats) -> tuple[Floats, list[Floats]]:
        before, after, jump = theta
        is_after = (z >= jump).astype(np.float64)
        return before + (after - before) * is_after, [1 - is_after, is_after, np.zeros_like(is_after)]

    def natural(self, theta: Floats) -> dict[str, Floats]:
        return {"before": theta[:, 0], "after": theta[:, 1], "x_jump": np.exp(theta[:, 2] + self.spread.log_x_mean)}


STEP = Step(
    name="step",
    formula="before if x < x_jump else after",
    source="Page 1955 (change point)",
    inputs=1,
    parameters=(
        Parameter("before", "level before the jump"),
        Parameter("after", "level after it"),
        Parameter("x_jump", "place of the jump"),
    ),
)
