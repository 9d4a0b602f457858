"""A curve of one input and a straight line in the log of another: what does the second add where the first is equal?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.family import BoundFamily, Family, Parameter, Space

Floats = NDArray[np.float64]


@dataclass(frozen=True, init=False)
class Adjusted(Family):
    """f(x) + slope log z, with f a law of one input in its own space y."""

    base: Family

    def __init__(self, base: Family) -> None:
        super().__init__(
            name=f"{base.name}, and a slope",
            formula=f"{base.formula} + slope log(z / z0), z0 the geometric mean of z",
            source="Robinson 1988, Econometrica 56 (partly linear regression)",
            inputs=2,
            parameters=(*base.parameters, Parameter("slope", "rise of y as z grows e times, at equal x")),
        )
        object.__setattr__(self, "base", base)

    def bind(self, x: Floats, y: Floats) -> "BoundAdjusted":
        """Raises ValueError for a law that is positive by construction, to which nothing can be added."""
        bound = self.base.bind(x[:, :1], y)
        if bound.space == "log":
            raise ValueError(f"{self.base.formula} is fitted as log y; a slope can be added to laws of y only")
        log_z = np.log(x[:, 1])
        return BoundAdjusted(self, bound, float(log_z.mean()), max(float(np.ptp(log_z)), 1e-3), float(np.ptp(y)))


@dataclass(frozen=True)
class BoundAdjusted(BoundFamily):
    """The base's own coordinates, at mean log z, and the rise of y over the width of log z."""

    family: Adjusted
    base: BoundFamily
    centre: float
    width: float
    y_range: float
    space: ClassVar[Space] = "linear"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        low, high = self.base.bounds
        most = 1e9 * max(self.y_range, 1e-300)
        return np.append(low, -most), np.append(high, most)

    @property
    def prior(self) -> tuple[Floats, Floats]:
        """The base's, and a rise about 0, not much larger than the range of y."""
        mean, spread = self.base.prior
        return np.append(mean, 0.0), np.append(spread, max(self.y_range, 1e-12))

    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        rise = rng.uniform(-1, 1, (count, 1)) * self.y_range
        return np.concatenate([self.base.starts(count, rng), rise], axis=1)

    def _place(self, x: Floats) -> Floats:
        """Where z stands on its width, from about -1/2 to 1/2."""
        return np.asarray((np.log(x[..., 1]) - self.centre) / self.width)

    def evaluate(self, theta: Floats, x: Floats) -> Floats:
        return self.base.evaluate(theta[:, :-1], x[..., :1]) + theta[:, -1:] * self._place(x)

    def evaluate_with_jacobian(self, theta: Floats, x: Floats) -> tuple[Floats, Floats]:
        value, jacobian = self.base.evaluate_with_jacobian(theta[:, :-1], x[:, :1])
        place = self._place(x)
        rise = np.broadcast_to(place, (theta.shape[0], 1, place.size))
        return value + theta[:, -1:] * place, np.concatenate([jacobian, rise], axis=1)

    def natural(self, theta: Floats) -> dict[str, Floats]:
        """The base's parameters hold at mean log z."""
        return {**self.base.natural(theta[:, :-1]), "slope": theta[:, -1] / self.width}
