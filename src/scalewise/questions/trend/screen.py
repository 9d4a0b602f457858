"""On which other columns does the trend depend? One that was averaged over them may hold at none of their levels."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import Fit, fit_law
from scalewise.laws.families import LOGARITHM, Grouped
from scalewise.laws.residual import PLAIN_SQUARES
from scalewise.questions.multiplicity import holm
from scalewise.questions.outcomes import Outcomes
from scalewise.questions.trend.level import levels_of

if TYPE_CHECKING:
    import polars as pl

MOST_LEVELS = 6
FEWEST_X = 2
LEVEL = 0.05
NOT_FACTORS = ("run", "seed", "loss", "accuracy", "flops", "gpu_hours", "seconds", "optimizer_seconds", "state")
"""Columns that say which run it is, or what came of it."""


@dataclass(frozen=True)
class Dependence:
    """The slopes at the levels of a column, per tenfold of x, and the adjusted p-value of no difference."""

    column: str
    slopes: dict[str, float]
    p: float


def dependences(points: Outcomes, x: str, y: str) -> list[Dependence]:
    """Columns whose levels have slopes of their own, the surest first: one straight line in log x for each level.

    An F test of different slopes against one slope, with levels of their own in both; p-values by Holm's method.
    """
    tried: list[Dependence] = []
    for column in points.rows.columns:
        if column in (x, y, *NOT_FACTORS) or not _is_factor(points.rows, column, x):
            continue
        values, names = levels_of(points.rows, column)
        codes = np.array([names.index(str(v)) for v in values])
        found = _slopes(points, codes, len(names))
        if found is not None:
            slopes, p = found
            tried.append(Dependence(column, dict(zip(names, slopes, strict=True)), p))
    if not tried:
        return []
    adjusted = holm([d.p for d in tried])
    known = [Dependence(d.column, d.slopes, float(p)) for d, p in zip(tried, adjusted, strict=True)]
    return sorted((d for d in known if d.p <= LEVEL), key=lambda d: d.p)


def _is_factor(rows: "pl.DataFrame", column: str, x: str) -> bool:
    """A few levels, without gaps, each with runs at several x."""
    import polars as pl

    if rows[column].null_count() or not 2 <= rows[column].n_unique() <= MOST_LEVELS:
        return False
    per_level = rows.group_by(column).agg(pl.col(x).n_unique())[x]
    return int(per_level.min() or 0) >= FEWEST_X  # type: ignore[arg-type]


def _slopes(points: Outcomes, codes: NDArray[np.int64], levels: int) -> tuple[list[float], float] | None:
    """The slope per tenfold at each level, and the p-value; None where there are too few points."""
    from scipy.special import fdtrc

    inputs = np.stack([points.x, codes.astype(np.float64)], axis=1)
    apart, alike = (
        fit_law(Grouped(LOGARITHM, levels, differing), inputs, points.y, resamples=0, residual=PLAIN_SQUARES)
        for differing in (("a", "b"), ("a",))
    )
    freedom = points.y.size - 2 * levels
    if not (apart.ok and alike.ok) or freedom < 1:
        return None
    left = max(_left(apart), 1e-12 * float(np.sum(points.y**2)) + 1e-300)
    ratio = max(0.0, _left(alike) - left) / (levels - 1) / (left / freedom)
    parameters = apart.parameters()
    slopes = [parameters[f"b[{i}]"].value * np.log(10) for i in range(levels)]
    return slopes, float(fdtrc(levels - 1, freedom, ratio))


def _left(fit: Fit) -> float:
    return 2 * fit.objective
