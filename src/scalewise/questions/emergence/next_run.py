"""What further run would settle whether the outcome emerges."""

import numpy as np

from scalewise.laws.families import STEP
from scalewise.questions import wording
from scalewise.questions.emergence.asked import Asked
from scalewise.questions.emergence.case import Case
from scalewise.questions.emergence.definitions import Definition, plain
from scalewise.questions.next_run import WANTED, flops_at, proposal
from scalewise.questions.settle import SEEDS, settling_run


def next_run(asked: Asked, case: Case, x: str, definition: Definition, budget: float | None) -> str:
    """One sentence; for a jump, the run that looks into the gap where it would be."""
    jumps = [fit for fit in case.average.fits if plain(fit.family) is STEP]
    if definition == "discontinuity" and jumps:
        return _into_the_gap(asked, case, x, float(jumps[0].parameters()["x_jump"].value), budget)
    holds = case.shape.holds(definition)
    return settling_run(asked.runs, x, case.x, case.average, holds, budget, asked.seed)


def _into_the_gap(asked: Asked, case: Case, x: str, jump: float, budget: float | None) -> str:
    """Half way (in log x) between the neighbours of the jump: an outcome in between shows that the rise is smooth."""
    from scipy.special import ndtr, ndtri

    below, above = float(case.x[case.x < jump].max()), float(case.x[case.x >= jump].min())
    middle = float(np.sqrt(below * above))
    ends = case.average.curves(np.array([below, above])).best
    error = float(case.average.error(np.array([ends.mean()]))[0])
    half = abs(float(ends[1] - ends[0])) / 2
    chances = {seeds: float(ndtr(half / error * np.sqrt(seeds) - ndtri(0.95))) for seeds in SEEDS}
    seeds = next((s for s, chance in chances.items() if chance >= WANTED), SEEDS[-1])
    promise = (
        f"half way between {wording.count(below)} and {wording.count(above)}, an outcome in between refutes a jump "
        f"with probability {wording.probability(chances[seeds])} if the rise is smooth there, and one at either end "
        "halves the gap in which a jump can hide"
    )
    flops = flops_at(asked.runs, x, middle)
    return proposal(f"a run at {x} = {wording.count(middle)}", flops, seeds, promise, budget)
