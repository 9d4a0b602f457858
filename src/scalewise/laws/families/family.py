"""What a family of laws is: a formula with named parameters that the solver can fit in batches.

A `Family` is a formula. Bound to data it knows its internal coordinates (centred, log-scaled), in which the solver
works; nobody outside the solver indexes them.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
    """A parameter of the formula, in the paper's symbol."""

    name: str
    meaning: str


@dataclass(frozen=True)
class Family(ABC):
    """A formula y(x) > 0 of one or more inputs x > 0."""

    name: str
    formula: str
    source: str
    inputs: int
    parameters: tuple[Parameter, ...]

    @abstractmethod
    def bind(self, x: Floats, y: Floats) -> "BoundFamily":
        """Internal coordinates for data x (points, inputs) and y (points,)."""


class BoundFamily(ABC):
    """A family in the internal coordinates of one data set. `theta` is (fits, parameters) throughout."""

    family: Family

    @property
    @abstractmethod
    def bounds(self) -> tuple[Floats, Floats]:
        """Lower and upper bounds of theta, each (parameters,)."""

    @abstractmethod
    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        """Random places to start from: (count, parameters)."""

    @abstractmethod
    def log_predict(self, theta: Floats, x: Floats) -> Floats:
        """log y at x (points, inputs), or at x (fits, points, inputs) when each fit has its own: (fits, points)."""

    @abstractmethod
    def log_predict_with_jacobian(self, theta: Floats, x: Floats) -> tuple[Floats, Floats]:
        """log y (fits, points) and its derivative by theta (fits, parameters, points)."""

    @abstractmethod
    def natural(self, theta: Floats) -> dict[str, Floats]:
        """The formula's own parameters, each (fits,)."""
