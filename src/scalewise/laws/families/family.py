"""What a family of laws is: a formula with named parameters that the solver can fit in batches.

A `Family` is a formula. Bound to data it knows its internal coordinates (centred, scaled), in which the solver works;
nobody outside the solver indexes them.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Space = Literal["log", "linear"]


@dataclass(frozen=True)
class Parameter:
    """A parameter of the formula, in the paper's symbol."""

    name: str
    meaning: str


@dataclass(frozen=True)
class Family(ABC):
    """A formula y(x) of one or more inputs x > 0."""

    name: str
    formula: str
    source: str
    inputs: int
    parameters: tuple[Parameter, ...]

    @property
    def scales(self) -> int:
        """How many of the inputs, the first ones, are scales, greater than 0; a last one may number a group."""
        return self.inputs

    @abstractmethod
    def bind(self, x: Floats, y: Floats) -> "BoundFamily":
        """Internal coordinates for data x (points, inputs) and y (points,)."""


class BoundFamily(ABC):
    """A family in the internal coordinates of one data set. `theta` is (fits, parameters) throughout.

    `space` says what `evaluate` returns: log y for laws that are positive by construction, else y itself.
    """

    family: Family
    space: ClassVar[Space]

    @property
    @abstractmethod
    def bounds(self) -> tuple[Floats, Floats]:
        """Lower and upper bounds of theta, each (parameters,)."""

    @property
    def prior(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation of a weak normal prior on theta; an infinite one says nothing."""
        low, _ = self.bounds
        return np.zeros_like(low), np.full_like(low, np.inf)

    @abstractmethod
    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        """Random places to start from: (count, parameters)."""

    @abstractmethod
    def evaluate(self, theta: Floats, x: Floats) -> Floats:
        """The law in its `space` at x (points, inputs), or at x (fits, points, inputs) for each fit: (fits, points)."""

    @abstractmethod
    def evaluate_with_jacobian(self, theta: Floats, x: Floats) -> tuple[Floats, Floats]:
        """The law in its `space` (fits, points) and its derivative by theta (fits, parameters, points)."""

    @abstractmethod
    def natural(self, theta: Floats) -> dict[str, Floats]:
        """The formula's own parameters, each (fits,)."""

    def in_space(self, space: Space, theta: Floats, x: Floats) -> tuple[Floats, Floats]:
        """`evaluate_with_jacobian` in the space asked for; not a number where y <= 0 has no logarithm."""
        value, jacobian = self.evaluate_with_jacobian(theta, x)
        if self.space == space:
            return value, jacobian
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            if self.space == "log":
                value = np.exp(value)
                return value, jacobian * value[:, None]
            return np.log(value), jacobian / value[:, None]

    def value_in(self, space: Space, theta: Floats, x: Floats) -> Floats:
        """`evaluate` in the space asked for; not a number where y <= 0 has no logarithm."""
        value = self.evaluate(theta, x)
        if self.space == space:
            return value
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            converted: Floats = np.exp(value) if self.space == "log" else np.log(value)
        return converted

    def predict(self, theta: Floats, x: Floats) -> Floats:
        """y at x: (fits, points)."""
        return self.value_in("linear", theta, x)


class BoundByParts(BoundFamily):
    """A law whose value and derivatives come from one expression, the derivatives as a list."""

    @abstractmethod
    def _at(self, theta: Floats, x: Floats) -> tuple[Floats, list[Floats]]:
        """The law in its space (fits, points), and its derivative by each parameter."""

    def evaluate(self, theta: Floats, x: Floats) -> Floats:
        return self._at(theta, x)[0]

    def evaluate_with_jacobian(self, theta: Floats, x: Floats) -> tuple[Floats, Floats]:
        value, derivatives = self._at(theta, x)
        jacobian = np.empty((theta.shape[0], theta.shape[1], x.shape[-2]))
        for i, derivative in enumerate(derivatives):
            jacobian[:, i] = derivative
        return value, jacobian
