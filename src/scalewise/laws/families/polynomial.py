"""Polynomials in x or in log x, from a constant to a cubic: y = a + b t + c t^2 + ..."""

from dataclasses import dataclass
from math import comb
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import BoundCurve, Spread
from scalewise.laws.families.family import Family, Parameter, Space

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Polynomial(Family):
    """A polynomial of a given degree."""

    degree: int
    of_log: bool

    def bind(self, x: Floats, y: Floats) -> "BoundPolynomial":
        return BoundPolynomial(self, Spread.of(x, y))


@dataclass(frozen=True)
class BoundPolynomial(BoundCurve):
    """Powers of t, which is log x from -1 to 1, or x from 0 to 1."""

    family: Polynomial
    space: ClassVar[Space] = "linear"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        most = np.full(self.family.degree + 1, 1e9 * self.spread.y_size)
        return -most, most

    @property
    def start_box(self) -> tuple[Floats, Floats]:
        half = np.full(self.family.degree + 1, self.spread.y_range)
        half[0] = self.spread.y_size
        return -half, half

    @property
    def prior(self) -> tuple[Floats, Floats]:
        """The constant is free; each higher power is unlikely to exceed the range of y."""
        _, half = self.start_box
        half[0] *= 100
        return np.zeros_like(half), half

    @property
    def _shift_and_scale(self) -> tuple[float, float]:
        if not self.family.of_log:
            return 0.0, self.spread.x_high
        middle = (self.spread.z_low + self.spread.z_high) / 2
        return middle, self.spread.z_range / 2

    def _parts(self, theta: tuple[Floats, ...], z: Floats) -> tuple[Floats, list[Floats]]:
        shift, scale = self._shift_and_scale
        t = ((z if self.family.of_log else np.exp(z + self.spread.log_x_mean)) - shift) / scale
        powers = [t**i for i in range(self.family.degree + 1)]
        value = theta[0] * np.ones_like(t)
        for coefficient, power in zip(theta[1:], powers[1:], strict=True):
            value = value + coefficient * power
        return value, powers

    def natural(self, theta: Floats) -> dict[str, Floats]:
        """Coefficients of the powers of x, or of log x, by the binomial theorem."""
        shift, scale = self._shift_and_scale
        if self.family.of_log:
            shift += self.spread.log_x_mean
        values = []
        for i, _ in enumerate(self.family.parameters):
            terms = [
                theta[:, j] * comb(j, i) * (-shift) ** (j - i) / scale**j for j in range(i, self.family.degree + 1)
            ]
            values.append(np.sum(terms, axis=0))
        return dict(zip((p.name for p in self.family.parameters), values, strict=True))


_NAMES = ("constant", "linear", "quadratic", "cubic")


def _polynomial(degree: int, of_log: bool, name: str | None = None) -> Polynomial:
    t = "log x" if of_log else "x"
    powers = ["", f" {t}", f" ({t})^2" if of_log else " x^2", f" ({t})^3" if of_log else " x^3"]
    formula = " + ".join(letter + power for letter, power in zip("abcd", powers[: degree + 1], strict=False))
    meanings = ("value at t = 0", "slope", "coefficient of the square", "coefficient of the cube")
    return Polynomial(
        name=name or (f"{_NAMES[degree]} in log x" if of_log else _NAMES[degree]),
        formula=formula,
        source="Legendre 1805 (least squares)",
        inputs=1,
        parameters=tuple(
            Parameter(letter, meaning.replace("t", t, 1) if meaning.startswith("value") else meaning)
            for letter, meaning in zip("abcd", meanings[: degree + 1], strict=False)
        ),
        degree=degree,
        of_log=of_log,
    )


CONSTANT = _polynomial(0, of_log=False)
LINEAR = _polynomial(1, of_log=False)
LOGARITHM = _polynomial(1, of_log=True, name="logarithm")
QUADRATIC = _polynomial(2, of_log=False)
CUBIC = _polynomial(3, of_log=False)
LOG_QUADRATIC = _polynomial(2, of_log=True)
LOG_CUBIC = _polynomial(3, of_log=True)
