"""Does the trend differ between levels? Differences of change, pair by pair, and a verdict that knows of how many."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.fit import Estimate, estimate
from scalewise.questions.answer import CERTAIN
from scalewise.questions.averaging import Pooled
from scalewise.questions.trend.level import Level, Stretch, at_least

Floats = NDArray[np.float64]

DRAWS = 4000
"""Pairs of refits behind a difference between levels, which are fitted apart."""


@dataclass(frozen=True)
class Contrast:
    """`difference`: the change of y at `second` minus that at `first`; `probability` that it is `smallest` or more."""

    first: Level
    second: Level
    difference: Estimate
    probability: float


def contrasts(levels: list[Level], stretch: Stretch, smallest: float, seed: int) -> list[Contrast]:
    """Every pair of levels, in the order of the levels."""
    rng = np.random.default_rng([seed, 3])
    changes = [level.changes(stretch) for level in levels]
    drawn = [_drawn(change, rng) for change in changes]
    found = []
    for a, b in combinations(range(len(levels)), 2):
        apart = drawn[b] - drawn[a]
        difference = estimate(float(changes[b].best[0] - changes[a].best[0]), apart)
        probability = at_least(apart, np.full(DRAWS, 1 / DRAWS), smallest)
        found.append(Contrast(levels[a], levels[b], difference, probability))
    return found


def any_differs(found: list[Contrast]) -> float:
    """The probability that some pair differs, held back by the number of pairs among which the likeliest was found.

    A doubt of 5 % in each of m pairs is one of up to 5 m % in the likeliest of them (Bonferroni).
    """
    likeliest = max(c.probability for c in found)
    if likeliest <= 1 - CERTAIN:
        return likeliest
    doubt = min(1.0, len(found) * (1 - likeliest))
    return max(min(likeliest, 0.5), 1 - doubt)


def _drawn(pooled: Pooled, rng: np.random.Generator) -> Floats:
    chosen = rng.choice(pooled.shares.size, DRAWS, p=pooled.shares / pooled.shares.sum())
    return np.asarray(pooled.draws[chosen, 0])
