"""Chinchilla's law where data is repeated: each pass over it, and each parameter beyond its need, is worth less."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import sigmoid
from scalewise.laws.families.family import Family, Parameter, Space
from scalewise.laws.families.power_sum import CHINCHILLA
from scalewise.laws.families.surface import LEAST_EXPONENT, BoundSurface

Floats = NDArray[np.float64]

MOST_LOG_RATIO = 500.0
"""Sizes or tokens beyond e^500 times what is needed are all the same to the law, and to a float."""


@dataclass(frozen=True)
class Repetition(Family):
    """E + A / N'^alpha + B / D'^beta of size, tokens seen and unique tokens."""

    def bind(self, x: Floats, y: Floats) -> "BoundRepetition":
        return BoundRepetition(self, CHINCHILLA.bind(x[:, :2], y))


@dataclass(frozen=True)
class BoundRepetition(BoundSurface):
    """Chinchilla's coordinates, then log R_D* and log R_N*."""

    space: ClassVar[Space] = "log"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        low, high = self.additive.bounds
        low = np.where([False, False, True, False, True], LEAST_EXPONENT, low)
        return np.append(low, np.log([0.05, 0.05])), np.append(high, np.log([1e4, 1e4]))

    @property
    def prior(self) -> tuple[Floats, Floats]:
        """Chinchilla's, and about ten repetitions, give or take a factor 4."""
        mean, spread = self.additive.prior
        return np.append(mean, np.log([10.0, 10.0])), np.append(spread, [1.5, 1.5])

    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        scales = rng.uniform(0.0, np.log(50.0), size=(count, 2))
        starts: Floats = np.clip(np.concatenate([self.additive.starts(count, rng), scales], axis=1), *self.bounds)
        return starts

    def _parts(self, theta: tuple[Floats, ...], log_x: tuple[Floats, ...]) -> tuple[Floats, list[Floats]]:
        floor, size, alpha, data, beta, data_scale, size_scale = theta
        z_size, z_data = (log_x[i] - self.additive.centre[i] for i in range(2))
        z_unique = np.minimum(log_x[2] - self.additive.centre[1], z_data)
        gain, by_data_scale, _ = _discounted(z_data - z_unique, data_scale)
        z_worth = z_unique + gain

        needed = (np.log(alpha) + size - np.log(beta) - data + beta * z_unique) / alpha
        z_used = np.minimum(needed, z_size)
        gain, by_size_scale, by_gap = _discounted(z_size - z_used, size_scale)
        z_useful = z_used + gain
        by_needed = np.where(needed < z_size, 1 - by_gap, 0.0)

        size_term, data_term = size - alpha * z_useful, data - beta * z_worth
        reducible = np.logaddexp(size_term, data_term)
        above = sigmoid(reducible - floor)
        by_size = above * sigmoid(size_term - data_term)
        by_data = above - by_size
        derivatives = [
            1 - above,
            by_size * (1 - by_needed),
            by_size * (-z_useful - by_needed * (1 / alpha - needed)),
            by_data + by_size * by_needed,
            -by_data * z_worth - by_size * by_needed * (z_unique - 1 / beta),
            -by_data * beta * by_data_scale,
            -by_size * alpha * by_size_scale,
        ]
        return np.logaddexp(floor, reducible), derivatives

    def natural(self, theta: Floats) -> dict[str, Floats]:
        scales = np.exp(theta[:, 5:])
        return self.additive.natural(theta[:, :5]) | {"R_D*": scales[:, 0], "R_N*": scales[:, 1]}


def _discounted(log_ratio: Floats, log_scale: Floats) -> tuple[Floats, Floats, Floats]:
    """log(1 + s (1 - exp(-R/s))) with R = e^log_ratio - 1 and s the scale; its derivative by log s and by log_ratio."""
    scale = np.exp(log_scale)
    repeats = np.expm1(np.minimum(log_ratio, MOST_LOG_RATIO))
    passed = repeats / scale
    left = np.exp(-passed)
    worth = 1 - scale * np.expm1(-passed)
    by_scale = scale * (1 - left - passed * left) / worth
    return np.log(worth), by_scale, (repeats + 1) * left / worth


REPETITION = Repetition(
    name="repetition",
    formula=(
        "E + A / N'^alpha + B / D'^beta, D' = U (1 + R_D* (1 - exp(-(D/U - 1) / R_D*))), "
        "N' = V (1 + R_N* (1 - exp(-(N/V - 1) / R_N*))), U = min(unique, D), "
        "V = min((alpha A / (beta B))^(1/alpha) U^(beta/alpha), N)"
    ),
    source="Muennighoff et al. 2023, arXiv 2305.16264",
    inputs=3,
    parameters=(
        *CHINCHILLA.parameters,
        Parameter("R_D*", "repetitions after which more are worth little"),
        Parameter("R_N*", "multiples of the size that suits the unique data after which more are worth little"),
    ),
)
"""Inputs: parameters, tokens seen, unique tokens."""
