"""The link from loss to a downstream error or accuracy: it nears its worst level exponentially as the loss grows."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import BoundCurve, Spread
from scalewise.laws.families.family import Family, Parameter, Space
from scalewise.laws.families.surface import exp_in_range

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AccuracyFromLoss(Family):
    """eps - k exp(-gamma L): an error has k > 0, an accuracy k < 0."""

    def bind(self, x: Floats, y: Floats) -> "BoundAccuracyFromLoss":
        return BoundAccuracyFromLoss(self, Spread.of(x, y))


@dataclass(frozen=True)
class BoundAccuracyFromLoss(BoundCurve):
    """(eps, distance from it at the central loss, log of gamma times the width of the losses)."""

    space: ClassVar[Space] = "linear"

    @property
    def _centre(self) -> float:
        return float(np.exp(self.spread.log_x_mean))

    @property
    def _width(self) -> float:
        lowest = self._centre * np.exp(self.spread.z_low)
        return float(max(self.spread.x_high - lowest, 1e-3 * self._centre))

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        s = self.spread
        far = 10.0 * s.y_range
        low = max(0.0, s.y_low - far) if s.y_low >= 0 else s.y_low - far
        return np.array([low, -100 * far, np.log(0.01)]), np.array([s.y_high + far, 100 * far, np.log(30.0)])

    @property
    def start_box(self) -> tuple[Floats, Floats]:
        s = self.spread
        wide = s.y_range
        return np.array([s.y_low - wide, -2 * wide, np.log(0.2)]), np.array([s.y_high + wide, 2 * wide, np.log(10.0)])

    def _parts(self, theta: tuple[Floats, ...], z: Floats) -> tuple[Floats, list[Floats]]:
        level, distance, log_rate = theta
        t = np.exp(log_rate) * (self._centre * np.expm1(z) / self._width)
        decay = np.exp(-t)
        return level - distance * decay, [np.ones_like(decay), -decay, distance * t * decay]

    def natural(self, theta: Floats) -> dict[str, Floats]:
        level, distance, log_rate = theta.T
        gamma = np.exp(log_rate) / self._width
        return {"eps": level, "k": distance * exp_in_range(gamma * self._centre), "gamma": gamma}


ACCURACY_FROM_LOSS = AccuracyFromLoss(
    name="accuracy from loss",
    formula="eps - k exp(-gamma L)",
    source="Gadre et al. 2024, arXiv 2403.08540",
    inputs=1,
    parameters=(
        Parameter("eps", "level approached as the loss grows"),
        Parameter("k", "distance from it at zero loss; negative for an accuracy"),
        Parameter("gamma", "rate"),
    ),
)
