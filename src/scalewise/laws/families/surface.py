"""What laws of several inputs share. Each is a variation on Chinchilla's law and takes its coordinates from it."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.family import BoundByParts, Family
from scalewise.laws.families.power_sum import BoundPowerSum

Floats = NDArray[np.float64]

LEAST_EXPONENT = 0.01
"""Exponents that a formula divides by are kept this far from 0."""


@dataclass(frozen=True)
class BoundSurface(BoundByParts):
    """A subclass gives `bounds`, `prior`, `starts`, `natural` and `_parts`, the formula in logs.

    `additive` is Chinchilla's law bound to the same data: the centres of the inputs, and sensible ranges.
    """

    family: Family
    additive: BoundPowerSum

    @abstractmethod
    def _parts(self, theta: tuple[Floats, ...], log_x: tuple[Floats, ...]) -> tuple[Floats, list[Floats]]:
        """The law in its space, and its derivative by each parameter; parameters are (fits, 1)."""

    def _at(self, theta: Floats, x: Floats) -> tuple[Floats, list[Floats]]:
        log_x = np.log(x)
        return self._parts(
            tuple(theta[:, i, None] for i in range(theta.shape[1])),
            tuple(log_x[..., i] for i in range(x.shape[-1])),
        )


def exp_in_range(log_value: Floats) -> Floats:
    """exp, held inside what a float can say: a scale such as N_c runs away as its exponent nears 0."""
    value: Floats = np.exp(np.clip(log_value, -700.0, 700.0))
    return value
