"""Resampling: which data each refit sees, as weights."""

import numpy as np
from numpy.typing import NDArray


def cluster_weights(clusters: NDArray[np.int64], resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each point appears in each bootstrap sample of whole clusters: (resamples, points).

    `clusters` (points,) numbers each point's cluster from 0. Points of one run stand or fall together, because their
    errors do (Cameron, Gelbach and Miller 2008).
    """
    count = int(clusters.max()) + 1
    drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=resamples)
    return drawn[:, clusters].astype(np.float64)
