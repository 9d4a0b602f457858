"""Resampling: what data each refit sees, as weights on the points or as new observations."""

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


LEVERAGE_POWER = 2 / 3
"""Between HC2 (1/2) and HC3 (1). Chosen on grids and isoFLOP designs of 9 to 25 runs; see `bench/designs.py`."""
MOST_LEVERAGE = 0.99


def wild_errors(
    residuals: NDArray[np.float64], jacobian: NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Errors to add to a least-squares fit, as a wild bootstrap with Student t signs: (resamples, points).

    Each point keeps the size of its own residual, so noise may differ from point to point. Residuals (points,) are
    scaled up for what the fit absorbed, by the leverage that follows from the Jacobian (parameters, points); a point
    that the fit passes through has no residual to speak of and takes the pooled one. One chi-square number per
    resample makes the errors as heavy-tailed as a variance known from n - p degrees of freedom is (Wu 1986; Davidson
    and Flachaire 2008 for the leverages).
    """
    parameters, points = jacobian.shape
    left, size, _ = np.linalg.svd(jacobian.T, full_matrices=False)
    kept = 1.0 - np.sum(left[:, size > 1e-9 * size[0]] ** 2, axis=1)
    freedom = points - parameters
    pooled = np.sqrt(residuals @ residuals / freedom)
    own = np.abs(residuals) / np.maximum(kept, 1 - MOST_LEVERAGE) ** LEVERAGE_POWER
    sd = np.where(kept < 1 - MOST_LEVERAGE, pooled, own)
    tails = np.sqrt(freedom / rng.chisquare(freedom, (resamples, 1)))
    errors: NDArray[np.float64] = sd * rng.standard_normal((resamples, points)) * tails
    return errors
