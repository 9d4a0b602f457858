"""The lowest point of a curve known at a few points, and the power law that such points follow.

Two published recipes: a parabola in log x (Hoffmann et al. 2022, approach 2) and an Akima spline of log y over log x
(Porian et al. 2024, arXiv 2406.19146, section 2.3). The parabola is biased when the valley is lopsided or the sweep
is wide; the spline follows the points, noise included.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.fit import Estimate, estimate

Floats = NDArray[np.float64]
Method = Literal["parabola", "akima"]
FEWEST_POINTS = 4


@dataclass(frozen=True)
class Valley:
    """The lowest point of one curve."""

    x: float
    y: float


def find_valley(x: Floats, y: Floats, method: Method) -> Valley | None:
    """The lowest point, or None when it lies at the edge or there are fewer than four distinct x."""
    distinct = np.unique(x)
    if distinct.size < FEWEST_POINTS:
        return None
    log_x = np.log(distinct)
    grid = np.linspace(log_x[0], log_x[-1], 4001)
    if method == "parabola":
        curve = np.polynomial.Polynomial.fit(np.log(x), y, 2)(grid)
    else:
        from scipy.interpolate import Akima1DInterpolator

        mean = np.array([y[x == value].mean() for value in distinct])
        curve = np.exp(Akima1DInterpolator(log_x, np.log(mean))(grid))
    lowest = int(np.argmin(curve))
    if lowest in (0, grid.size - 1):
        return None
    return Valley(float(np.exp(grid[lowest])), float(curve[lowest]))


@dataclass(frozen=True)
class PowerLine:
    """x_optimal = coefficient * c^exponent."""

    exponent: Estimate
    coefficient: float

    def at(self, c: Floats) -> Floats:
        return np.asarray(self.coefficient * c**self.exponent.value)


def power_line(c: Floats, optima: Floats, resamples: int = 1000, seed: int = 0) -> PowerLine | None:
    """A straight line in logs through several budgets' optima, with a bootstrap over budgets. None below three."""
    if np.unique(c).size < 3:
        return None
    u, v = np.log(c), np.log(optima)
    slope = float(np.polyfit(u, v, 1)[0])
    picks = np.random.default_rng(seed).integers(0, u.size, size=(resamples, u.size))
    du = u[picks] - u[picks].mean(axis=1, keepdims=True)
    square = (du**2).sum(axis=1)
    varied = square > 1e-12
    slopes = (du * v[picks]).sum(axis=1)[varied] / square[varied]
    widened = slope + (slopes - slope) * np.sqrt(u.size / max(1, u.size - 2))
    return PowerLine(estimate(slope, widened), float(np.exp(v.mean() - slope * u.mean())))
