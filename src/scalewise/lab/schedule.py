"""Learning-rate schedules, as a fraction of the peak rate."""

import math
from typing import Literal

Schedule = Literal["wsd", "cosine"]

WARMUP = 0.05
"""Share of the steps spent in linear warm-up."""
COOLDOWN = 0.20
"""Share of the steps spent in the 1-sqrt cooldown of `wsd` (Haegele et al. 2024, arXiv 2405.18392)."""
COSINE_FLOOR = 0.01
"""Where `cosine` ends, as a fraction of the peak."""


def rate_fraction(schedule: Schedule, step: int, steps: int) -> float:
    """Fraction of the peak rate used at step 0 <= `step` < `steps`: rises, touches 1, ends near 0."""
    done = (step + 1) / steps
    if done < WARMUP:
        return done / WARMUP
    if schedule == "cosine":
        progress = (done - WARMUP) / (1 - WARMUP)
        return COSINE_FLOOR + (1 - COSINE_FLOOR) * 0.5 * (1 + math.cos(math.pi * progress))
    if done <= 1 - COOLDOWN:
        return 1.0
    # measured at the start of the step, so that the last step still moves the weights
    return 1.0 - math.sqrt(max(0.0, (step / steps - (1 - COOLDOWN)) / COOLDOWN))
