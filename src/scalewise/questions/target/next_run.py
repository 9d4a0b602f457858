"""Which further run is expected to settle whether the level is reached in time: looked for among possible curves.

Every possible curve in turn is the truth: it yields an outcome at a new x, the others are weighed by how likely they
make it, and one sees whether the verdict would then be certain (a preposterior analysis, Raiffa and Schlaifer 1961).
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from scalewise.questions import wording
from scalewise.questions.answer import CERTAIN
from scalewise.questions.next_run import WANTED, NewRun, best_run, flops_at, proposal
from scalewise.questions.target.reach import STRETCHES, Reach
from scalewise.questions.target.several import Several
from scalewise.runs.table import Runs

Floats = NDArray[np.float64]

SEEDS = (1, 3, 8)
TRUTHS = 400
GRAIN = 0.02
"""Curves are a sample: two that differ by less than this share of their spread are one."""


def along_one_scale(runs: Runs, x: str, reach: Reach, within: float, budget: float | None, seed: int) -> str:
    """The cheapest run on this curve that is likely to settle the claim."""
    holds = reach.average.draws <= within * reach.curve.largest
    trials = [
        NewRun(factor, seeds, chance, flops_at(runs, x, factor * reach.curve.largest))
        for factor, seeds, chance in _trials(
            reach.x / reach.curve.largest,
            reach.curves,
            holds,
            reach.average.shares,
            reach.forecast.noise,
            reach.aim.up,
            seed,
        )
    ]
    return _said(trials, lambda f: f"a run at {x} = {wording.count(f * reach.curve.largest)}", budget)


def along_all_scales(several: Several, within: float, budget: float | None, seed: int) -> str:
    """The same with all scales grown together; what such a run costs in flops is not known."""
    route = several.together
    noise = min(fit.noise for fit in several.fits)
    trials = [
        NewRun(factor, seeds, chance, None)
        for factor, seeds, chance in _trials(
            route.factors,
            route.curves,
            route.crossing.draws <= within,
            route.crossing.shares,
            noise,
            several.aim.up,
            seed,
        )
    ]
    names = f"{', '.join(several.scales[:-1])} and {several.scales[-1]}"
    return _said(trials, lambda f: f"a run with {names} at {wording.times(f)} their largest", budget)


def _trials(
    factors: Floats, curves: Floats, holds: NDArray[np.bool_], shares: Floats, noise: float, up: bool, seed: int
) -> list[tuple[float, int, float]]:
    """(factor beyond the largest, seeds, the chance that the verdict becomes certain)."""
    rng = np.random.default_rng([seed, 4])
    drawn = rng.choice(shares.size, TRUTHS, p=shares / shares.sum())
    same = drawn[:, None] == drawn
    found = []
    for stretch in STRETCHES:
        place = int(np.argmin(np.abs(np.log(factors / stretch))))
        values = curves[drawn, place]
        values = values if up else np.log(np.maximum(values, 1e-300))
        fresh = rng.normal(size=TRUTHS)
        for seeds in SEEDS:
            sd = float(np.hypot(noise / np.sqrt(seeds), GRAIN * np.std(values))) + 1e-12
            distance = (values + sd * fresh)[:, None] - values
            likelihood = np.exp(-0.5 * (distance / sd) ** 2) * ~same
            total = likelihood.sum(axis=1)
            after = np.where(total > 0, likelihood @ holds[drawn] / np.maximum(total, 1e-300), 0.5)
            settled = (after >= CERTAIN) | (after <= 1 - CERTAIN)
            found.append((float(factors[place]), seeds, float(settled.mean())))
    return found


def _said(trials: Sequence[NewRun], what: Callable[[float], str], budget: float | None) -> str:
    best = best_run(trials, budget)
    promise = f"settles the claim with probability {wording.probability(best.chance)}"
    promise = f"it {promise}" if best.seeds == 1 else f"they {promise.replace('settles', 'settle', 1)}"
    if best.chance < WANTED:
        promise += f", the most of any run tried, up to {wording.times(max(t.x for t in trials))} the largest"
    return proposal(what(best.x), best.flops, best.seeds, promise, budget)
