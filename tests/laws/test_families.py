"""Every family: its derivative, its formula as printed, and the parameters of an exact construction found again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalewise.laws.families import CURVES, SURFACES, Family
from scalewise.laws.residual import LOG_SQUARES, PLAIN_SQUARES
from scalewise.laws.solver import Problem, solve

Floats = np.ndarray

FORMULAS = {
    "constant": lambda x, a: a + 0 * x,
    "linear": lambda x, a, b: a + b * x,
    "quadratic": lambda x, a, b, c: a + b * x + c * x**2,
    "cubic": lambda x, a, b, c, d: a + b * x + c * x**2 + d * x**3,
    "logarithm": lambda x, a, b: a + b * np.log(x),
    "quadratic in log x": lambda x, a, b, c: a + b * np.log(x) + c * np.log(x) ** 2,
    "cubic in log x": lambda x, a, b, c, d: a + b * np.log(x) + c * np.log(x) ** 2 + d * np.log(x) ** 3,
    "power": lambda x, A, alpha: A / x**alpha,
    "power + floor": lambda x, E, A, alpha: E + A / x**alpha,
    "power + ceiling": lambda x, C, A, alpha: C - A / x**alpha,
    "rising power": lambda x, base, A, k: base + A * x**k,
    "shifted power": lambda x, A, alpha, x0: A / (x + x0) ** alpha,
    "M3": lambda x, beta, c, gamma: beta * (1 / x + gamma) ** c,
    "one break": lambda x, a, b, c0, c1, d1, f1: a + b * x**-c0 * (1 + (x / d1) ** (1 / f1)) ** (-c1 * f1),
    "two breaks": lambda x, a, b, c0, c1, d1, f1, c2, d2, f2: (
        a + b * x**-c0 * (1 + (x / d1) ** (1 / f1)) ** (-c1 * f1) * (1 + (x / d2) ** (1 / f2)) ** (-c2 * f2)
    ),
    "logistic": lambda x, chance, ceiling, k, x_mid: chance + (ceiling - chance) / (1 + (x_mid / x) ** k),
    "step": lambda x, before, after, x_jump: np.where(x < x_jump, before, after),
    "exponential": lambda x, A, k: A * np.exp(-k * x),
    "saturating exponential": lambda x, E, A, k: E + A * np.exp(-k * x),
    "double descent": lambda x, E, A, alpha, h, x_peak, width: (
        (E + A / x**alpha) * np.exp(h * np.exp(-((np.log(x / x_peak) / width) ** 2) / 2))
    ),
}


def data_for(family: Family, points: int = 40) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(3)
    x = np.exp(rng.uniform(2, 7, size=(points, family.inputs)))
    return x, 0.2 + sum(0.5 / x[:, i] ** (0.3 + 0.1 * i) for i in range(family.inputs))


def one_theta(family: Family, seed: int) -> tuple[Floats, Floats, Floats]:
    x, y = data_for(family)
    return family.bind(x, y).starts(1, np.random.default_rng(seed)), x, y


@pytest.mark.parametrize("family", [*CURVES, *SURFACES], ids=lambda f: f.name)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_analytic_jacobian_is_the_derivative(family: Family, seed: int) -> None:
    theta, x, y = one_theta(family, seed)
    bound = family.bind(x, y)
    low, high = bound.bounds
    theta = np.clip(theta, low + 2e-6, np.maximum(high - 2e-6, low + 2e-6))
    value, jacobian = bound.evaluate_with_jacobian(theta, x)
    np.testing.assert_array_equal(value, bound.evaluate(theta, x))
    for j, parameter in enumerate(family.parameters):
        if parameter.name == "x_jump":
            continue  # a jump has no derivative; every gap is a start instead
        step = np.zeros_like(theta)
        step[0, j] = 1e-6
        slope = (bound.evaluate(theta + step, x) - bound.evaluate(theta - step, x)) / 2e-6
        np.testing.assert_allclose(jacobian[:, j], slope, rtol=1e-5, atol=1e-7 * max(1.0, np.abs(value).max()))


@pytest.mark.parametrize("family", CURVES, ids=lambda f: f.name)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_natural_parameters_give_the_same_curve(family: Family, seed: int) -> None:
    theta, x, y = one_theta(family, seed)
    bound = family.bind(x, y)
    found = bound.predict(theta, x)[0]
    p = {name: float(values[0]) for name, values in bound.natural(theta).items()}
    assert list(p) == [q.name for q in family.parameters]
    assert all(name in family.formula for name in p)
    if family.name == "M4":
        inside = (found > p["e_inf"] * (1 + 1e-9)) & (found < p["e_0"] * (1 - 1e-9))
        x, found = x[inside], found[inside]
        left, right = (found - p["e_inf"]) / (p["e_0"] - found) ** p["alpha"], p["beta"] * x[:, 0] ** -p["c"]
        np.testing.assert_allclose(left, right, rtol=1e-6)
        return
    by_formula = FORMULAS[family.name](x[:, 0], **p)
    np.testing.assert_allclose(found, by_formula, rtol=1e-7, atol=1e-9 * np.abs(found).max())


@pytest.mark.parametrize("family", CURVES, ids=lambda f: f.name)
def test_an_exact_curve_is_found_again(family: Family) -> None:
    """Draw a curve from the middle of the box of starts, and fit it from many: the residuals vanish."""
    x, y = data_for(family, 60)
    bound = family.bind(x, y)
    theta = bound.starts(400, np.random.default_rng(5))
    curves = bound.predict(theta, x)
    usable = np.flatnonzero((curves > 0.01).all(axis=1) & np.isfinite(curves).all(axis=1))
    found = 0
    for i in usable[:10]:
        exact = curves[i]
        again = family.bind(x, exact)
        for residual in (LOG_SQUARES, PLAIN_SQUARES):
            problem = Problem(x, residual.observed(exact)[None], np.ones((1, exact.size)), residual)
            solution = solve(again, problem, again.starts(128, np.random.default_rng(6)))
            found += int(np.sqrt(2 * solution.objective.min() / exact.size) < 1e-4 * max(1.0, exact.std()))
    assert found >= 0.9 * 2 * min(10, usable.size)
    assert usable.size >= 5
