"""What a fit minimises: how the distance between a law and an observation is counted.

Losses are compared on a log scale, accuracies with a known number of items by their binomial likelihood, values with
given standard errors in units of these. Each returns, for every point, its cost, the slope of the cost (how hard the
point pulls the law) and a positive curvature for the solver's step. Those that know the size of their errors can also
draw them.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

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
    @abstractmethod
    def description(self) -> str:
        """What is minimised, in words."""

    @property
    def _of_residuals(self) -> str:
        return "of log residuals" if self.space == "log" else "of residuals"

    @property
    def robust(self) -> bool:
        """Whether the curvature of far points is the solver's to choose (see `solver`)."""
        return False

    @property
    def known_size(self) -> bool:
        """Whether the size of the errors is given, so that twice the cost is a deviance and `draw` can be used."""
        return False

    def observed(self, y: Floats) -> Floats:
        """Observations in the residual's space."""
        return np.log(y) if self.space == "log" else y

    def at(self, rows: NDArray[np.intp]) -> "Residual":
        """The same residual for the points `rows`, in their order."""
        return self

    def draw(self, predicted: Floats, count: int, rng: np.random.Generator) -> Floats:
        """Observations (count, points) about a law's values (1, points), in the residual's space."""
        raise TypeError(f"the {self.description} does not know the size of errors, so none can be drawn")

    def typical_error(self, predicted: Floats) -> Floats:
        """The standard deviation of one more observation where the law has these values, in the residual's space."""
        raise TypeError(f"the {self.description} does not know the size of errors")

    @abstractmethod
    def cost(self, predicted: Floats, observed: Floats) -> Floats:
        """What each point adds to the objective."""

    @abstractmethod
    def pull(self, predicted: Floats, observed: Floats) -> Floats:
        """Minus the derivative of the cost by the prediction."""

    @abstractmethod
    def curvature(self, predicted: Floats, observed: Floats, kappa: Floats) -> Floats:
        """A positive stand-in for the second derivative; `kappa` (fits, 1) scales it where a residual is robust.

        One that is alike for all fits, or all points, may have a shape that only broadcasts to (fits, points).
        """


@dataclass(frozen=True)
class Huber(Residual):
    """Half the square within `delta`, linear beyond it (Huber 1964)."""

    delta: float = HUBER_DELTA

    @property
    def description(self) -> str:
        return f"Huber loss {self._of_residuals} (delta {self.delta:g})"

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
    def description(self) -> str:
        units = "" if self.errors is None else " in units of their standard errors"
        return f"least squares {self._of_residuals}{units}"

    @property
    def known_size(self) -> bool:
        return self.errors is not None

    def at(self, rows: NDArray[np.intp]) -> Residual:
        return self if self.errors is None else replace(self, errors=self.errors[rows])

    def typical_error(self, predicted: Floats) -> Floats:
        if self.errors is None:
            return super().typical_error(predicted)
        return np.full(predicted.shape, np.median(self.errors))

    def draw(self, predicted: Floats, count: int, rng: np.random.Generator) -> Floats:
        if self.errors is None:
            return super().draw(predicted, count, rng)
        return predicted + self.errors * rng.normal(size=(count, self.errors.size))

    @property
    def precision(self) -> Floats:
        """What a point's square counts for: (points,), or (1,) if all count alike."""
        return np.ones(1) if self.errors is None else self.errors**-2.0

    def cost(self, predicted: Floats, observed: Floats) -> Floats:
        squares = 0.5 * (observed - predicted) ** 2
        return squares if self.errors is None else self.precision * squares

    def pull(self, predicted: Floats, observed: Floats) -> Floats:
        away = observed - predicted
        return away if self.errors is None else self.precision * away

    def curvature(self, predicted: Floats, observed: Floats, kappa: Floats) -> Floats:
        return self.precision


@dataclass(frozen=True)
class Binomial(Residual):
    """Half the binomial deviance of a share y of `items` (points,) answered right.

    `overdispersion` is the variance in units of the binomial one: the beta-binomial's 1 + (items - 1) rho, with
    which it divides the deviance (quasi-likelihood, McCullagh and Nelder 1989, section 4.5).
    """

    items: Floats
    overdispersion: float = 1.0

    @property
    def description(self) -> str:
        return "binomial deviance"

    @property
    def known_size(self) -> bool:
        return True

    def at(self, rows: NDArray[np.intp]) -> Residual:
        return replace(self, items=self.items[rows])

    def typical_error(self, predicted: Floats) -> Floats:
        chance = _inside(predicted)
        typical: Floats = np.sqrt(self.overdispersion * chance * (1 - chance) / np.median(self.items))
        return typical

    def pearson(self, predicted: Floats, observed: Floats) -> float:
        """The sum of squared errors in units of the binomial variance."""
        chance = _inside(predicted)
        return float(np.sum(self.items * (observed - chance) ** 2 / (chance * (1 - chance))))

    def draw(self, predicted: Floats, count: int, rng: np.random.Generator) -> Floats:
        chance = np.broadcast_to(_inside(predicted), (count, self.items.size))
        alike = np.clip((self.overdispersion - 1) / np.maximum(self.items - 1, 1), 0.0, 1 - LEAST_CHANCE)
        if np.any(alike > 0):
            both = (1 - alike) / np.maximum(alike, LEAST_CHANCE)
            chance = np.where(alike > 0, rng.beta(chance * both, (1 - chance) * both), chance)
        drawn: Floats = rng.binomial(np.round(self.items).astype(np.int64), chance) / self.items
        return drawn

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
