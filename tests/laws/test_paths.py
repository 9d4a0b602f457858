"""Possible continuations: crossings and floors of curves whose law is known, and how often intervals hold them."""

import numpy as np
import pytest

from scalewise.laws import extrapolate
from scalewise.laws.autocorrelation import autoregressive
from scalewise.laws.paths import Paths, sample_paths

X = np.geomspace(1e9, 1e11, 40)
GRID = X[-1] * 2.0 ** (np.arange(-8, 81) / 4)


def loss(x: np.ndarray, floor: float = 1.7) -> np.ndarray:
    return floor + 8 * (x / 1e9) ** -0.3


def test_crossings_are_where_straight_lines_cross() -> None:
    x = np.array([1.0, 10.0, 100.0])
    paths = Paths(x, np.array([[4.0, 3.0, 2.0], [4.0, 3.5, 3.2], [2.0, 1.0, 0.5]]), np.array([0.0, 2.0, 0.0]))
    np.testing.assert_allclose(paths.crossings(2.5), [10**1.5, np.inf, 1.0])
    np.testing.assert_allclose(paths.crossings([2.0, 3.5, 1.0]), [100.0, 10.0, 10.0])
    assert paths.never([0.1, 1.9, 0.1]).tolist() == [False, True, False]


def test_paths_go_through_the_data_and_lie_where_the_forecast_does() -> None:
    y = loss(X) * np.exp(np.random.default_rng(0).normal(0, 0.002, X.size))
    forecast = extrapolate(X, y, [4e11])
    paths = sample_paths(forecast, [*X, 4e11], count=300)
    assert paths.values.shape == (300, X.size + 1)
    np.testing.assert_allclose(np.median(paths.values[:, :-1], axis=0), loss(X), rtol=0.01)
    low, high = forecast.interval(0.9)
    inside = (paths.values[:, -1] > low) & (paths.values[:, -1] < high)
    assert 0.75 < inside.mean() <= 1.0


def test_a_low_level_may_be_impossible_and_a_near_one_is_not() -> None:
    y = loss(X) * np.exp(np.random.default_rng(0).normal(0, 5e-4, X.size))
    paths = sample_paths(extrapolate(X, y, [2e11]), GRID, count=300)
    assert paths.never(float(loss(np.array([1.5e11]))[0])).mean() < 0.02
    assert paths.never(1.0).mean() > 0.8
    assert np.isinf(paths.crossings(1.0)[paths.never(1.0)]).all()


def test_the_same_seed_gives_the_same_paths() -> None:
    y = loss(X) * np.exp(np.random.default_rng(0).normal(0, 0.002, X.size))
    once, again = (sample_paths(extrapolate(X, y, [2e11]), GRID, count=100, seed=3) for _ in range(2))
    assert np.array_equal(once.values, again.values)


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_intervals_hold_the_gain_of_a_doubling_and_the_crossing(rho: float) -> None:
    """Nominal 95 %, over 24 curves with and without a floor, with errors that are independent or alike."""
    gains, crossed = [], []
    for seed in range(24):
        floor = 1.5 * (seed % 2)
        noise = 0.003 * autoregressive(rho, (1, X.size), np.random.default_rng(seed))[0]
        paths = sample_paths(extrapolate(X, loss(X, floor) * np.exp(noise), [2 * X[-1]]), GRID, count=200, seed=seed)
        end, twice = paths.values[:, 8], paths.values[:, 12]
        low, high = np.percentile(end - twice, [2.5, 97.5])
        truth = loss(GRID[[8, 12]], floor)
        gains.append(low <= truth[0] - truth[1] <= high)
        low, high = np.quantile(paths.crossings(truth[1]), [0.025, 0.975], method="inverted_cdf")
        crossed.append(low <= GRID[12] <= high)
    assert np.mean(gains) >= 0.9
    assert np.mean(crossed) >= 0.9
