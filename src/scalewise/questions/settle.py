"""Which further run would settle a question: a verdict is looked for in data that the fitted laws themselves produce.

Every refit of every law in turn is the truth: it yields an outcome at a new x, the other refits are weighed by how
likely they make it, and one sees whether the verdict would then be certain (a preposterior analysis, Raiffa and
Schlaifer 1961).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import Fit
from scalewise.questions import wording
from scalewise.questions.answer import CERTAIN
from scalewise.questions.averaging import Average
from scalewise.questions.next_run import WANTED, NewRun, best_run, flops_at, proposal
from scalewise.runs.table import Runs

Floats = NDArray[np.float64]

TRUTHS = 500
"""Refits that are taken for the truth, drawn by weight."""
SEEDS = (1, 2, 3, 5, 8, 16)
STRETCHES = (1.5, 2.0, 3.0, 5.0, 10.0)
BETWEEN = 6
"""Places inside the observed range, evenly on a log scale, besides the widest gaps between neighbours."""
GRAIN = 0.02
"""Refits are a sample: two that differ by less than this share of their spread are one."""


def settling_run(
    runs: Runs,
    column: str,
    x: Floats,
    average: Average,
    holds: Callable[[Fit], Floats],
    budget: float | None,
    seed: int,
) -> str:
    """The cheapest run within the budget that is likely to settle whether `holds` (1 where it does), as a sentence."""
    tried = [
        NewRun(at, seeds, chance, flops_at(runs, column, at)) for at, seeds, chance in _chances(x, average, holds, seed)
    ]
    best = best_run(tried, budget)
    promise = f"they settle the question with probability {wording.probability(best.chance)}"
    if best.seeds == 1:
        promise = promise.replace("they settle", "it settles", 1)
    if best.chance < WANTED:
        promise += ", and no single size tried here does better"
    return proposal(f"a run at {column} = {wording.count(best.x)}", best.flops, best.seeds, promise, budget)


def _chances(x: Floats, average: Average, holds: Callable[[Fit], Floats], seed: int) -> list[tuple[float, int, float]]:
    """(x, seeds, the chance that the verdict would be certain) for every candidate."""
    rng = np.random.default_rng([seed, 1])
    at = _candidates(x)
    curves, true = average.curves(at), average.ask(holds)
    drawn = rng.choice(curves.shares.size, TRUTHS, p=curves.shares / curves.shares.sum())
    level, holding = curves.draws[drawn], true.draws[drawn]
    own = np.eye(TRUTHS, dtype=bool) | (drawn[:, None] == drawn)
    found = []
    for i, place in enumerate(at):
        error, spread = average.error(level[:, i]), float(np.std(level[:, i]))
        fresh = rng.normal(size=TRUTHS)
        for seeds in SEEDS:
            sd = np.hypot(error / np.sqrt(seeds), GRAIN * spread + 1e-12)
            seen = level[:, i] + sd * fresh
            log = -0.5 * ((seen[:, None] - level[:, i]) / sd) ** 2 - np.log(sd)
            log[own] = -np.inf
            likelihood = np.exp(log - log.max(axis=1, keepdims=True))
            after = likelihood @ holding / likelihood.sum(axis=1)
            found.append((float(place), seeds, float(np.mean((after >= CERTAIN) | (after <= 1 - CERTAIN)))))
    return found


def _candidates(x: Floats) -> Floats:
    """Beyond the largest x, inside the range, and in the middle of the widest gaps (on a log scale)."""
    distinct = np.unique(x)
    inside = np.geomspace(distinct[0], distinct[-1], BETWEEN + 2)[1:-1]
    gaps = np.sqrt(distinct[1:] * distinct[:-1])
    widest = gaps[np.argsort(-np.diff(np.log(distinct)), kind="stable")[:BETWEEN]]
    return np.unique(np.concatenate([inside, widest, distinct[-1] * np.array(STRETCHES)]))
