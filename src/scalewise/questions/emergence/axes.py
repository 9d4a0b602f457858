"""Is x the variable that matters? Another scale that orders the same outcomes better shows that it is not."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.fit import Estimate
from scalewise.questions.answer import Cell, Finding
from scalewise.questions.emergence.case import Case

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_PAIRS = 5
LARGER = 1.01
"""A model is larger than another from this factor on."""


@dataclass(frozen=True)
class Axes:
    """The same runs against two scales; `ratio` is the spread left by the second over that left by the first."""

    first: Case
    second: Case
    ratio: Estimate
    better: float

    @classmethod
    def of(cls, first: Case, second: Case, clusters: Ints | None, resamples: int, seed: int) -> "Axes":
        """Resamples whole clusters of runs, with the laws as they were fitted."""
        a, b = (np.square(_misses(case)) for case in (first, second))
        numbers = np.arange(a.size) if clusters is None else clusters
        groups = int(numbers.max()) + 1
        drawn = np.random.default_rng([seed, 2]).multinomial(groups, np.full(groups, 1 / groups), size=resamples)
        weights = drawn[:, numbers]
        ratios = np.sqrt((weights @ b + 1e-300) / (weights @ a + 1e-300))
        low, high = np.quantile(ratios, (0.025, 0.975))
        ratio = Estimate(float(np.sqrt((b.sum() + 1e-300) / (a.sum() + 1e-300))), float(low), float(high))
        return cls(first, second, ratio, float(np.mean(ratios < 1)))

    def finding(self, x: str, against: str) -> Finding:
        rows: list[tuple[Cell, ...]] = []
        for name, case in ((x, self.first), (against, self.second)):
            rows.append((name, case.x.size, float(np.sqrt(np.mean(_misses(case) ** 2))), _rank_correlation(case)))
        note = (
            f"Against {against} the spread about the laws is {self.ratio.value:.2f} [{self.ratio.low:.2f}, "
            f"{self.ratio.high:.2f}] times as large."
        )
        columns = ("scale", "runs", "spread", "rank_correlation")
        return Finding("Which scale orders the outcomes", columns, tuple(rows), note)


def _misses(case: Case) -> Floats:
    """What the averaged laws leave of each outcome (points,)."""
    return np.asarray(case.y - case.average.curves(case.x).best)


def _rank_correlation(case: Case) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(case.x, case.y).statistic)


def larger_yet_behind(case: Case, runs: list[str], x: str, y: str) -> Finding | None:
    """Runs that are larger than another and lie behind it, each beside the smaller one furthest ahead."""
    larger = case.x[:, None] > LARGER * case.x
    ahead = np.where(larger, case.y - case.y[:, None], -np.inf)
    best = np.argmax(ahead, axis=1)
    gap = ahead[np.arange(best.size), best]
    worst = [int(i) for i in np.argsort(-gap, kind="stable")[:MOST_PAIRS] if gap[i] > 0]
    if not worst:
        return None
    shown = case.shown(case.y)
    rows: list[tuple[Cell, ...]] = []
    for i in worst:
        j = int(best[i])
        rows.append((runs[i], float(case.x[i]), float(shown[i]), runs[j], float(case.x[j]), float(shown[j])))
    columns = ("larger", f"larger_{x}", f"larger_{y}", "smaller", f"smaller_{x}", f"smaller_{y}")
    return Finding(f"Larger in {x}, yet behind", columns, tuple(rows))
