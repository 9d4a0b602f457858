"""Refits from a warm start are global optima: random restarts find nothing better on the Chinchilla points."""

import numpy as np
import polars as pl
import pytest

from scalewise.laws import CHINCHILLA, fit_law
from scalewise.laws.resample import cluster_weights
from scalewise.laws.solver import Problem, solve

RESAMPLES, RESTARTS = 300, 40


@pytest.mark.slow
def test_no_restart_beats_a_warm_refit(chinchilla: pl.DataFrame) -> None:
    """`bench/fit.py` checks 4000 resamples, and SciPy besides."""
    used = chinchilla.filter(pl.col("published_fit_uses") == 1)
    params = used["params"].to_numpy()
    x, y = np.stack([params, used["flops"].to_numpy() / (6 * params)], axis=1), used["loss"].to_numpy()
    assert y.size == 240
    rng = np.random.default_rng(0)
    weights = cluster_weights(np.arange(y.size), RESAMPLES, rng)
    bound, observed = CHINCHILLA.bind(x, y), np.log(y)[None]
    theta = fit_law(CHINCHILLA, x, y, resamples=0).theta
    warm = solve(bound, Problem(x, observed, weights), np.repeat(theta, RESAMPLES, axis=0))
    repeated = np.repeat(weights, RESTARTS, axis=0)
    tried = solve(bound, Problem(x, observed, repeated), bound.starts(RESAMPLES * RESTARTS, rng))
    best = tried.objective.reshape(RESAMPLES, RESTARTS).min(axis=1)
    assert warm.converged.all()
    assert np.max(warm.objective / best - 1) <= 1e-8
