"""Tuning one number on a factor-2 grid so that the best value is bracketed, at every size alike.

A one-dimensional, ordered and nearly unimodal search needs no sampler: three neighbouring rates are tried, and
while the best lies at the edge of what was tried, the grid grows on that side.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass

MOST_STEPS = 6
"""How often the grid may grow before the search gives up and says that it is not bracketed."""


@dataclass(frozen=True)
class Tuned:
    """The outcome of a search: grid exponents tried with their losses, the best, and whether it is bracketed."""

    losses: dict[int, float]
    best: int
    bracketed: bool


def bracket(centre: int) -> Generator[list[int], dict[int, float], Tuned]:
    """Search the grid of whole exponents around `centre`.

    Yields the exponents to evaluate next and is sent their losses (NaN for a diverged run, which loses to
    every finite one); returns a Tuned.
    """
    losses: dict[int, float] = {}
    wanted = [centre - 1, centre, centre + 1]
    for _ in range(MOST_STEPS + 1):
        losses |= yield wanted
        best = min(losses, key=lambda exponent: _rank(losses[exponent]))
        if best not in (min(losses), max(losses)):
            return Tuned(losses, best, bracketed=True)
        wanted = [best - 1 if best == min(losses) else best + 1]
    return Tuned(losses, best, bracketed=False)


def _rank(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf
