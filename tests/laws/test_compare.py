"""Telling laws apart: the right one where the data can tell, silence where they cannot, and honesty about noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalewise.laws import compare, fit_families, fit_law
from scalewise.laws.autocorrelation import autoregressive, estimate_noise
from scalewise.laws.families import (
    CHINCHILLA,
    KAPLAN,
    LINEAR,
    LOGARITHM,
    LOGISTIC,
    ONE_BREAK,
    POWER,
    POWER_CEILING,
    POWER_FLOOR,
    STEP,
    TWO_BREAKS,
)
from scalewise.laws.residual import Binomial, Squares

X = np.geomspace(1, 120, 60)


def noisy(curve: np.ndarray, rho: float, seed: int, sd: float = 0.01) -> np.ndarray:
    return curve * np.exp(sd * autoregressive(rho, (1, curve.size), np.random.default_rng(seed))[0])


def test_a_line_sampled_at_log_spaced_points_is_linear() -> None:
    """On a semilog axis y = x looks like a jump; on its own axis it is a line."""
    x = np.geomspace(1, 1000, 14)
    y = 0.05 + 0.0008 * x + np.random.default_rng(0).normal(0, 0.01, x.size)
    found = compare(fit_families(x, y, (LINEAR, LOGARITHM, LOGISTIC, STEP)), simulations=100)
    assert found.survivors == ("linear",) or set(found.survivors) == {"linear", "logistic"}
    assert "linear" in found.survivors
    for pair in found.pairs:
        if pair.first == "linear" and pair.second in ("logarithm", "step"):
            assert pair.preferred == "linear"


def test_a_real_step_is_a_step() -> None:
    x = np.geomspace(1, 1000, 24)
    y = np.where(x < 40, 0.1, 0.7) + np.random.default_rng(1).normal(0, 0.02, x.size)
    found = compare(fit_families(x, y, (LINEAR, LOGARITHM, STEP)), simulations=100)
    assert found.survivors == ("step",)
    assert found.confusion["step"]["step"] > 0.9


@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_a_break_that_is_there_is_found(rho: float) -> None:
    curve = 2 * X**-0.5 * (1 + (X / 11) ** 5) ** (0.3 / 5)
    found = compare(fit_families(X, noisy(curve, rho, 3), (POWER_FLOOR, ONE_BREAK)), simulations=100)
    assert found.pairs[0].preferred == "one break"
    assert found.pairs[0].power >= (0.8 if rho == 0 else 0.5)


def test_correlated_noise_is_not_a_break() -> None:
    """AICc prefers a break in nine of ten such curves (bench/compare.py counts both on many)."""
    breaks = 0
    for seed in range(12):
        y = noisy(2 * (0.3 + 0.7 * X**-0.5), 0.9, seed)
        breaks += compare(fit_families(X, y, (POWER_FLOOR, ONE_BREAK)), simulations=60).pairs[0].p_first <= 0.05
    assert breaks <= 3  # 5 % expected; more than 3 of 12 has a chance below 0.3 %


def test_too_short_a_range_cannot_tell_and_says_what_would() -> None:
    x = np.geomspace(1, 10, 12)
    y = 2 * (0.3 + 0.7 * x**-0.5) * np.exp(0.02 * np.random.default_rng(2).normal(size=12))
    found = compare(fit_families(x, y, (POWER, POWER_FLOOR)), simulations=150)
    assert found.survivors == ("power", "power + floor")
    assert found.verdict == "The data cannot tell power and power + floor apart."
    (settling,) = found.settling
    assert settling.x[0] > x.max()
    assert settling.power >= 0.8


def test_what_no_run_can_settle_is_said() -> None:
    """A logarithm and a power with a ceiling far away are one curve, under noise that hides what is left."""
    x = np.geomspace(1, 3, 10)
    y = 0.5 + 0.001 * np.log(x) + 0.2 * np.random.default_rng(4).normal(size=10)
    found = compare(fit_families(x, y, (LOGARITHM, POWER_CEILING)), simulations=60)
    assert found.survivors == ("logarithm", "power + ceiling")
    assert not found.settling
    assert found.unsettled == (("logarithm", "power + ceiling"),)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_correlation_is_estimated_without_bias(rho: float) -> None:
    z = np.log(X)
    jacobian = np.stack([np.ones_like(z), z, z**2])
    basis = np.linalg.qr(jacobian.T)[0]
    found = []
    for seed in range(60):
        errors = autoregressive(rho, (1, z.size), np.random.default_rng(seed))[0]
        found.append(estimate_noise(errors - basis @ (basis.T @ errors), jacobian, z).rho)
    assert np.median(found) == pytest.approx(rho, abs=0.1)


def test_noise_that_grows_is_seen() -> None:
    z = np.linspace(0, 6, 80)
    errors = np.random.default_rng(0).normal(size=80) * np.exp(0.5 * z)
    shape = estimate_noise(errors, np.ones((1, 80)), z).shape
    assert 5 < shape[-1] / shape[0] < 60  # truth: e^3 = 20


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_same_seed_gives_the_same_comparison(seed: int) -> None:
    y = noisy(2 * X**-0.3, 0.3, seed)[::4]
    once, again = (compare(fit_families(X[::4], y, (POWER, POWER_FLOOR)), simulations=40, seed=seed) for _ in range(2))
    assert once == again
    for shares in once.confusion.values():
        assert sum(shares.values()) == pytest.approx(1)
    for pair in once.pairs:
        assert 0 < pair.p_first <= 1


@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        ([1, 2, 3], [1, 2], "one length"),
        ([1, 2, -3, 4], [1, 2, 3, 4], "x must be finite and greater than 0; it is -3 at position 2"),
        ([1, 2, 3, 4], [1, np.nan, 3, 4], "y must be finite; it is nan at position 1"),
        ([2, 2, 2, 2, 2], [1, 2, 3, 4, 5], "1 distinct x"),
        ([1, 2, 3, 4], [4, 3, 2, 1], "only power can be fitted; two are needed"),
    ],
)
def test_bad_input_is_one_sentence(x: list[float], y: list[float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        compare(fit_families(x, y, (POWER, ONE_BREAK, TWO_BREAKS) if len(x) == 4 else None))


def test_given_errors_decide_what_scatter_alone_cannot() -> None:
    """Four sizes: scatter about a law of two parameters is hardly known, but standard errors are."""
    x = np.array([1.0, 3.0, 10.0, 30.0, 100.0])
    y = 0.2 + 0.004 * x + 0.002 * np.array([1, -1, 1, -1, 1])
    known = Squares("linear", np.full(5, 0.002))
    found = compare(fit_families(x, y, (LINEAR, LOGARITHM), residual=known), simulations=100)
    assert found.survivors == ("linear",)
    assert found.rho == 0.0


def test_counts_of_few_items_cannot_tell_what_many_can() -> None:
    x = np.geomspace(1, 1000, 10)
    truth = 0.25 + 0.6 / (1 + (30 / x) ** 1.2)
    survivors = {}
    for items in (4, 20_000):
        y = np.random.default_rng(0).binomial(items, truth) / items
        counts = Binomial("linear", np.full(10, float(items)))
        fits = fit_families(x, y, (LOGARITHM, LOGISTIC), residual=counts, chance=0.25)
        survivors[items] = compare(fits, simulations=100).survivors
    assert survivors == {4: ("logarithm", "logistic"), 20_000: ("logistic",)}


def test_a_chance_level_that_was_not_given_is_pointed_out() -> None:
    x = np.geomspace(1, 1000, 12)
    y = 0.25 + 0.6 / (1 + (30 / x) ** 1.2) + np.random.default_rng(0).normal(0, 0.01, 12)
    assert "chance level was not given" in compare(fit_families(x, y), simulations=40).notes[0]
    assert compare(fit_families(x, y, chance=0.25), simulations=40).notes == ()


def test_surfaces_are_compared() -> None:
    """Data from Chinchilla's law: Kaplan's, which has no floor, is rejected."""
    n, d = np.meshgrid(np.geomspace(1e7, 1e10, 6), np.geomspace(1e9, 1e12, 6))
    x = np.stack([n.ravel(), d.ravel()], axis=1)
    y = (1.8 + 480 / x[:, 0] ** 0.35 + 2100 / x[:, 1] ** 0.37) * np.exp(np.random.default_rng(0).normal(0, 0.003, 36))
    fits = [fit_law(family, x, y, resamples=0) for family in (CHINCHILLA, KAPLAN)]
    found = compare(fits, simulations=60)
    assert found.survivors == ("chinchilla",)
    with pytest.raises(ValueError, match="same points"):
        compare([fits[0], fit_law(KAPLAN, x[::-1], y, resamples=0)])
