"""Several scales at once: a plane in their logs, or a product of powers above a floor or under a ceiling.

In a product every scale multiplies what all of them leave to gain; in a sum of powers (`power_sum.py`) each has a share
of its own, which no other can touch.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.family import BoundByParts, Family, Parameter, Space

Floats = NDArray[np.float64]

MOST_EXPONENT = 4.0
FARTHEST = 100.0
"""A ceiling lies at most this many times the range of y above it."""


@dataclass(frozen=True)
class LogPlane(Family):
    """A plane in the logs of the inputs, of y or (`of_log_y`) of log y: then it is a product of powers."""

    of_log_y: bool

    def bind(self, x: Floats, y: Floats) -> "BoundLogPlane":
        z = np.log(x)
        seen = np.log(y) if self.of_log_y else y
        size = max(float(np.ptp(seen)), 1e-9 * float(np.abs(seen).max()), 1e-12)
        bound = _LogPlaneOfLog if self.of_log_y else BoundLogPlane
        return bound(self, z.mean(axis=0), np.maximum(np.ptp(z, axis=0), 1e-3), float(seen.mean()), size)


@dataclass(frozen=True)
class BoundLogPlane(BoundByParts):
    """(y or log y at the centre of the data, then a slope for each log x)."""

    family: LogPlane
    centre: Floats
    widths: Floats
    y_mean: float
    y_range: float
    space: ClassVar[Space] = "linear"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        half = 1e6 * self.y_range / np.append(1.0, self.widths)
        middle = np.append(self.y_mean, np.zeros(self.centre.size))
        return middle - half, middle + half

    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        half = self.y_range / np.append(1.0, self.widths)
        middle = np.append(self.y_mean, np.zeros(self.centre.size))
        starts: Floats = middle + rng.uniform(-half, half, size=(count, half.size))
        return starts

    def _at(self, theta: Floats, x: Floats) -> tuple[Floats, list[Floats]]:
        z = np.log(x) - self.centre
        value = theta[:, :1] + np.sum(theta[:, None, 1:] * z, axis=-1)
        return value, [np.ones_like(value), *(z[..., i] for i in range(z.shape[-1]))]

    def natural(self, theta: Floats) -> dict[str, Floats]:
        names = [p.name for p in self.family.parameters]
        level, slopes = theta[:, 0] - theta[:, 1:] @ self.centre, theta[:, 1:].T
        if self.family.of_log_y:
            level, slopes = np.exp(level), -slopes
        return dict(zip(names, [level, *slopes], strict=True))


@dataclass(frozen=True)
class _LogPlaneOfLog(BoundLogPlane):
    space: ClassVar[Space] = "log"


@dataclass(frozen=True)
class PowerProduct(Family):
    """A product of powers above a floor, or (`rising`) below a ceiling, which is estimated when not given."""

    rising: bool
    ceiling: float | None = None

    def bind(self, x: Floats, y: Floats) -> "BoundPowerProduct":
        size = max(float(np.ptp(y)), 1e-9 * float(np.abs(y).max()), 1e-12)
        return BoundPowerProduct(self, np.log(x).mean(axis=0), float(y.min()), float(y.max()), size)


@dataclass(frozen=True)
class BoundPowerProduct(BoundByParts):
    """(floor or ceiling, log of the distance from it at the centre of the data, an exponent for each input)."""

    family: PowerProduct
    centre: Floats
    y_low: float
    y_high: float
    y_range: float
    space: ClassVar[Space] = "linear"

    @property
    def _ends(self) -> tuple[float, float]:
        """Between which values the floor or the ceiling may lie."""
        if not self.family.rising:
            return (0.0 if self.y_low > 0 else self.y_low - FARTHEST * self.y_range), self.y_low
        if self.family.ceiling is not None:
            return self.family.ceiling, self.family.ceiling
        return self.y_high, self.y_high + FARTHEST * self.y_range

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        low, high = self._ends
        middle, most = np.log(self.y_range), np.full(self.centre.size, MOST_EXPONENT)
        return np.array([low, middle - 40.0, *-most]), np.array([high, middle + 40.0, *most])

    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        low, high = self._ends
        near = (low, min(high, low + 2 * self.y_range)) if self.family.rising else (max(low, high - self.y_range), high)
        end, level = rng.uniform(*near, (count, 1)), np.log(self.y_range) + rng.uniform(-2.0, 1.0, (count, 1))
        return np.concatenate([end, level, rng.uniform(0.0, 0.6, (count, self.centre.size))], axis=1)

    def _at(self, theta: Floats, x: Floats) -> tuple[Floats, list[Floats]]:
        z = np.log(x) - self.centre
        with np.errstate(over="ignore"):
            term = np.exp(theta[:, 1:2] - np.sum(theta[:, None, 2:] * z, axis=-1))
        term = -term if self.family.rising else term
        return theta[:, :1] + term, [np.ones_like(term), term, *(-term * z[..., i] for i in range(z.shape[-1]))]

    def natural(self, theta: Floats) -> dict[str, Floats]:
        names = [p.name for p in self.family.parameters]
        size = np.exp(theta[:, 1] + theta[:, 2:] @ self.centre)
        return dict(zip(names, [theta[:, 0], size, *theta[:, 2:].T], strict=True))


def log_plane(inputs: int) -> LogPlane:
    """a + b1 log x1 + b2 log x2 + ..., y in the logs of several scales."""
    terms = " + ".join(f"b{i} log x{i}" for i in range(1, inputs + 1))
    slopes = (Parameter(f"b{i}", f"rise of y as x{i} grows e times") for i in range(1, inputs + 1))
    return LogPlane(
        name="plane in logs",
        formula=f"a + {terms}",
        source="Legendre 1805 (least squares)",
        inputs=inputs,
        parameters=(Parameter("a", "value where every input is 1"), *slopes),
        of_log_y=False,
    )


def power_product(inputs: int) -> LogPlane:
    """A / (x1^alpha1 x2^alpha2 ...): log y in the logs of several scales."""
    return LogPlane(
        name="product of powers",
        formula=f"A / ({_powers(inputs)})",
        source="Cobb and Douglas 1928, American Economic Review 18",
        inputs=inputs,
        parameters=(Parameter("A", "value where every input is 1"), *_exponents(inputs)),
        of_log_y=True,
    )


def power_product_floor(inputs: int) -> PowerProduct:
    """E + A / (x1^alpha1 x2^alpha2 ...)."""
    return PowerProduct(
        name="product of powers + floor",
        formula=f"E + A / ({_powers(inputs)})",
        source="Cobb and Douglas 1928, American Economic Review 18, above a floor",
        inputs=inputs,
        parameters=(Parameter("E", "level approached"), Parameter("A", "distance from it at 1"), *_exponents(inputs)),
        rising=False,
    )


def power_product_ceiling(inputs: int, ceiling: float | None = None) -> PowerProduct:
    """C - A / (x1^alpha1 x2^alpha2 ...), with the ceiling estimated when not given."""
    return PowerProduct(
        name="product of powers + ceiling",
        formula=f"C - A / ({_powers(inputs)})",
        source="Cobb and Douglas 1928, American Economic Review 18, below a ceiling",
        inputs=inputs,
        parameters=(Parameter("C", "ceiling"), Parameter("A", "distance from it at 1"), *_exponents(inputs)),
        rising=True,
        ceiling=ceiling,
    )


def _powers(inputs: int) -> str:
    return " ".join(f"x{i}^alpha{i}" for i in range(1, inputs + 1))


def _exponents(inputs: int) -> tuple[Parameter, ...]:
    return tuple(Parameter(f"alpha{i}", f"exponent of x{i}") for i in range(1, inputs + 1))
