"""Resampling: what data each refit sees, as weights on the points or as errors to add to a fit."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def cluster_weights(clusters: NDArray[np.int64], resamples: int, rng: np.random.Generator) -> Floats:
    """How often each point appears in each bootstrap sample of whole clusters: (resamples, points).

    `clusters` (points,) numbers each point's cluster from 0. Points of one run stand or fall together, because their
    errors do (Cameron, Gelbach and Miller 2008).
    """
    count = int(clusters.max()) + 1
    drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=resamples)
    return np.take(drawn.astype(np.float64), clusters, axis=1)  # rows lie together in memory, as the solver reads them


LEVERAGE_POWER = 2 / 3
"""Between HC2 (1/2) and HC3 (1). Chosen on grids and isoFLOP designs of 9 to 25 runs; see `bench/designs.py`."""
MOST_LEVERAGE = 0.99


def wild_errors(
    residuals: Floats,
    jacobian: Floats,
    clusters: NDArray[np.int64],
    resamples: int,
    rng: np.random.Generator,
) -> Floats:
    """Errors to add to a least-squares fit, as a wild bootstrap with Student t signs: (resamples, points).

    Each point keeps the size of its own residual, so noise may differ from point to point, and the points of a cluster
    move together. Residuals (points,) are scaled up for what the fit absorbed, by the leverage of their cluster that
    follows from the Jacobian (parameters, points); a point that the fit passes through has no residual to speak of and
    takes the pooled one. One chi-square number per resample makes the errors as heavy-tailed as a variance known from
    G - p degrees of freedom is, G clusters and p parameters (Wu 1986; Davidson and Flachaire 2008 for the leverages;
    Bell and McCaffrey 2002 for those of clusters).
    """
    groups = int(clusters.max()) + 1
    freedom = groups - jacobian.shape[0]
    left, size, _ = np.linalg.svd(jacobian.T, full_matrices=False)
    basis = left[:, size > 1e-9 * size[0]]
    sd = _scaled_by_point(residuals, basis) if groups == residuals.size else _by_cluster(residuals, basis, clusters)
    sign = rng.standard_normal((resamples, groups))
    errors: Floats = sd * sign[:, clusters] * t_tails(freedom, resamples, rng)
    return errors


def t_tails(freedom: int, resamples: int, rng: np.random.Generator) -> Floats:
    """Factors (resamples, 1) that turn normal errors into Student's t with this many degrees of freedom."""
    tails: Floats = np.sqrt(freedom / rng.chisquare(freedom, (resamples, 1)))
    return tails


def _scaled_by_point(residuals: Floats, basis: Floats) -> Floats:
    kept = 1.0 - np.sum(basis**2, axis=1)
    pooled = np.sqrt(residuals @ residuals / (residuals.size - basis.shape[1]))
    own = np.abs(residuals) / np.maximum(kept, 1 - MOST_LEVERAGE) ** LEVERAGE_POWER
    scaled: Floats = np.where(kept < 1 - MOST_LEVERAGE, pooled, own)
    return scaled


def _by_cluster(residuals: Floats, basis: Floats, clusters: NDArray[np.int64]) -> Floats:
    """(I - H_gg)^-power times the residuals of each cluster g, H_gg its block of the hat matrix."""
    scaled = residuals.copy()
    for group in range(int(clusters.max()) + 1):
        mine = clusters == group
        directions, size, _ = np.linalg.svd(basis[mine], full_matrices=False)
        kept = np.maximum(1 - size**2, 1 - MOST_LEVERAGE)
        grown = kept**-LEVERAGE_POWER - 1
        scaled[mine] += directions @ (grown * (directions.T @ residuals[mine]))
    return scaled
