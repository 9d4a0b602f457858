"""The batched solver: derivatives, published figures, restarts, and the same numbers whatever the chunks."""

import numpy as np
import polars as pl
import pytest

from scalewise.laws import fit_law, solver
from scalewise.laws.families import CHINCHILLA, POWER_CEILING, POWER_FLOOR, Family
from scalewise.laws.resample import cluster_weights
from scalewise.laws.residual import LOG_SQUARES, PLAIN_SQUARES, Residual, Squares
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


REPEATED = np.repeat([1e3, 1e4, 1e5, 1e6], 200)
ERRORS = np.random.default_rng(8).uniform(0.01, 0.05, REPEATED.size)


@pytest.mark.parametrize(
    ("family", "residual"),
    [(POWER_CEILING, PLAIN_SQUARES), (POWER_FLOOR, LOG_SQUARES), (POWER_CEILING, Squares("linear", ERRORS))],
)
def test_repeats_count_as_their_mean_and_nothing_else_changes(
    family: Family, residual: Residual, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Least squares at four distinct x, weighted and unweighted refits: on 4 points the same as on 800."""
    rng = np.random.default_rng(9)
    y = (0.9 - 3 * REPEATED**-0.3 if family is POWER_CEILING else 0.5 + 3 * REPEATED**-0.3) + rng.normal(0, 0.02, 800)
    x, clusters = REPEATED[:, None], np.tile(np.arange(40), 20)
    bound, observed = family.bind(x, y), residual.observed(y)[None]
    start = np.repeat(bound.starts(1, rng), 30, axis=0)
    problems = [
        Problem(x, observed, np.ones((1, 800)), residual, np.array([1e-3])),
        Problem(x, observed, cluster_weights(clusters, 30, rng), residual),
        Problem(x, observed + rng.normal(0, 0.01, (30, 800)), np.ones((1, 800)), residual),
    ]
    short = [problem.collapsed() for problem in problems]
    assert [problem.x.shape for problem in short] == [(4, 1)] * 3
    together = [solve(bound, problem, start) for problem in problems]
    monkeypatch.setattr(Problem, "collapsed", lambda problem: problem)
    for whole, parts in zip([solve(bound, problem, start) for problem in problems], together, strict=True):
        np.testing.assert_allclose(parts.objective, whole.objective, rtol=1e-9)
        np.testing.assert_allclose(bound.predict(parts.theta, x), bound.predict(whole.theta, x), rtol=1e-6)


def test_what_few_repeats_or_an_order_would_change_stays() -> None:
    x = np.arange(1.0, 11.0)[:, None]
    one = Problem(x, np.log(x.T), np.ones((1, 10)), LOG_SQUARES)
    assert one.collapsed() is one
    thrice = np.repeat(x, 3, axis=0)
    ordered = Problem(thrice, np.log(thrice.T), np.ones((1, 30)), LOG_SQUARES, rho=np.array([0.5]))
    assert ordered.collapsed() is ordered
    robust = Problem(thrice, np.log(thrice.T), np.ones((1, 30)))
    assert robust.collapsed() is robust


def test_a_table_of_repeats_costs_no_more_than_its_distinct_x(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every evaluation of the law is at the distinct x, whatever the number of rows."""
    x = np.repeat([7.4e7, 2.2e8, 2.85e9], 500)[:, None]
    y = 0.9 - 30 * x[:, 0] ** -0.3 + np.random.default_rng(2).normal(0, 0.02, 1500)
    bound = POWER_CEILING.bind(x, y)
    asked: list[int] = []
    kind, inner = type(bound), type(bound).in_space

    def counted(self: object, space: object, theta: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked.append(at.shape[0])
        return inner(self, space, theta, at)  # type: ignore[arg-type]

    monkeypatch.setattr(kind, "in_space", counted)
    solve(bound, Problem(x, y[None], np.ones((1, 1500)), PLAIN_SQUARES), bound.starts(8, np.random.default_rng(0)))
    assert set(asked) == {3}
