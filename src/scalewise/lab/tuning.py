"""Tuning one number on a factor-2 grid so that the best value is bracketed, at every size and budget alike.

A one-dimensional, ordered and nearly unimodal search needs no sampler. At the smallest budget five neighbouring rates
are tried; at every later one the best so far and its two neighbours. The three that bracket the best are thus always
trained to the end, and while the best lies at the edge of what was tried, the grid grows on that side.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass

MOST_STEPS = 6
"""How often the grid may grow before the search gives up and says that it is not bracketed."""
FIRST_REACH, LATER_REACH = 2, 1
"""Grid steps tried to either side of the centre: at the smallest budget, and later (the best rate at a sixteenth of a
budget was never more than one step from the best at the whole, in 15 searches)."""


@dataclass(frozen=True)
class Tuned:
    """The outcome of a search: grid exponents tried with their losses, the best, and whether it is bracketed."""

    losses: dict[int, float]
    best: int
    bracketed: bool


def bracket(centre: int, reach: int = LATER_REACH) -> Generator[list[int], dict[int, float], Tuned]:
    """Search the grid of whole exponents around `centre`.

    Yields the exponents to evaluate next and is sent their losses (NaN for a diverged run, which loses to
    every finite one; where all diverged, the lowest rate is the best so far); returns a Tuned.
    """
    losses: dict[int, float] = {}
    wanted = list(range(centre - reach, centre + reach + 1))
    for _ in range(MOST_STEPS + 1):
        losses |= yield wanted
        best = min(sorted(losses), key=lambda exponent: _rank(losses[exponent]))
        if best not in (min(losses), max(losses)):
            return Tuned(losses, best, bracketed=True)
        wanted = [best - 1 if best == min(losses) else best + 1]
    return Tuned(losses, best, bracketed=False)


def untried(exponent: int) -> Generator[list[int], dict[int, float], Tuned]:
    """No search: one rate, of which nothing is known here."""
    losses = yield [exponent]
    return Tuned(dict(losses), exponent, bracketed=False)


def _rank(loss: float) -> float:
    return loss if math.isfinite(loss) else math.inf
