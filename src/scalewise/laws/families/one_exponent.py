"""Chinchilla's law with one exponent for size and data, in two views: of size and data, or of compute and multiplier.

Seen from compute C and tokens per parameter M, C / M stands for the size and C M for the data, so that runs trained
far past their optimum lie on one law.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.family import BoundFamily, Family, Parameter, Space
from scalewise.laws.families.power_sum import CHINCHILLA, BoundPowerSum

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class OneExponent(Family):
    """E + A / N^alpha + B / D^alpha; or the same of C and M, where the exponent of C is half of that of N."""

    of_compute: bool

    def bind(self, x: Floats, y: Floats) -> "BoundOneExponent":
        return BoundOneExponent(self, CHINCHILLA.bind(self.size_and_data(x), y))

    def size_and_data(self, x: Floats) -> Floats:
        if not self.of_compute:
            return x
        compute, multiplier = x[..., 0], x[..., 1]
        return np.stack([compute / multiplier, compute * multiplier], axis=-1)


@dataclass(frozen=True)
class BoundOneExponent(BoundFamily):
    """(log E, log of the size term at the centre, log of the data term at the centre, exponent)."""

    family: OneExponent
    additive: BoundPowerSum
    space: ClassVar[Space] = "log"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        low, high = self.additive.bounds
        return low[[0, 1, 3, 2]], high[[0, 1, 3, 2]]

    @property
    def prior(self) -> tuple[Floats, Floats]:
        """Chinchilla's; with half its exponent where C grows as the square of size or data."""
        mean, spread = self.additive.prior
        share = np.array([1.0, 1.0, 1.0, 0.5 if self.family.of_compute else 1.0])
        return mean[[0, 1, 3, 2]] * share, spread[[0, 1, 3, 2]] * share

    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        return self.additive.starts(count, rng)[:, [0, 1, 3, 2]]

    def evaluate(self, theta: Floats, x: Floats) -> Floats:
        return self.additive.evaluate(_untied(theta), self.family.size_and_data(x))

    def evaluate_with_jacobian(self, theta: Floats, x: Floats) -> tuple[Floats, Floats]:
        value, free = self.additive.evaluate_with_jacobian(_untied(theta), self.family.size_and_data(x))
        jacobian = free[:, [0, 1, 3, 2]]
        jacobian[:, 3] += free[:, 4]
        return value, jacobian

    def natural(self, theta: Floats) -> dict[str, Floats]:
        free = self.additive.natural(_untied(theta))
        names = [p.name for p in self.family.parameters]
        return dict(zip(names, (free["E"], free["A"], free["B"], free["alpha"]), strict=True))


def _untied(theta: Floats) -> Floats:
    """Chinchilla's parameters, both exponents alike."""
    return theta[:, [0, 1, 3, 2, 3]]


ONE_EXPONENT = OneExponent(
    name="one exponent",
    formula="E + A / N^alpha + B / D^alpha",
    source="Gadre et al. 2024, arXiv 2403.08540, in size and data",
    inputs=2,
    parameters=(
        Parameter("E", "irreducible loss"),
        Parameter("A", "coefficient of size"),
        Parameter("B", "coefficient of data"),
        Parameter("alpha", "exponent of size and of data"),
    ),
    of_compute=False,
)

OVERTRAINING = OneExponent(
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
    of_compute=True,
)
