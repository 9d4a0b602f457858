"""Whether warm-started refits are global optima: each against 40 random restarts, and against SciPy's loop."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from peers.scipy_loop import optima
from scalewise.laws.families import CHINCHILLA
from scalewise.laws.solver import Problem, solve

Floats = NDArray[np.float64]

RESTARTS = 40
CLOSE = 1e-8
BLOCK = 100
"""Resamples whose restarts are held in memory at once."""


@dataclass(frozen=True)
class Agreement:
    """Our objectives over the best known of each resample, less 1; and what the restarts alone would have found."""

    excess: Floats
    loop_excess: Floats
    restarts_agreeing: float

    @property
    def close(self) -> float:
        """The share of resamples within 1e-8 of the best known."""
        return float(np.mean(self.excess <= CLOSE))


def compare(
    x: Floats, y: Floats, weights: Floats, theta: Floats, rng: np.random.Generator, restarts: int = RESTARTS
) -> Agreement:
    """Refit to weights (resamples, points) from `theta` (1, parameters), and look for anything better."""
    bound, observed = CHINCHILLA.bind(x, y), np.log(y)[None]
    warm = solve(bound, Problem(x, observed, weights), np.repeat(theta, len(weights), axis=0)).objective
    random = []
    for start in range(0, len(weights), BLOCK):
        block = np.repeat(weights[start : start + BLOCK], restarts, axis=0)
        found = solve(bound, Problem(x, observed, block), bound.starts(len(block), rng))
        random.append(found.objective.reshape(-1, restarts))
    tried = np.concatenate(random)
    loop = optima(theta[0], x, y, weights)
    best = np.minimum(np.minimum(tried.min(axis=1), loop), warm)
    return Agreement(
        excess=warm / best - 1,
        loop_excess=loop / best - 1,
        restarts_agreeing=float(np.mean(tried <= best[:, None] * (1 + CLOSE))),
    )
