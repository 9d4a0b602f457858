"""Which further run would settle a question: a verdict is looked for in data that the fitted laws themselves produce.

Every refit of every law in turn is the truth: it yields an outcome at a new x, the other refits are weighed by how
likely they make it, and one sees whether the verdict would then be certain (a preposterior analysis, Raiffa and
Schlaifer 1961).
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import Fit
from scalewise.questions import wording
from scalewise.questions.answer import CERTAIN
from scalewise.questions.averaging import Average, Pooled
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
    rng = np.random.default_rng([seed, 1])
    at, holding = _candidates(x), average.ask(holds).draws
    tried = [
        NewRun(place, seeds, chance, flops_at(runs, column, place))
        for place, seeds, chance in chances(at, average.curves(at), holding, average.error, SEEDS, TRUTHS, rng)
    ]
    best = best_run(tried, budget)
    promise = f"they settle the question with probability {wording.probability(best.chance)}"
    if best.seeds == 1:
        promise = promise.replace("they settle", "it settles", 1)
    if best.chance < WANTED:
        promise += ", and no single size tried here does better"
    return proposal(f"a run at {column} = {wording.count(best.x)}", best.flops, best.seeds, promise, budget)


def chances(
    at: Floats,
    outcomes: Pooled,
    holding: Floats,
    error: Callable[[Floats], Floats],
    seeds: Sequence[int],
    truths: int,
    rng: np.random.Generator,
    foreseen: float = np.inf,
) -> list[tuple[float, int, float]]:
    """(place, seeds, the chance that the verdict would be certain) for every place of `at` and number of seeds.

    `outcomes` (draws, places) are on a scale on which one run misses them by `error`; `holding` (draws,) is 1 where the
    claim holds. What lies more than `foreseen` standard errors from all other draws settles nothing.
    """
    drawn = rng.choice(outcomes.shares.size, truths, p=outcomes.shares / outcomes.shares.sum())
    itself, holds = drawn[:, None] == drawn, holding[drawn]
    found = []
    for place, true in zip(at, outcomes.draws[drawn].T, strict=True):
        spread, fresh = float(np.std(true)), rng.normal(size=truths)
        for number in seeds:
            sd = np.hypot(error(true) / np.sqrt(number), GRAIN * spread + 1e-12)
            squares = (((true + sd * fresh)[:, None] - true) / sd) ** 2
            squares[itself] = np.inf
            log = -0.5 * squares - np.log(sd)
            likelihood = np.exp(log - log.max(axis=1, keepdims=True))
            after = likelihood @ holds / likelihood.sum(axis=1)
            certain = (after >= CERTAIN) | (after <= 1 - CERTAIN)
            found.append((float(place), number, float(np.mean(certain & (squares.min(axis=1) < foreseen**2)))))
    return found


def _candidates(x: Floats) -> Floats:
    """Beyond the largest x, inside the range, and in the middle of the widest gaps (on a log scale)."""
    distinct = np.unique(x)
    inside = np.geomspace(distinct[0], distinct[-1], BETWEEN + 2)[1:-1]
    gaps = np.sqrt(distinct[1:] * distinct[:-1])
    widest = gaps[np.argsort(-np.diff(np.log(distinct)), kind="stable")[:BETWEEN]]
    return np.unique(np.concatenate([inside, widest, distinct[-1] * np.array(STRETCHES)]))
