"""What would settle it: how many more sizes, or where sizes never meet, which checkpoints."""

from itertools import pairwise

import numpy as np

from scalewise.laws.fit import Estimate
from scalewise.laws.jackknife import Jackknifed, within_t
from scalewise.questions import wording
from scalewise.questions.matched_loss.effect import Cluster, Effect
from scalewise.questions.matched_loss.overlap import Observed
from scalewise.questions.next_run import flops_at, proposal
from scalewise.questions.power import POWER, power_at
from scalewise.runs.table import Runs

MORE = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""How many further sizes, or runs, are considered."""


def more_of_the_same(
    effect: Effect, better: Jackknifed, least: float, runs: Runs, size: str, cluster: Cluster, budget: float | None
) -> str:
    """The fewest further clusters, spread like those there are, with 80 % power if the estimate is the truth."""
    smallest, largest = (
        wording.count(effect.points.sizes[i]) for i in (effect.points.size.min(), effect.points.size.max())
    )
    what = f"more {'sizes' if cluster == 'size' else 'runs'} between {smallest} and {largest}, scored along the way"
    distance = better.above(least)
    power, after = 0.0, better.estimate()
    for more in MORE:
        power, after = grown(better, distance, more)
        if power >= POWER:
            promise = (
                f"if they are like those here, they settle it with {wording.probability(power)} power and narrow the "
                f"interval to +-{_half(after):.2g}"
            )
            each = [flops_at(runs, size, float(s)) for s in effect.points.sizes[np.unique(effect.points.size)]]
            known = [f for f in each if f is not None]
            cost = more * float(np.mean(known)) if known else None
            return proposal(f"{more} {what}", cost, 1, promise, budget)
    return (
        f"no number of further {cluster}s up to {MORE[-1]} is expected to settle it ({wording.probability(power)} "
        f"power with the last, and an interval of +-{_half(after):.2g} per tenfold size): ask with --least whether the "
        "effect is at least what would matter."
    )


def grown(better: Jackknifed, distance: float, more: int) -> tuple[float, Estimate]:
    """The chance of a verdict, and the interval, with so many more clusters."""
    clusters = better.clusters + more
    error = better.error * float(np.sqrt(better.clusters / clusters))
    chance = max(power_at(distance, error, clusters - 1), power_at(-distance, error, clusters - 1))
    return chance, within_t(better.value, error, clusters - 1)


def _half(e: Estimate) -> float:
    return (e.high - e.low) / 2


def checkpoints(points: Observed, loss: str) -> str:
    """Where sizes never meet: earlier checkpoints of the larger ones had the losses that the smaller ones end at."""
    ranges = points.ranges()
    gaps = [max(a[0], b[0]) - min(a[1], b[1]) for a, b in pairwise(ranges)]
    nearest = int(np.argmin(gaps))
    high, low = (nearest, nearest + 1) if ranges[nearest, 0] > ranges[nearest + 1, 0] else (nearest + 1, nearest)
    start, end = ranges[high]
    return (
        f"score checkpoints of the {wording.count(points.sizes[low])} model from earlier in its training, when its "
        f"{loss} was between {start:.4g} and {end:.4g} as the {wording.count(points.sizes[high])} model's is: that "
        "costs no training."
    )
