"""The lowest point of a curve known at a few points, and the power law that such points follow.

Two published recipes: a parabola in log x (Hoffmann et al. 2022, approach 2) and an Akima spline of log y over log x
(Porian et al. 2024, arXiv 2406.19146, section 2.3). The parabola is biased when the valley is lopsided or the sweep
is wide; the spline follows the points, noise included.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.fit import Estimate

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
    """x_optimal grows as c^exponent."""

    exponent: Estimate


def power_line(c: Floats, optima: Floats, level: float = 0.95) -> PowerLine | None:
    """A straight line in logs through several budgets' optima, with its t interval. None below three budgets."""
    if np.unique(c).size < 3:
        return None
    from scipy.stats import t

    u, v = np.log(c), np.log(optima)
    spread = u - u.mean()
    slope = float(spread @ v / (spread @ spread))
    residual = v - v.mean() - slope * spread
    error = float(np.sqrt(residual @ residual / (u.size - 2) / (spread @ spread)))
    half = float(t.ppf(0.5 + level / 2, u.size - 2)) * error
    return PowerLine(Estimate(slope, slope - half, slope + half))
