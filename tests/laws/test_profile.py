"""Profile intervals: exact where theory is exact, open where the data set no limit, and as frequent as they say."""

import numpy as np
import pytest
from scipy.stats import chi2, t

from scalewise.laws import CHINCHILLA, POWER, POWER_FLOOR, fit_law, profile
from scalewise.laws.families import LINEAR
from scalewise.laws.residual import LOG_HUBER, LOG_SQUARES, Squares


def test_the_slope_of_a_line_has_its_textbook_interval() -> None:
    x = np.linspace(1, 10, 12)
    y = 2 + 0.5 * x + np.random.default_rng(0).normal(0, 0.3, 12)
    fit = fit_law(LINEAR, x, y, resamples=0)
    slope, level = np.polyfit(x, y, 1)
    residuals = y - level - slope * x
    half = t.ppf(0.95, 10) * np.sqrt(residuals @ residuals / 10 / np.sum((x - x.mean()) ** 2))
    found = profile(fit, "b", level=0.9)
    assert (found.value, found.low, found.high) == pytest.approx((slope, slope - half, slope + half), rel=1e-3)


def test_given_standard_errors_set_the_width() -> None:
    x = np.linspace(1, 10, 12)
    fit = fit_law(LINEAR, x, 2 + 0.5 * x, resamples=0, residual=Squares("linear", np.full(12, 0.2)))
    half = np.sqrt(chi2.ppf(0.95, 1)) * 0.2 / np.sqrt(np.sum((x - x.mean()) ** 2))
    found = profile(fit, "b")
    assert (found.low, found.high) == pytest.approx((0.5 - half, 0.5 + half), rel=1e-3)


def test_a_floor_that_may_be_absent_has_no_lower_end() -> None:
    """A pure power law over two decades: the floor may be 0, and not more than the lowest loss."""
    x = np.geomspace(1, 100, 20)
    y = 5 * x**-0.3 * np.exp(np.random.default_rng(1).normal(0, 0.02, 20))
    found = profile(fit_law(POWER_FLOOR, x, y, resamples=0), "E")
    assert found.low == 0.0
    assert 0 < found.high <= y.min()


@pytest.mark.slow
def test_intervals_hold_as_often_as_they_say() -> None:
    """A curve with a floor from ten points, where bootstraps have little to draw from: between 92 and 98 % of 300."""
    x = np.geomspace(10, 1e4, 10)
    held = 0
    for seed in range(300):
        y = (0.5 + 3 * x**-0.4) * np.exp(np.random.default_rng(seed).normal(0, 0.01, 10))
        found = profile(fit_law(POWER_FLOOR, x, y, resamples=0), "alpha")
        held += found.low <= 0.4 <= found.high
    assert 0.92 <= held / 300 <= 0.98


def test_a_coefficient_that_mixes_coordinates_has_a_profile() -> None:
    n, d = np.meshgrid(np.geomspace(1e7, 1e9, 4), np.geomspace(2e8, 2e10, 4))
    x = np.stack([n.ravel(), d.ravel()], axis=1)
    y = 1.8 + 480 / x[:, 0] ** 0.35 + 2100 / x[:, 1] ** 0.37
    y = y * np.exp(np.random.default_rng(0).normal(0, 0.003, y.size))
    found = profile(fit_law(CHINCHILLA, x, y, resamples=0), "A")
    assert found.low < 480 < found.high
    assert found.low < found.value < found.high


def test_what_has_no_profile_is_one_sentence() -> None:
    x = np.geomspace(1, 100, 30)
    y = 5 * x**-0.3 * (1 + 0.01 * np.sin(np.arange(30)))
    with pytest.raises(ValueError, match="has no parameter 'gamma'; it has A, alpha"):
        profile(fit_law(POWER, x, y, resamples=0, residual=LOG_SQUARES), "gamma")
    with pytest.raises(ValueError, match="needs a fit by least squares; this one minimised Huber loss"):
        profile(fit_law(POWER, x, y, resamples=0, residual=LOG_HUBER), "alpha")
    with pytest.raises(ValueError, match="was not fitted"):
        profile(fit_law(POWER, x[:1], y[:1]), "alpha")
