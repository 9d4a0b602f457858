"""Chinchilla's law with one more exponent, through which size and data act on each other.

Internally a term carries its outer exponent: (e^(u/k) + e^(v/k))^k with u, v the logs of the two terms. Where one term
rules, k then drops out, so that k is nearly independent of the rest, and at k = 1 the coordinates are Chinchilla's.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import sigmoid
from scalewise.laws.families.family import Family, Parameter, Space
from scalewise.laws.families.power_sum import CHINCHILLA
from scalewise.laws.families.surface import BoundSurface, exp_in_range

Floats = NDArray[np.float64]

LEAST_K, MOST_K = 0.05, 4.0


@dataclass(frozen=True)
class Coupled(Family):
    """E + (A / N^alpha + B / D^beta)^k."""

    def bind(self, x: Floats, y: Floats) -> "BoundCoupled":
        return BoundCoupled(self, CHINCHILLA.bind(x, y))


@dataclass(frozen=True)
class BoundCoupled(BoundSurface):
    """(log E, log A^k at the centre, k alpha, log B^k at the centre, k beta, log k)."""

    space: ClassVar[Space] = "log"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        low, high = self.additive.bounds
        return np.append(low, np.log(LEAST_K)), np.append(high, np.log(MOST_K))

    @property
    def prior(self) -> tuple[Floats, Floats]:
        """Chinchilla's, and k about 1: no coupling until the data ask for it."""
        mean, spread = self.additive.prior
        return np.append(mean, 0.0), np.append(spread, 1.0)

    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        log_k = rng.uniform(np.log(0.2), np.log(2.0), size=(count, 1))
        return np.concatenate([self.additive.starts(count, rng), log_k], axis=1)

    def _parts(self, theta: tuple[Floats, ...], log_x: tuple[Floats, ...]) -> tuple[Floats, list[Floats]]:
        floor, size, size_exponent, data, data_exponent, log_k = theta
        z_size, z_data = (log_x[i] - self.additive.centre[i] for i in range(2))
        k = np.exp(log_k)
        reducible, share, by_k = bent_sum(size - size_exponent * z_size, data - data_exponent * z_data, k)
        above = sigmoid(reducible - floor)
        by_size, by_data = above * share, above * (1 - share)
        derivatives = [1 - above, by_size, -by_size * z_size, by_data, -by_data * z_data, above * by_k * k]
        return np.logaddexp(floor, reducible), derivatives

    def natural(self, theta: Floats) -> dict[str, Floats]:
        floor, size, size_exponent, data, data_exponent, log_k = theta.T
        k = np.exp(log_k)
        centre = self.additive.centre
        return {
            "E": np.exp(floor),
            "A": exp_in_range((size + size_exponent * centre[0]) / k),
            "alpha": size_exponent / k,
            "B": exp_in_range((data + data_exponent * centre[1]) / k),
            "beta": data_exponent / k,
            "k": k,
        }


def bent_sum(first: Floats, second: Floats, k: Floats) -> tuple[Floats, Floats, Floats]:
    """k log(e^(first/k) + e^(second/k)); its derivative by `first`, which is the first term's share; and by k."""
    gap = (first - second) / k
    size = np.abs(gap)
    excess = np.log1p(np.exp(-size))
    return np.maximum(first, second) + k * excess, sigmoid(gap), excess + size * sigmoid(-size)


COUPLED = Coupled(
    name="coupled",
    formula="E + (A / N^alpha + B / D^beta)^k",
    source='Videau et al. 2026 ("Skaling"), arXiv 2608.07222',
    inputs=2,
    parameters=(
        *CHINCHILLA.parameters,
        Parameter("k", "coupling: below 1, size and data help each other; at 1 they act apart"),
    ),
)
