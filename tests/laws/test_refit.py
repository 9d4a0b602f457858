"""Refits: simulated noise that is like the noise seen, and runs with several points that move together."""

import numpy as np
import pytest

from scalewise.laws import POWER, POWER_FLOOR, fit_law
from scalewise.laws.autocorrelation import autoregressive
from scalewise.laws.families import CONSTANT, LINEAR
from scalewise.laws.refit import Resampling
from scalewise.laws.resample import wild_errors
from scalewise.laws.residual import LOG_SQUARES, Binomial, Squares

X = np.geomspace(1, 1000, 40)


def share_held(seeds: int, resampling: Resampling) -> float:
    """How often the 90 % interval of an exponent holds the truth, with errors of correlation .8 along the curve."""
    held = 0
    for seed in range(seeds):
        errors = 0.01 * autoregressive(0.8, (1, X.size), np.random.default_rng(seed))[0]
        y = 3 * X**-0.2 * np.exp(errors)
        fit = fit_law(POWER, X, y, resamples=200, residual=LOG_SQUARES, resampling=resampling, seed=seed)
        alpha = fit.parameters(0.9)["alpha"]
        held += alpha.low <= 0.2 <= alpha.high
    return held / seeds


@pytest.mark.slow
def test_simulated_noise_knows_that_neighbours_are_alike() -> None:
    """Points taken one by one promise far too much: about 50 % where 90 % was said."""
    assert share_held(100, "wild") < 0.7
    assert 0.8 <= share_held(100, "parametric") <= 0.98


def test_given_standard_errors_are_the_spread_of_refits() -> None:
    x = np.linspace(1, 10, 12)
    fit = fit_law(LINEAR, x, 2 + 0.5 * x, resamples=4000, residual=Squares("linear", np.full(12, 0.2)))
    spread = fit.parameter_draws()["b"][1:].std()
    assert spread == pytest.approx(0.2 / np.sqrt(np.sum((x - x.mean()) ** 2)), rel=0.05)


def test_counts_are_fitted_by_their_likelihood() -> None:
    """A constant share of right answers: the estimate is the pooled share and its spread the binomial one."""
    items = np.array([10.0, 1000.0, 100.0, 50.0])
    right = np.array([8.0, 512.0, 49.0, 20.0])
    fit = fit_law(CONSTANT, np.arange(1.0, 5.0), right / items, resamples=4000, residual=Binomial("linear", items))
    (level,) = fit.parameters().values()
    share = right.sum() / items.sum()
    assert level.value == pytest.approx(share, rel=1e-6)
    (draws,) = fit.parameter_draws().values()
    assert draws[1:].std() == pytest.approx(np.sqrt(share * (1 - share) / items.sum()), rel=0.06)


def test_overdispersed_counts_vary_as_a_beta_binomial_does() -> None:
    counts = Binomial("linear", np.full(3, 100.0), overdispersion=5.0)
    drawn = counts.draw(np.full((1, 3), 0.3), 20_000, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(0.3, abs=0.002)
    assert drawn.std(axis=0) == pytest.approx(np.sqrt(5 * 0.3 * 0.7 / 100), rel=0.03)


def test_points_of_one_run_share_a_sign() -> None:
    runs = np.repeat(np.arange(6), 4)
    jacobian = np.stack([np.ones(24), np.linspace(-1, 1, 24)])
    residuals = np.random.default_rng(0).normal(size=24)
    errors = wild_errors(residuals, jacobian, runs, 500, np.random.default_rng(1))
    within = np.corrcoef(errors.T)
    assert np.abs(within[:4, :4]) == pytest.approx(1.0, abs=1e-9)
    assert np.abs(within[0, 4:]).max() < 0.2


def test_copies_of_a_point_in_one_run_say_no_more_than_the_point() -> None:
    x = np.geomspace(10, 1e4, 12)
    y = (0.5 + 3 * x**-0.4) * np.exp(np.random.default_rng(4).normal(0, 0.01, 12))
    once = fit_law(POWER_FLOOR, x, y, resamples=2000).parameters()["alpha"]
    copied = fit_law(POWER_FLOOR, np.repeat(x, 10), np.repeat(y, 10), np.repeat(np.arange(12), 10), resamples=2000)
    many = copied.parameters()["alpha"]
    assert many.high - many.low == pytest.approx(once.high - once.low, rel=0.15)


@pytest.mark.parametrize(
    ("y", "residual", "why"),
    [
        ([0.5, 1.2, 0.4, 0.3], Binomial("linear", np.full(4, 10.0)), "between 0 and 1; it is 1.2 at position 1"),
        ([0.5, np.inf, 0.4, 0.3], None, "y must be finite; it is inf at position 1"),
        ([0.5, 0.4, -0.1, 0.3], None, "needs y greater than 0; it is -0.1 at position 2"),
    ],
)
def test_impossible_outcomes_are_named(y: list[float], residual: Binomial | None, why: str) -> None:
    fit = fit_law(POWER if residual is None else LINEAR, np.arange(1.0, 5.0), y, residual=residual)
    assert why in str(fit.problem)


def test_too_few_points_name_the_laws_that_they_can_determine() -> None:
    fit = fit_law(POWER_FLOOR, [1.0, 2.0, 3.0], [3.0, 2.0, 1.5])
    assert "3 parameters and there are only 3 independent runs; they can determine: constant, linear" in str(
        fit.problem
    )
