"""The batched solver: derivatives, published figures, restarts, and the same numbers whatever the chunks."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalewise.laws import fit_law, solver
from scalewise.laws.families import CHINCHILLA, CURVES, SURFACES, Family
from scalewise.laws.resample import cluster_weights
from scalewise.laws.solver import solve


def data_for(family: Family, points: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = np.exp(rng.uniform(2, 12, size=(points, family.inputs)))
    return x, 1.5 + sum(3.0 / x[:, i] ** (0.3 + 0.1 * i) for i in range(family.inputs))


@pytest.mark.parametrize("family", [*CURVES, *SURFACES], ids=lambda f: f.name)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_analytic_jacobian_is_the_derivative(family: Family, seed: int) -> None:
    x, y = data_for(family)
    bound = family.bind(x, y)
    theta = bound.starts(1, np.random.default_rng(seed))
    _, jacobian = bound.log_predict_with_jacobian(theta, x)
    for j in range(theta.shape[1]):
        step = np.zeros_like(theta)
        step[0, j] = 1e-6
        slope = (bound.log_predict(theta + step, x) - bound.log_predict(theta - step, x)) / 2e-6
        np.testing.assert_allclose(jacobian[:, j], slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("family", [*CURVES, *SURFACES], ids=lambda f: f.name)
def test_natural_parameters_give_the_same_curve(family: Family) -> None:
    x, y = data_for(family)
    fit = fit_law(family, x, y, resamples=0)
    p = {name: e.value for name, e in fit.parameters().items()}
    if family.inputs == 2:
        by_formula = p["E"] + p["A"] / x[:, 0] ** p["alpha"] + p["B"] / x[:, 1] ** p["beta"]
    else:
        by_formula = p.get("E", 0.0) + p["A"] / x[:, 0] ** p["alpha"]
    np.testing.assert_allclose(fit.curves(x)[0], by_formula, rtol=1e-9)


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
    bound, log_y = CHINCHILLA.bind(x, y), np.log(y)
    best = solve(bound, x, log_y, np.ones((1, y.size)), bound.starts(64, rng))
    warm = best.theta[np.argmin(best.objective)][None]
    weights = cluster_weights(np.arange(y.size), 25, rng)
    refits = solve(bound, x, log_y, weights, np.repeat(warm, 25, axis=0))
    for i in range(25):
        restarts = solve(bound, x, log_y, weights[i : i + 1], bound.starts(40, rng))
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
    fit = fit_law(CHINCHILLA, x, y, resamples=0, loss="least squares")
    assert fit.bound is not None

    def residual(theta: np.ndarray) -> np.ndarray:
        return np.log(y) - fit.bound.log_predict(theta[None], x)[0]

    peer = least_squares(residual, fit.theta[0] + 0.01, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert fit.objective <= peer.cost * (1 + 1e-9)
