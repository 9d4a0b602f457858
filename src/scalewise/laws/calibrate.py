"""How wide intervals must be for curves like these: conformal risk control over the ends of curves that are known.

Each curve is cut, continued, and compared with what was cut off. The width is the least one whose expected share of
missed points on a further curve is at most 1 - level, if that curve and these are exchangeable; nothing is assumed of
the forecasts (Angelopoulos et al. 2022, arXiv 2208.02814, with a loss of at most 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalewise.laws.extrapolate import WIDENING, Direction, extrapolate, half_width
from scalewise.laws.families import Family
from scalewise.laws.points import curve

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """`widening` is for `extrapolate`. `held` is the share of cut-off points that intervals of that width hold, `usual`
    that of the usual width, both over `curves` that count alike."""

    widening: float
    level: float
    held: float
    usual: float
    curves: int


def calibrate(
    curves: Sequence[tuple[ArrayLike, ArrayLike]],
    beyond: float = 4.0,
    level: float = 0.9,
    direction: Direction = "down",
    families: Sequence[Family] | None = None,
    drift: bool = True,
    seed: int = 0,
) -> Calibration:
    """The width for continuing another curve like these, pairs of x and y, to `beyond` times its last x.

    All options but `beyond` as in `extrapolate`. It takes 1 / (1 - level) - 1 curves or more; curves that resemble each
    other, as sizes of one family do, count as if they did not. ValueError says what is wrong, and with which curve.
    """
    if not 0 < level < 1 or not beyond > 1:
        raise ValueError(f"level must lie between 0 and 1 and beyond above 1; they are {level:g} and {beyond:g}")
    misses = []
    for i, (x, y) in enumerate(curves):
        try:
            xs, ys = curve(x, y, positive_y=direction == "down", fewest=3, purpose="continuing a curve")
            seen = xs <= xs[-1] / beyond
            found = extrapolate(xs[seen], ys[seen], xs[~seen], direction, families, drift, seed, widening=1.0)
        except ValueError as error:
            raise ValueError(f"curve {i}, cut at 1/{beyond:g} of its last x: {error}") from None
        observed = np.log(ys[~seen]) if found.is_log else ys[~seen]
        misses.append(np.abs(observed - found.centre) / found.scale)
    widening = conformal_width(misses, level)
    return Calibration(widening, level, held(misses, widening, level), held(misses, WIDENING, level), len(misses))


def conformal_width(misses: Sequence[Floats], level: float) -> float:
    """The least width with n / (n + 1) of the mean share missed, plus 1 / (n + 1), at most 1 - level.

    `misses` are those of each curve (points,), in units of its scale without widening.
    """
    count = len(misses)
    allowed = ((1 - level) * (count + 1) - 1) / count if count else -1.0
    # a hair of rounding would otherwise refuse 9 curves at 90 %
    if allowed < -1e-9:
        needed = int(np.ceil(1 / (1 - level) - 1 - 1e-9))
        raise ValueError(f"there are {count} curves; calibrating at {level:.0%} needs at least {needed}")
    points = np.concatenate(misses)
    order = np.argsort(-points, kind="stable")
    share = np.concatenate([np.full(m.size, 1 / (count * m.size)) for m in misses])[order]
    # missed by a width just below each point, from the largest
    outside = np.cumsum(share)
    first = int(np.argmax(outside > allowed + 1e-9))
    return float(points[order[first]] / half_width(level))


def held(misses: Sequence[Floats], widening: float, level: float) -> float:
    """The share of points in the intervals of that width, of a curve, then over curves."""
    edge = half_width(level) * widening
    return float(np.mean([np.mean(m <= edge * (1 + 1e-12)) for m in misses]))
