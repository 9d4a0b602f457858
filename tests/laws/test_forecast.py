"""Extrapolating one curve: recovery, calibration on simulated curves, and honesty about missing backtests."""

import numpy as np
import pytest

from scalewise.laws import forecast


def curve(seed: int, floor: float, sd: float = 0.003) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = np.geomspace(1e3, 1e6, 60)
    return x, (floor + 8 * x**-0.3) * np.exp(rng.normal(0, sd, x.size))


def test_an_exact_power_law_is_continued() -> None:
    x = np.geomspace(1e3, 1e6, 40)
    found = forecast(x, 8 * x**-0.3, 1e7, resamples=50)
    assert found is not None
    assert np.exp(found.log_value) == pytest.approx(8 * 1e7**-0.3, rel=1e-3)


def test_intervals_cover_what_was_withheld() -> None:
    """90 % intervals four times beyond the data, over 60 curves with and without a floor: at least 80 %, not wide."""
    covered, widths = [], []
    for seed in range(60):
        floor = 0.0 if seed % 2 else 1.0
        x, y = curve(seed, floor)
        found = forecast(x, y, 4e6, resamples=60, seed=seed)
        assert found is not None
        interval = found.interval(0.9)
        truth = floor + 8 * 4e6**-0.3
        covered.append(interval.low <= truth <= interval.high)
        widths.append(interval.high / interval.low - 1)
    assert np.mean(covered) >= 0.80
    assert np.median(widths) < 0.15


def test_a_short_curve_has_no_backtest_and_says_so() -> None:
    x, y = curve(0, 1.0)
    far = forecast(x[-15:], y[-15:], 1e8, resamples=20)
    assert far is not None
    assert not far.backtested
    assert far.scale > 3 * max(law.fit.noise for law in far.laws)  # the error at a shorter distance, grown
    near = forecast(x, y, 2e6, resamples=20)
    assert near is not None
    assert near.backtested


def test_too_few_points_give_no_forecast() -> None:
    assert forecast(np.array([1.0]), np.array([2.0]), 10.0) is None
