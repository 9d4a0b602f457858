"""What further runs would settle whether the outcome changes, or changes differently."""

import numpy as np

from scalewise.questions.next_run import flops_at, proposal
from scalewise.questions.settle import settling_run
from scalewise.questions.trend.contrast import Contrast
from scalewise.questions.trend.level import Level, Stretch, change
from scalewise.runs.table import Runs

FEWEST_FREE = 3
"""With fewer degrees of freedom about a straight line, the spread of a run is hardly known: repeat every size first."""
LINE = 2


def next_run(
    runs: Runs,
    x: str,
    levels: list[Level],
    pairs: list[Contrast],
    stretch: Stretch,
    smallest: float,
    budget: float | None,
    seed: int,
) -> str:
    """One sentence. Of several levels it is the worst known one that is run, held against the other as it is."""
    worst, against = levels[0], 0.0
    if pairs:
        pair = max(pairs, key=lambda c: c.probability)
        worst, other = sorted((pair.first, pair.second), key=lambda v: -_width(v, stretch))
        against = other.change(stretch).value
    start = f"at {worst.name}, whose trend is known worst: " if pairs else ""
    if worst.points.x.size - LINE < FEWEST_FREE:
        return start + _every_size_again(runs, x, worst, stretch, budget)
    sign = np.sign(worst.change(stretch).value - against) or 1.0
    return start + settling_run(
        runs,
        x,
        worst.points.x,
        worst.average,
        lambda fit: (sign * (change(fit, stretch) - against) >= smallest).astype(np.float64),
        budget,
        seed,
    )


def _every_size_again(runs: Runs, x: str, level: Level, stretch: Stretch, budget: float | None) -> str:
    """Twice the runs have more degrees of freedom and half the variance: the interval shrinks by Student's t."""
    from scipy.special import stdtrit

    now = level.points.x.size - LINE
    then = now + level.points.x.size
    shrinks = float(stdtrit(then, 0.975) / stdtrit(max(1, now), 0.975) / np.sqrt(2))
    half = _width(level, stretch) / 2
    costs = [flops_at(runs, x, float(v)) for v in level.points.x]
    flops = float(np.sum([c for c in costs if c is not None])) if None not in costs else None
    what = f"every one of its {level.points.x.size} runs once more, with a new seed"
    promise = f"the interval of the change should narrow from about +-{half:.2g} to +-{half * shrinks:.2g}"
    return proposal(what, flops, 1, promise, budget)


def _width(level: Level, stretch: Stretch) -> float:
    whole = level.change(stretch)
    return whole.high - whole.low
