"""The lowest point of a curve known at a few points, and the power law that such points follow.

Two published recipes: a parabola in log x (Hoffmann et al. 2022, approach 2) and an Akima spline of log y over log x
(Porian et al. 2024, arXiv 2406.19146, section 2.3). The parabola is biased when the valley is lopsided or the sweep
is wide; the spline follows the points, noise included. A cubic of log y over log x stands between them: it can be
lopsided, and is smooth.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.fit import Estimate

Floats = NDArray[np.float64]
Method = Literal["parabola", "akima", "cubic"]
FEWEST_POINTS = 4
FEWEST_FOR_CUBIC = 6
"""Through fewer a cubic follows the noise."""
LONGEST_LOG = 700.0
"""An interval from three budgets can end beyond what a float holds."""


@dataclass(frozen=True)
class Valley:
    """The lowest point of one curve."""

    x: float
    y: float


def find_valley(x: Floats, y: Floats, method: Method) -> Valley | None:
    """The lowest point, or None when it lies at the edge or there are fewer than four distinct x (six for a cubic)."""
    distinct = np.unique(x)
    if distinct.size < (FEWEST_FOR_CUBIC if method == "cubic" else FEWEST_POINTS):
        return None
    log_x = np.log(distinct)
    grid = np.linspace(log_x[0], log_x[-1], 4001)
    if method == "parabola":
        curve = np.polynomial.Polynomial.fit(np.log(x), y, 2)(grid)
    elif method == "cubic":
        curve = np.exp(np.polynomial.Polynomial.fit(np.log(x), np.log(y), 3)(grid))
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
    """x_optimal grows as c^exponent: a straight line in logs through the optima.

    `middle` are the means of log c and of log x, `spread` the sum of squares of log c about its mean, `sd` the scatter
    of the optima about the line, with `degrees` degrees of freedom.
    """

    exponent: Estimate
    middle: tuple[float, float]
    spread: float
    sd: float
    degrees: int

    def at(self, c: float, level: float = 0.95) -> Estimate:
        """The line's own x_optimal at c, with its t interval."""
        away = float(np.log(c)) - self.middle[0]
        error = self.sd * float(np.sqrt(1 / (self.degrees + 2) + away**2 / self.spread))
        half = _quantile(level, self.degrees) * error
        value = self.middle[1] + self.exponent.value * away
        logs = np.clip([value, value - half, value + half], -LONGEST_LOG, LONGEST_LOG)
        return Estimate(*(float(v) for v in np.exp(logs)))


def power_line(c: Floats, optima: Floats, level: float = 0.95) -> PowerLine | None:
    """A straight line in logs through several budgets' optima, with its t interval. None below three budgets."""
    if np.unique(c).size < 3:
        return None
    u, v = np.log(c), np.log(optima)
    away = u - u.mean()
    spread = float(away @ away)
    slope = float(away @ v / spread)
    residual = v - v.mean() - slope * away
    sd = float(np.sqrt(residual @ residual / (u.size - 2)))
    half = _quantile(level, u.size - 2) * sd / np.sqrt(spread)
    exponent = Estimate(slope, float(slope - half), float(slope + half))
    return PowerLine(exponent, (float(u.mean()), float(v.mean())), spread, sd, u.size - 2)


def _quantile(level: float, degrees: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + level / 2))
