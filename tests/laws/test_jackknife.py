"""Leaving one cluster out at a time, against textbook formulas; and the laws for what is only allowed for."""

import numpy as np
import pytest
from scipy.interpolate import BSpline
from scipy.stats import t

from scalewise.laws import POWER, fit_law
from scalewise.laws.families import LINEAR, Adjusted, Spline
from scalewise.laws.jackknife import Jackknifed, within_t, without_each


def test_the_error_of_a_mean_is_the_usual_one() -> None:
    values = np.array([1.0, 2.0, 4.0, 9.0, 3.0])
    rows = [values.mean(), *((values.sum() - v) / 4 for v in values)]
    found = Jackknifed.of(rows)
    assert found.error == pytest.approx(values.std(ddof=1) / np.sqrt(5))
    reach = t.ppf(0.975, 4) * found.error
    assert found.estimate().high == pytest.approx(values.mean() + reach)
    assert found.probability_above(2.0) == pytest.approx(t.sf((2.0 - values.mean()) / found.error, 4))


@pytest.mark.parametrize(("scale", "inside"), [("share", (0.0, 1.0)), ("correlation", (-1.0, 1.0))])
def test_intervals_stay_where_the_number_can_be(scale: str, inside: tuple[float, float]) -> None:
    e = Jackknifed.of([0.97, 0.9, 0.99, 0.95, 0.98], scale).estimate()  # type: ignore[arg-type]
    assert inside[0] < e.low < e.value < e.high < inside[1]
    assert e.value == pytest.approx(0.97)


def test_a_certain_number_is_certain() -> None:
    exact = Jackknifed.of([2.0, 2.0, 2.0, 2.0])
    assert exact.probability_above(1.0) == 1.0
    assert exact.probability_above(3.0) == 0.0
    assert within_t(1.0, 0.0, 3) == exact.__class__.of([1.0] * 5).estimate()


def test_refits_without_each_cluster_are_fits_to_the_rest() -> None:
    rng = np.random.default_rng(0)
    x, clusters = np.linspace(1, 5, 30), np.repeat(np.arange(6), 5)
    y = 1 + 2 * x + rng.normal(0, 0.3, 30)
    fit = fit_law(LINEAR, x, y, resamples=0)
    assert fit.bound is not None
    rows = fit.bound.natural(without_each(fit, clusters))["b"]
    expected = [np.polyfit(x[kept], y[kept], 1)[0] for kept in [x > 0, *(clusters != g for g in range(6))]]
    np.testing.assert_allclose(rows, expected, rtol=1e-6)


def test_a_law_that_was_not_fitted_has_no_refits() -> None:
    with pytest.raises(ValueError, match="was not fitted"):
        without_each(fit_law(LINEAR, [1.0, 1.0], [1.0, 2.0]), np.array([0, 1]))


@pytest.mark.parametrize("pieces", [2, 3, 4, 9])
def test_splines_are_those_of_scipy(pieces: int) -> None:
    rng = np.random.default_rng(1)
    x = np.exp(rng.uniform(1, 3, 200))
    bound = Spline(pieces).bind(x[:, None], x)
    theta = bound.starts(3, rng)
    knots = np.array(bound.knots)
    z = np.clip(np.log(x) - bound.spread.log_x_mean, knots[0], np.nextafter(knots[-1], -9))
    expected = [BSpline(knots, row, bound.degree)(z) for row in theta]
    np.testing.assert_allclose(bound.evaluate(theta, x[:, None]), expected, atol=1e-12)
    far = bound.evaluate(theta, np.array([[1e-3], [1e6]]))  # beyond the data it stays as at their edge
    np.testing.assert_allclose(far, theta[:, [0, -1]], atol=1e-12)


@pytest.mark.parametrize("family", [Spline(5), Adjusted(Spline(6)), Adjusted(LINEAR)], ids=lambda f: f.name)
def test_derivatives(family: Spline | Adjusted) -> None:
    rng = np.random.default_rng(2)
    x = np.exp(rng.uniform(1, 3, (40, family.inputs)))
    bound = family.bind(x, rng.normal(size=40))
    theta = bound.starts(1, rng)
    value, jacobian = bound.evaluate_with_jacobian(theta, x)
    np.testing.assert_array_equal(value, bound.evaluate(theta, x))
    for j in range(theta.shape[1]):
        step = np.zeros_like(theta)
        step[0, j] = 1e-6
        slope = (bound.evaluate(theta + step, x) - bound.evaluate(theta - step, x)) / 2e-6
        np.testing.assert_allclose(jacobian[:, j], slope, atol=1e-6)


def test_a_slope_is_found_beside_any_curve() -> None:
    rng = np.random.default_rng(3)
    x, z = np.exp(rng.uniform(1, 2, 300)), np.exp(rng.uniform(10, 20, 300))
    y = np.sin(3 * np.log(x)) + 0.01 * np.log(z) + rng.normal(0, 0.01, 300)
    fit = fit_law(Adjusted(Spline(9)), np.column_stack([x, z]), y, resamples=0)
    assert fit.parameters()["slope"].value == pytest.approx(0.01, abs=0.001)
    at = np.array([[4.0, 1e5], [4.0, 1e6]])
    low, high = fit.curves(at)[0]
    assert high - low == pytest.approx(fit.parameters()["slope"].value * np.log(10))


def test_a_spline_of_one_piece_and_a_slope_beside_logs_are_refused() -> None:
    with pytest.raises(ValueError, match="two coefficients or more"):
        Spline(1)
    with pytest.raises(ValueError, match="laws of y only"):
        Adjusted(POWER).bind(np.ones((3, 2)), np.ones(3))
