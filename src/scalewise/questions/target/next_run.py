"""Which further run is expected to settle whether the level is reached in time: looked for among possible curves."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from scalewise.questions import wording
from scalewise.questions.averaging import Pooled
from scalewise.questions.next_run import WANTED, NewRun, best_run, flops_at, proposal
from scalewise.questions.settle import chances
from scalewise.questions.target.crossing import Crossing
from scalewise.questions.target.reach import STRETCHES, Reach
from scalewise.questions.target.several import Several
from scalewise.runs.table import Runs

Floats = NDArray[np.float64]

SEEDS = (1, 3, 8)
TRUTHS = 400
FORESEEN = 38.6
"""Curves drift by a Student t: one so many standard errors from all others has none to be judged by."""


def along_one_scale(runs: Runs, x: str, reach: Reach, within: float, budget: float | None, seed: int) -> str:
    """The cheapest run on this curve that is likely to settle the claim."""
    largest = reach.curve.largest
    trials = [
        NewRun(factor, seeds, chance, flops_at(runs, x, factor * largest))
        for factor, seeds, chance in _trials(
            reach.x / largest,
            reach.curves,
            reach.average,
            within * largest,
            reach.forecast.noise,
            reach.aim.up,
            seed,
        )
    ]
    return _said(trials, lambda f: f"a run at {x} = {wording.count(f * largest)}", budget)


def along_all_scales(several: Several, within: float, budget: float | None, seed: int) -> str:
    """The same with all scales grown together; what such a run costs in flops is not known."""
    route = several.together
    noise = min(fit.noise for fit in several.fits)
    trials = [
        NewRun(factor, seeds, chance, None)
        for factor, seeds, chance in _trials(
            route.factors, route.curves, route.crossing, within, noise, several.aim.up, seed
        )
    ]
    names = wording.all_of(several.scales)
    return _said(trials, lambda f: f"a run with {names} at {wording.times(f)} their largest", budget)


def _trials(
    factors: Floats, curves: Floats, crossing: Crossing, within: float, noise: float, up: bool, seed: int
) -> list[tuple[float, int, float]]:
    """(factor beyond the largest, seeds, the chance that the verdict becomes certain)."""
    places = [int(np.argmin(np.abs(np.log(factors / stretch)))) for stretch in STRETCHES]
    values = curves[:, places] if up else np.log(np.maximum(curves[:, places], 1e-300))
    return chances(
        factors[places],
        Pooled(values.mean(axis=0), values, crossing.shares),
        (crossing.draws <= within).astype(np.float64),
        lambda true: np.full(true.shape, noise),
        SEEDS,
        TRUTHS,
        np.random.default_rng([seed, 4]),
        FORESEEN,
    )


def _said(trials: Sequence[NewRun], what: Callable[[float], str], budget: float | None) -> str:
    best = best_run(trials, budget)
    promise = f"settles the claim with probability {wording.probability(best.chance)}"
    promise = f"it {promise}" if best.seeds == 1 else f"they {promise.replace('settles', 'settle', 1)}"
    if best.chance < WANTED:
        promise += f", the most of any run tried, up to {wording.times(max(t.x for t in trials))} the largest"
    return proposal(what(best.x), best.flops, best.seeds, promise, budget)
