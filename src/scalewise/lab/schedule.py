"""Learning-rate schedules, as a fraction of the peak rate.

`wsd` warms up, stays at the peak and cools down (Haegele et al. 2024, arXiv 2405.18392). Up to where it cools, the run
does not know how long it will be: runs of all budgets share that trunk, and each budget is a cooled branch of it.
"""

import math
from typing import Literal

Schedule = Literal["wsd", "cosine"]

WARMUP = 0.05
"""Share of the steps spent in linear warm-up; for a shared trunk, of the steps of the middle budget."""
MOST_WARMUP = 0.4
"""Of the shortest run of a trunk, at most this share is warm-up."""
COOLDOWN = 0.20
"""Share of the steps spent in the 1-sqrt cooldown of `wsd`."""
COSINE_FLOOR = 0.01
"""Where `cosine` ends, as a fraction of the peak."""


def branch_step(schedule: Schedule, steps: int) -> int:
    """How many steps a run of `steps` shares with longer ones of its trunk: all before it cools."""
    return steps - max(1, round(COOLDOWN * steps)) if schedule == "wsd" else 0


def rate_fraction(schedule: Schedule, step: int, steps: int, warmup: int) -> float:
    """Fraction of the peak rate used at step 0 <= `step` < `steps`: rises, touches 1, ends near 0."""
    if step < warmup:
        return (step + 1) / warmup
    if schedule == "cosine":
        progress = (step + 1 - warmup) / max(1, steps - warmup)
        return COSINE_FLOOR + (1 - COSINE_FLOOR) * 0.5 * (1 + math.cos(math.pi * progress))
    branch = branch_step(schedule, steps)
    # measured at the start of the step, so that the last step still moves the weights
    return 1.0 - math.sqrt(max(0, step - branch) / (steps - branch))
