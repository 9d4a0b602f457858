"""Loss against compute and tokens per parameter, so that runs trained far past their optimum lie on one law.

It is Chinchilla's law with one exponent for size and data, seen from C and M: C / M stands for the size, C M for the
data.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.family import BoundFamily, Family, Parameter, Space
from scalewise.laws.families.power_sum import CHINCHILLA, BoundPowerSum

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Overtraining(Family):
    """E + (a M^eta + b M^-eta) C^-eta."""

    def bind(self, x: Floats, y: Floats) -> "BoundOvertraining":
        return BoundOvertraining(self, CHINCHILLA.bind(_size_and_data(x), y))


@dataclass(frozen=True)
class BoundOvertraining(BoundFamily):
    """(log E, log of the size term at the centre, log of the data term at the centre, eta)."""

    family: Overtraining
    additive: BoundPowerSum
    space: ClassVar[Space] = "log"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        low, high = self.additive.bounds
        return low[[0, 1, 3, 2]], high[[0, 1, 3, 2]]

    @property
    def prior(self) -> tuple[Floats, Floats]:
        """Chinchilla's, with half its exponents: C grows as the square of size or data."""
        mean, spread = self.additive.prior
        halves = np.array([1.0, 1.0, 1.0, 0.5])
        return mean[[0, 1, 3, 2]] * halves, spread[[0, 1, 3, 2]] * halves

    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        return self.additive.starts(count, rng)[:, [0, 1, 3, 2]]

    def evaluate(self, theta: Floats, x: Floats) -> Floats:
        return self.additive.evaluate(_untied(theta), _size_and_data(x))

    def evaluate_with_jacobian(self, theta: Floats, x: Floats) -> tuple[Floats, Floats]:
        value, free = self.additive.evaluate_with_jacobian(_untied(theta), _size_and_data(x))
        jacobian = free[:, [0, 1, 3, 2]]
        jacobian[:, 3] += free[:, 4]
        return value, jacobian

    def natural(self, theta: Floats) -> dict[str, Floats]:
        free = self.additive.natural(_untied(theta))
        return {"E": free["E"], "a": free["A"], "b": free["B"], "eta": free["alpha"]}


def _untied(theta: Floats) -> Floats:
    """Chinchilla's parameters, both exponents eta."""
    return theta[:, [0, 1, 3, 2, 3]]


def _size_and_data(x: Floats) -> Floats:
    compute, multiplier = x[..., 0], x[..., 1]
    return np.stack([compute / multiplier, compute * multiplier], axis=-1)


OVERTRAINING = Overtraining(
    name="overtraining",
    formula="E + (a M^eta + b M^-eta) C^-eta",
    source="Gadre et al. 2024, arXiv 2403.08540",
    inputs=2,
    parameters=(
        Parameter("E", "irreducible loss"),
        Parameter("a", "coefficient of too few parameters"),
        Parameter("b", "coefficient of too few tokens"),
        Parameter("eta", "exponent of compute at a fixed multiplier"),
    ),
)
