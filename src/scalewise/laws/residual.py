"""What a fit minimises: how the distance between a law and an observation is counted.

Losses are compared on a log scale, accuracies with a known number of items by their binomial likelihood, values with
given standard errors in units of these. Each returns, for every point, its cost, the slope of the cost (how hard the
point pulls the law) and a positive curvature for the solver's step.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from scalewise.laws.families.family import Floats, Space

HUBER_DELTA = 1e-3
"""Hoffmann et al. 2022, section 3.3."""
LEAST_CHANCE = 1e-9
"""Probabilities are kept this far from 0 and 1."""


@dataclass(frozen=True)
class Residual(ABC):
    """`space`: laws and observations are compared as log y or as y. All arrays are (fits, points)."""

    space: Space

    @property
    def robust(self) -> bool:
        """Whether the curvature of far points is the solver's to choose (see `solver`)."""
        return False

    def observed(self, y: Floats) -> Floats:
        """Observations in the residual's space."""
        return np.log(y) if self.space == "log" else y

    @abstractmethod
    def cost(self, predicted: Floats, observed: Floats) -> Floats:
        """What each point adds to the objective."""

    @abstractmethod
    def pull(self, predicted: Floats, observed: Floats) -> Floats:
        """Minus the derivative of the cost by the prediction."""

    @abstractmethod
    def curvature(self, predicted: Floats, observed: Floats, kappa: Floats) -> Floats:
        """A positive stand-in for the second derivative; `kappa` (fits, 1) scales it where a residual is robust."""


@dataclass(frozen=True)
class Huber(Residual):
    """Half the square within `delta`, linear beyond it (Huber 1964)."""

    delta: float = HUBER_DELTA

    @property
    def robust(self) -> bool:
        return True

    def cost(self, predicted: Floats, observed: Floats) -> Floats:
        size = np.abs(observed - predicted)
        inside = np.minimum(size, self.delta)
        return inside * (size - 0.5 * inside)

    def pull(self, predicted: Floats, observed: Floats) -> Floats:
        return np.clip(observed - predicted, -self.delta, self.delta)

    def curvature(self, predicted: Floats, observed: Floats, kappa: Floats) -> Floats:
        size = np.abs(observed - predicted)
        return np.where(size > self.delta, kappa * self.delta / np.maximum(size, 1e-300), 1.0)


@dataclass(frozen=True)
class Squares(Residual):
    """Half the square, in units of the given standard errors (points,) if there are any."""

    errors: Floats | None = None

    @property
    def _precision(self) -> Floats:
        return np.ones(1) if self.errors is None else self.errors**-2.0

    def cost(self, predicted: Floats, observed: Floats) -> Floats:
        return 0.5 * self._precision * (observed - predicted) ** 2

    def pull(self, predicted: Floats, observed: Floats) -> Floats:
        return self._precision * (observed - predicted)

    def curvature(self, predicted: Floats, observed: Floats, kappa: Floats) -> Floats:
        return np.broadcast_to(self._precision, predicted.shape)


@dataclass(frozen=True)
class Binomial(Residual):
    """Half the binomial deviance of a share y of `items` (points,) answered right.

    `overdispersion` is the variance in units of the binomial one: the beta-binomial's 1 + (items - 1) rho, with
    which it divides the deviance (quasi-likelihood, McCullagh and Nelder 1989, section 4.5).
    """

    items: Floats
    overdispersion: float = 1.0

    def cost(self, predicted: Floats, observed: Floats) -> Floats:
        chance = _inside(predicted)
        right = _x_log_ratio(observed, chance)
        wrong = _x_log_ratio(1 - observed, 1 - chance)
        return self.items / self.overdispersion * (right + wrong)

    def pull(self, predicted: Floats, observed: Floats) -> Floats:
        chance = _inside(predicted)
        return self.items / self.overdispersion * (observed - chance) / (chance * (1 - chance))

    def curvature(self, predicted: Floats, observed: Floats, kappa: Floats) -> Floats:
        chance = _inside(predicted)
        return self.items / self.overdispersion / (chance * (1 - chance))


def _inside(probability: Floats) -> Floats:
    return np.clip(probability, LEAST_CHANCE, 1 - LEAST_CHANCE)


def _x_log_ratio(x: Floats, y: Floats) -> Floats:
    """x log(x / y), which is 0 at x = 0."""
    return np.where(x > 0, x * np.log(np.maximum(x, 1e-300) / y), 0.0)


LOG_HUBER = Huber("log")
LOG_SQUARES = Squares("log")
PLAIN_SQUARES = Squares("linear")
