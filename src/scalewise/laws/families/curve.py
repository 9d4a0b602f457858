"""What laws of one input share: coordinates centred on the data, and a box from which starts are drawn."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.family import BoundByParts, Family

Floats = NDArray[np.float64]

LEAST_FLOOR_SHARE = 1e-6
"""A floor below this share of the smallest observed y is no floor; a log scale needs an end."""


@dataclass(frozen=True)
class Spread:
    """Where a data set of one input lies: log x about its mean, and y."""

    log_x_mean: float
    z_low: float
    z_high: float
    x_high: float
    y_low: float
    y_high: float
    y_mean: float

    @classmethod
    def of(cls, x: Floats, y: Floats) -> "Spread":
        """From x (points, 1) and y (points,)."""
        log_x = np.log(x[:, 0])
        mean = float(log_x.mean())
        low, high = float(log_x.min()) - mean, float(log_x.max()) - mean
        return cls(mean, low, high, float(x.max()), float(y.min()), float(y.max()), float(y.mean()))

    @property
    def z_range(self) -> float:
        """Width of the data in log x, never 0."""
        return max(self.z_high - self.z_low, 1e-3)

    @property
    def y_range(self) -> float:
        """Width of the data in y, never 0."""
        return max(self.y_high - self.y_low, 1e-6 * (abs(self.y_high) or 1.0))

    @property
    def y_size(self) -> float:
        """A typical size of y, never 0."""
        return max(abs(self.y_mean), self.y_range)


@dataclass(frozen=True)
class BoundCurve(BoundByParts):
    """A law of one input. A subclass gives `bounds`, `start_box`, `natural` and `_parts`, the formula in z."""

    family: Family
    spread: Spread

    @property
    @abstractmethod
    def start_box(self) -> tuple[Floats, Floats]:
        """Starts are drawn uniformly between these corners, each (parameters,)."""

    @abstractmethod
    def _parts(self, theta: tuple[Floats, ...], z: Floats) -> tuple[Floats, list[Floats]]:
        """The law in its space, and its derivative by each parameter; parameters are (fits, 1), z = log x - mean."""

    @property
    def prior(self) -> tuple[Floats, Floats]:
        """As wide as the box of starts: its middle, and its half width as standard deviation."""
        low, high = self.start_box
        return (low + high) / 2, np.maximum((high - low) / 2, 1e-12)

    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        low, high = self.start_box
        starts: Floats = np.clip(rng.uniform(low, high, size=(count, low.size)), *self.bounds)
        return starts

    def _at(self, theta: Floats, x: Floats) -> tuple[Floats, list[Floats]]:
        z = np.log(x[..., 0]) - self.spread.log_x_mean
        value, derivatives = self._parts(tuple(theta[:, i, None] for i in range(theta.shape[1])), z)
        shape = (theta.shape[0], z.shape[-1])
        return value if value.shape == shape else np.broadcast_to(value, shape), derivatives


def sigmoid(u: Floats) -> Floats:
    """1 / (1 + exp(-u)) without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * u))
