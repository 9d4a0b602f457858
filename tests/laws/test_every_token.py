"""Exact match of several tokens as a power of the accuracy of one."""

import numpy as np
import pytest

from scalewise.laws import fit_law
from scalewise.laws.families import LINEAR, LOGISTIC, POWER_FLOOR, EveryToken, Family
from scalewise.laws.residual import Binomial

X = np.geomspace(1.0, 100.0, 12)


@pytest.mark.parametrize("base", [LINEAR, LOGISTIC, POWER_FLOOR], ids=lambda f: f.name)
def test_its_derivative_is_the_derivative(base: Family) -> None:
    bound = EveryToken(base, 5).bind(X[:, None], np.linspace(0.1, 0.9, 12) ** 5)
    theta = bound.starts(1, np.random.default_rng(1))
    value, jacobian = bound.evaluate_with_jacobian(theta, X[:, None])
    np.testing.assert_array_equal(value, bound.evaluate(theta, X[:, None]))
    for j in range(theta.shape[1]):
        step = np.zeros_like(theta)
        step[0, j] = 1e-6
        ahead, behind = bound.evaluate(theta + step, X[:, None]), bound.evaluate(theta - step, X[:, None])
        np.testing.assert_allclose(jacobian[:, j], (ahead - behind) / 2e-6, rtol=1e-4, atol=1e-7)


def test_a_straight_line_of_tokens_is_found_behind_exact_matches_that_are_mostly_zero() -> None:
    """Ten tokens, each right with probability .1 + .008 x: the exact match is 0 at half of the sizes."""
    p = 0.1 + 0.008 * X
    right = np.random.default_rng(0).binomial(1000, p**10) / 1000
    assert np.sum(right == 0) >= 6
    fit = fit_law(EveryToken(LINEAR, 10), X, right, resamples=200, residual=Binomial("linear", np.full(12, 1000.0)))
    found = fit.parameters()
    assert found["b"].low <= 0.008 <= found["b"].high
    assert found["b"].high - found["b"].low < 0.002


def test_an_answer_has_a_token() -> None:
    with pytest.raises(ValueError, match="one token or more"):
        EveryToken(LINEAR, 0.5)
