"""Laws of several scales: derivatives, printed formulas, and exact worlds found again."""

import numpy as np
import pytest

from scalewise.laws import fit_law
from scalewise.laws.families import Family
from scalewise.laws.families.product import log_plane, power_product, power_product_ceiling, power_product_floor

FAMILIES = [log_plane(3), power_product(3), power_product_floor(3), power_product_ceiling(3), log_plane(1)]
EXPONENTS = np.array([0.1, 0.2, 0.3])


def inputs(count: int, points: int = 60) -> np.ndarray:
    return np.exp(np.random.default_rng(0).uniform(1, 6, (points, count)))


def truth(family: Family, x: np.ndarray) -> np.ndarray:
    product = np.prod(x ** -EXPONENTS[: x.shape[1]], axis=1)
    if family.name == "plane in logs":
        return 2 + np.log(x) @ EXPONENTS[: x.shape[1]]
    starts = {"product of powers": 0.0, "product of powers + floor": 1.5, "product of powers + ceiling": 0.9}
    start = starts[family.name]
    return start - 0.7 * product if "ceiling" in family.name else start + 5 * product


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f"{f.name} of {f.inputs}")
def test_the_derivative_is_the_derivative(family: Family) -> None:
    x = inputs(family.inputs)
    bound = family.bind(x, truth(family, x))
    theta = bound.starts(5, np.random.default_rng(1))
    value, jacobian = bound.evaluate_with_jacobian(theta, x)
    np.testing.assert_array_equal(value, bound.evaluate(theta, x))
    for j in range(theta.shape[1]):
        step = np.zeros(theta.shape[1])
        step[j] = 1e-6
        slope = (bound.evaluate(theta + step, x) - bound.evaluate(theta - step, x)) / 2e-6
        np.testing.assert_allclose(jacobian[:, j], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f"{f.name} of {f.inputs}")
def test_an_exact_world_is_found_again(family: Family) -> None:
    x = inputs(family.inputs)
    fit = fit_law(family, x, truth(family, x), resamples=0)
    found = {name: float(values[0]) for name, values in fit.parameter_draws().items()}
    slopes = [value for name, value in found.items() if name[0] in "b" or name.startswith("alpha")]
    assert slopes == pytest.approx(EXPONENTS[: family.inputs], rel=1e-4)
    end = found.get("E", found.get("C", found.get("a", found.get("A"))))
    assert end == pytest.approx({"a": 2, "A": 5, "E": 1.5, "C": 0.9}[next(iter(found))], rel=1e-3)


def test_a_ceiling_that_is_given_is_held() -> None:
    x = inputs(2)
    family = power_product_ceiling(2, ceiling=1.0)
    fit = fit_law(family, x, truth(power_product_ceiling(2), x), resamples=20)
    assert np.all(fit.parameter_draws()["C"] == 1.0)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f"{f.name} of {f.inputs}")
def test_inputs_may_differ_between_fits(family: Family) -> None:
    x = inputs(family.inputs)
    bound = family.bind(x, truth(family, x))
    theta = bound.starts(4, np.random.default_rng(2))
    own = np.stack([x * k for k in (1.0, 2.0, 3.0, 4.0)])
    each = np.stack([bound.evaluate(theta[[i]], own[i])[0] for i in range(4)])
    np.testing.assert_allclose(bound.evaluate(theta, own), each)
