"""The batched solver: derivatives, published figures, restarts, and the same numbers whatever the chunks."""

import numpy as np
import polars as pl
import pytest

from scalewise.laws import fit_law, solver
from scalewise.laws.families import CHINCHILLA, Family
from scalewise.laws.resample import cluster_weights
from scalewise.laws.residual import LOG_SQUARES
from scalewise.laws.solver import Problem, solve


def data_for(family: Family, points: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = np.exp(rng.uniform(2, 12, size=(points, family.inputs)))
    return x, 0.2 + sum(0.5 / x[:, i] ** (0.3 + 0.1 * i) for i in range(family.inputs))


def published_points(chinchilla: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    used = chinchilla.filter(pl.col("published_fit_uses") == 1)
    params = used["params"].to_numpy()
    return np.stack([params, used["flops"].to_numpy() / (6 * params)], axis=1), used["loss"].to_numpy()


def test_the_published_chinchilla_refit(chinchilla: pl.DataFrame) -> None:
    """Besiroglu et al. 2024, arXiv 2404.10102, notebook cells 18 and 26."""
    x, y = published_points(chinchilla)
    fit = fit_law(CHINCHILLA, x, y, resamples=4000)
    assert fit.objective <= 0.0010182741
    assert fit.agreeing > 0.9
    found = fit.parameters()
    for name, value, digits in (("A", 477.8, 1), ("E", 1.8172, 4), ("alpha", 0.3473, 4), ("beta", 0.3672, 4)):
        assert round(found[name].value, digits) == value
    assert round(found["B"].value) == 2143
    published = {
        "A": (285, 744),
        "B": (1042, 5810),
        "E": (1.769, 1.871),
        "alpha": (0.317, 0.373),
        "beta": (0.331, 0.415),
    }
    for name, (low, high) in published.items():
        assert found[name].low == pytest.approx(low, rel=0.05)
        assert found[name].high == pytest.approx(high, rel=0.05)


def test_refits_reach_the_best_of_forty_restarts(chinchilla: pl.DataFrame) -> None:
    x, y = published_points(chinchilla)
    rng = np.random.default_rng(0)
    bound, log_y = CHINCHILLA.bind(x, y), np.log(y)[None]
    best = solve(bound, Problem(x, log_y, np.ones((1, y.size))), bound.starts(64, rng))
    warm = best.theta[np.argmin(best.objective)][None]
    weights = cluster_weights(np.arange(y.size), 25, rng)
    refits = solve(bound, Problem(x, log_y, weights), np.repeat(warm, 25, axis=0))
    for i in range(25):
        restarts = solve(bound, Problem(x, log_y, weights[i : i + 1]), bound.starts(40, rng))
        assert refits.objective[i] <= restarts.objective.min() * (1 + 1e-8)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data_for(CHINCHILLA)
    y = y * np.exp(np.random.default_rng(1).normal(0, 0.01, y.size))
    whole = fit_law(CHINCHILLA, x, y, resamples=50, seed=4)
    monkeypatch.setattr(solver, "CACHE_ROWS", 7 * y.size)
    pieces = fit_law(CHINCHILLA, x, y, resamples=50, seed=4)
    assert np.array_equal(whole.draws, pieces.draws)
    assert np.array_equal(whole.theta, pieces.theta)


def test_least_squares_agrees_with_scipy(chinchilla: pl.DataFrame) -> None:
    from scipy.optimize import least_squares

    x, y = published_points(chinchilla)
    fit = fit_law(CHINCHILLA, x, y, resamples=0, residual=LOG_SQUARES)
    assert fit.bound is not None

    def residual(theta: np.ndarray) -> np.ndarray:
        return np.log(y) - fit.bound.evaluate(theta[None], x)[0]

    peer = least_squares(residual, fit.theta[0] + 0.01, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert fit.objective <= peer.cost * (1 + 1e-9)
