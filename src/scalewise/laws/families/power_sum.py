"""Sums of powers: y = [E] + A / u^a + B / v^b + ..., the shape of Chinchilla's law and of a power law with a floor.

Internally a term is exp(c - e · z) with z = log x minus its mean: centring makes coefficient and exponent nearly
independent, so that a Newton step is good from far away. Coefficients live on a log scale and stay positive.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import LEAST_FLOOR_SHARE
from scalewise.laws.families.family import BoundFamily, Family, Parameter, Space

Floats = NDArray[np.float64]

MOST_EXPONENT = 4.0


@dataclass(frozen=True)
class PowerSum(Family):
    """A floor (or none) and one power of each input."""

    floor: bool

    def bind(self, x: Floats, y: Floats) -> "BoundPowerSum":
        """Fix the centre of each log x, and bounds that follow from the data."""
        log_x = np.log(x)
        return BoundPowerSum(
            family=self,
            centre=log_x.mean(axis=0),
            spread=np.maximum(log_x.std(axis=0), 1e-3),
            least_y=float(y.min()),
            typical_y=float(np.median(y)),
        )


@dataclass(frozen=True)
class BoundPowerSum(BoundFamily):
    """A sum of powers centred on its data: [log E], then (log A at the centre, exponent) for each input."""

    family: PowerSum
    space: ClassVar[Space] = "log"
    centre: Floats
    spread: Floats
    least_y: float
    typical_y: float

    @property
    def _offset(self) -> int:
        return int(self.family.floor)

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        inputs = self.centre.size
        lowest, highest = np.log(self.least_y * LEAST_FLOOR_SHARE), np.log(self.typical_y * 1e6)
        floor = [lowest] * self._offset, [np.log(self.least_y)] * self._offset
        return (
            np.array([*floor[0], *[lowest, -MOST_EXPONENT] * inputs]),
            np.array([*floor[1], *[highest, MOST_EXPONENT] * inputs]),
        )

    @property
    def prior(self) -> tuple[Floats, Floats]:
        """Floor: below the smallest y, most likely well below. Exponents: about 0.3, give or take 0.5."""
        inputs = self.centre.size
        floor = [np.log(self.least_y) - 2.0] * self._offset, [2.0] * self._offset
        level = np.log(self.typical_y) - 1.0
        return np.array([*floor[0], *[level, 0.3] * inputs]), np.array([*floor[1], *[10.0, 0.5] * inputs])

    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        """Random splits of a typical y between the terms, with random exponents: (count, parameters)."""
        inputs = self.centre.size
        shares = rng.dirichlet(np.ones(self._offset + inputs), size=count)
        exponents = rng.uniform(0.02, 1.2, size=(count, inputs)) / np.maximum(1.0, self.spread / 4)
        columns = []
        if self.family.floor:
            columns.append(np.log(shares[:, 0] * self.least_y))
        for i in range(inputs):
            columns += [np.log(shares[:, self._offset + i] * self.typical_y), exponents[:, i]]
        low, high = self.bounds
        starts: Floats = np.clip(np.stack(columns, axis=1), low, high)
        return starts

    def evaluate(self, theta: Floats, x: Floats) -> Floats:
        log_y, _, _ = self._terms(theta, np.log(x))
        return log_y

    def evaluate_with_jacobian(self, theta: Floats, x: Floats) -> tuple[Floats, Floats]:
        z = np.log(x) - self.centre
        log_y, parts, total = self._terms(theta, np.log(x))
        jacobian = np.empty((theta.shape[0], theta.shape[1], x.shape[0]))
        if self.family.floor:
            np.divide(parts[0], total, out=jacobian[:, 0])
        for i in range(self.centre.size):
            share = parts[self._offset + i] / total
            jacobian[:, self._offset + 2 * i] = share
            np.multiply(share, -z[:, i], out=jacobian[:, self._offset + 2 * i + 1])
        return log_y, jacobian

    def _terms(self, theta: Floats, log_x: Floats) -> tuple[Floats, list[Floats], Floats]:
        """log y, each term relative to the largest, and their sum. `log_x` is (points, inputs), or (fits, points,
        inputs)."""
        z = log_x - self.centre
        terms = []
        for i in range(self.centre.size):
            j = self._offset + 2 * i
            terms.append(theta[:, j, None] - theta[:, j + 1, None] * z[..., i])
        top = terms[0]
        for term in terms[1:]:
            top = np.maximum(top, term)
        if self.family.floor:
            top = np.maximum(top, theta[:, :1])
        parts = [np.exp(term - top) for term in terms]
        if self.family.floor:
            parts.insert(0, np.exp(theta[:, :1] - top))
        total = parts[0].copy()
        for part in parts[1:]:
            total += part
        return top + np.log(total), parts, total

    def natural(self, theta: Floats) -> dict[str, Floats]:
        names = [p.name for p in self.family.parameters]
        values = [np.exp(theta[:, 0])] if self.family.floor else []
        for i in range(self.centre.size):
            j = self._offset + 2 * i
            exponent = theta[:, j + 1]
            values += [np.exp(theta[:, j] + exponent * self.centre[i]), exponent]
        return dict(zip(names, values, strict=True))


POWER = PowerSum(
    name="power",
    formula="A / x^alpha",
    source="Hestness et al. 2017, arXiv 1712.00409",
    inputs=1,
    parameters=(
        Parameter("A", "loss at x = 1"),
        Parameter("alpha", "exponent"),
    ),
    floor=False,
)

POWER_FLOOR = PowerSum(
    name="power + floor",
    formula="E + A / x^alpha",
    source="Henighan et al. 2020, arXiv 2010.14701",
    inputs=1,
    parameters=(
        Parameter("E", "irreducible loss"),
        Parameter("A", "reducible loss at x = 1"),
        Parameter("alpha", "exponent"),
    ),
    floor=True,
)

CHINCHILLA = PowerSum(
    name="chinchilla",
    formula="E + A / N^alpha + B / D^beta",
    source="Hoffmann et al. 2022, arXiv 2203.15556, equation 2",
    inputs=2,
    parameters=(
        Parameter("E", "irreducible loss"),
        Parameter("A", "coefficient of size"),
        Parameter("alpha", "exponent of size"),
        Parameter("B", "coefficient of data"),
        Parameter("beta", "exponent of data"),
    ),
    floor=True,
)
