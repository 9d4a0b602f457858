"""The trend of one level of the second factor: laws of y against x, averaged, and how much y changes under them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import POWER_FLOOR, Fit
from scalewise.laws.families import (
    CONSTANT,
    LINEAR,
    LOG_QUADRATIC,
    LOGARITHM,
    LOGISTIC,
    POWER_CEILING,
    RISING_POWER,
    Family,
)
from scalewise.laws.fit import Estimate
from scalewise.questions import wording
from scalewise.questions.averaging import Average, Pooled, averaged
from scalewise.questions.outcomes import Outcomes

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FAMILIES: tuple[Family, ...] = (
    CONSTANT,
    LINEAR,
    LOGARITHM,
    POWER_FLOOR,
    POWER_CEILING,
    RISING_POWER,
    LOGISTIC,
    LOG_QUADRATIC,
)
"""No trend; straight in x or in log x; ever slower, ever faster, S-shaped; and one that may turn."""


@dataclass(frozen=True)
class Stretch:
    """The x between which a change is counted: where every level has runs."""

    low: float
    high: float

    @property
    def tenfolds(self) -> float:
        return float(np.log10(self.high / self.low))


@dataclass(frozen=True)
class Level:
    """The runs of one level, and the laws that describe them.

    `crossed`: every cluster has the same x, so that each was given a level of its own.
    """

    name: str
    points: Outcomes
    average: Average
    crossed: bool

    @classmethod
    def of(cls, name: str, points: Outcomes, clusters: Ints | None, resamples: int, seed: int) -> "Level":
        """Raises ValueError when no law can be fitted."""
        y, absorbed, crossed = points.y, 0, False
        if clusters is not None and points.residual is None and is_crossed(points.x, clusters):
            means = np.bincount(clusters, y) / np.bincount(clusters)
            y, absorbed, crossed = y - means[clusters] + y.mean(), means.size - 1, True
        families = FAMILIES if np.ptp(y) > 0 else (CONSTANT,)
        average = averaged(families, points.x, y, points.residual, clusters, resamples, seed, absorbed=absorbed)
        return cls(name, points, average, crossed)

    def changes(self, stretch: Stretch) -> Pooled:
        """y at the end of the stretch minus y at its start: one number a refit."""
        return self.average.ask(lambda fit: change(fit, stretch)[:, None])

    def change(self, stretch: Stretch) -> Estimate:
        return self.changes(stretch).estimates()[0]

    def changes_by(self, stretch: Stretch, smallest: float) -> float:
        """The probability that y changes by so much, up or down."""
        pooled = self.changes(stretch)
        return at_least(pooled.draws[:, 0], pooled.shares, smallest)

    @property
    def law(self) -> tuple[str, float]:
        """The law with the most weight, and that weight."""
        return max(self.average.all_weights.items(), key=lambda item: item[1])


def is_crossed(x: Floats, clusters: Ints) -> bool:
    """Whether every cluster has every x once, so that its level can be taken out without touching the trend."""
    distinct, place = np.unique(x, return_inverse=True)
    counts = np.zeros((int(clusters.max()) + 1, distinct.size))
    np.add.at(counts, (clusters, place), 1)
    return bool(distinct.size > 1 and (counts == counts[0, 0]).all())


def levels_of(rows: "pl.DataFrame", column: str) -> tuple[list[str | None], list[str]]:
    """Each row's level of a column, in words, and all levels: numbers by size, before words."""
    given = rows[column].to_list()
    known = sorted({v for v in given if v is not None}, key=lambda v: (not isinstance(v, int | float), v))
    written = [str(v) for v in known]
    if rows[column].dtype.is_numeric():  # as briefly as keeps them apart
        ways = ([wording.count(v) for v in known], [f"{v:.10g}" for v in known], written)
        written = next(names for names in ways if len(set(names)) == len(known))
    names = dict(zip(known, written, strict=True))
    return [None if v is None else names[v] for v in given], written


def change(fit: Fit, stretch: Stretch) -> Floats:
    """How much y changes over the stretch under the best fit and every refit: (1 + resamples,)."""
    ends = fit.curves(np.array([[stretch.low], [stretch.high]]))
    difference: Floats = ends[:, 1] - ends[:, 0]
    return difference


def at_least(differences: Floats, shares: Floats, smallest: float) -> float:
    """The probability that a number is `smallest` or more, or minus that or less: draws (draws,) that count by shares.

    For certainty one direction must have it, less what the other has: where nothing is known of a number, neither
    does one know that it is not small.
    """
    up, down = float(shares @ (differences >= smallest)), float(shares @ (differences <= -smallest))
    total = float(shares.sum())
    return max(abs(up - down), min(up + down, total / 2)) / total
