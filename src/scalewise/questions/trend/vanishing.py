"""Does the outcome come down, or up, to its limit? The distance that is left is continued under many laws."""

from dataclasses import dataclass

import numpy as np

from scalewise.laws import extrapolate
from scalewise.laws.extrapolate import DEGREES
from scalewise.questions.trend.level import Level, Stretch


@dataclass(frozen=True)
class Vanishing:
    """Whether y is within `near` of `limit` by x = `by`.

    `left` is how far from it the laws put y at the largest x now; `tested` says whether backtests reach as far.
    `probability` is None where the curve is too short for a backtest.
    """

    level: Level
    limit: float
    left: float
    by: float
    probability: float | None
    tested: bool


def vanishing(level: Level, stretch: Stretch, limit: float | None, near: float, within: float, seed: int) -> Vanishing:
    """`limit` by default: 0 for what falls, and 1 for a share that rises. Raises ValueError where there is none.

    The probability is that of a new run at `within` times the largest x, by `laws.extrapolate`.
    """
    from scipy.special import stdtr

    x, y = level.points.x, level.points.y
    if level.crossed:
        x, place = np.unique(x, return_inverse=True)
        y = np.bincount(place, y) / np.bincount(place)
    target = usual_limit(level, stretch) if limit is None else limit
    if target is None:
        raise ValueError("nothing bounds what rises without end")
    largest = float(x.max())
    left = abs(float(level.average.curves(np.array([largest])).best[0]) - target)
    by = largest * within
    if left <= near:
        return Vanishing(level, target, left, by, 1.0, tested=True)
    gap = np.maximum(np.abs(y - target), near / 10)
    with np.errstate(invalid="ignore", over="ignore"):  # so far out a law may be beyond all numbers
        ahead = extrapolate(x, gap, [by], "down", seed=seed)
        probability = float(stdtr(DEGREES, (np.log(near) - ahead.centre[0]) / ahead.scale[0]))
    if ahead.backtest is None or not np.isfinite(probability):
        return Vanishing(level, target, left, by, None, tested=False)
    return Vanishing(level, target, left, by, probability, ahead.backtested)


def usual_limit(level: Level, stretch: Stretch) -> float | None:
    """Where a change ends by itself: nothing is below 0, and no share above 1."""
    y, rises = level.points.y, float(level.changes(stretch).best[0]) > 0
    if y.min() < 0:
        return None
    if not rises:
        return 0.0
    return 1.0 if y.max() <= 1 else None
