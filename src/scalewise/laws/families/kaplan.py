"""Kaplan's joint law: no floor, and the data's exponent also bends the two terms into one another."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.coupled import bent_sum
from scalewise.laws.families.family import Family, Parameter, Space
from scalewise.laws.families.power_sum import CHINCHILLA
from scalewise.laws.families.surface import LEAST_EXPONENT, BoundSurface, exp_in_range

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Kaplan(Family):
    """((N_c / N)^(alpha_N / alpha_D) + D_c / D)^alpha_D."""

    def bind(self, x: Floats, y: Floats) -> "BoundKaplan":
        return BoundKaplan(self, CHINCHILLA.bind(x, y))


@dataclass(frozen=True)
class BoundKaplan(BoundSurface):
    """(log of the size term at the centre, alpha_N, log of the data term at the centre, alpha_D)."""

    space: ClassVar[Space] = "log"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        low, high = (bound[1:] for bound in self.additive.bounds)
        return np.where([False, True, False, True], LEAST_EXPONENT, low), high

    @property
    def prior(self) -> tuple[Floats, Floats]:
        """As Chinchilla's, without its floor."""
        mean, spread = self.additive.prior
        return mean[1:], spread[1:]

    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        starts: Floats = np.clip(self.additive.starts(count, rng)[:, 1:], *self.bounds)
        return starts

    def _parts(self, theta: tuple[Floats, ...], log_x: tuple[Floats, ...]) -> tuple[Floats, list[Floats]]:
        size, alpha_n, data, alpha_d = theta
        z_size, z_data = (log_x[i] - self.additive.centre[i] for i in range(2))
        value, share, by_k = bent_sum(size - alpha_n * z_size, data - alpha_d * z_data, alpha_d)
        return value, [share, -share * z_size, 1 - share, by_k - (1 - share) * z_data]

    def natural(self, theta: Floats) -> dict[str, Floats]:
        size, alpha_n, data, alpha_d = theta.T
        centre = self.additive.centre
        return {
            "N_c": exp_in_range(size / alpha_n + centre[0]),
            "alpha_N": alpha_n,
            "D_c": exp_in_range(data / alpha_d + centre[1]),
            "alpha_D": alpha_d,
        }


KAPLAN = Kaplan(
    name="kaplan",
    formula="((N_c / N)^(alpha_N / alpha_D) + D_c / D)^alpha_D",
    source="Kaplan et al. 2020, arXiv 2001.08361, equation 1.5",
    inputs=2,
    parameters=(
        Parameter("N_c", "scale of size"),
        Parameter("alpha_N", "exponent of size, data without end"),
        Parameter("D_c", "scale of data"),
        Parameter("alpha_D", "exponent of data, size without end"),
    ),
)
