"""Telling laws apart: the right one where the data can tell, silence where they cannot, and honesty about noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalewise.laws import compare
from scalewise.laws.autocorrelation import autoregressive, estimate_noise
from scalewise.laws.families import LINEAR, LOGARITHM, LOGISTIC, ONE_BREAK, POWER, POWER_FLOOR, STEP

X = np.geomspace(1, 120, 60)


def noisy(curve: np.ndarray, rho: float, seed: int, sd: float = 0.01) -> np.ndarray:
    return curve * np.exp(sd * autoregressive(rho, (1, curve.size), np.random.default_rng(seed))[0])


def test_a_line_sampled_at_log_spaced_points_is_linear() -> None:
    """On a semilog axis y = x looks like a jump; on its own axis it is a line."""
    x = np.geomspace(1, 1000, 14)
    y = 0.05 + 0.0008 * x + np.random.default_rng(0).normal(0, 0.01, x.size)
    found = compare(x, y, (LINEAR, LOGARITHM, LOGISTIC, STEP), simulations=100)
    assert found.survivors == ("linear",) or set(found.survivors) == {"linear", "logistic"}
    assert "linear" in found.survivors
    for pair in found.pairs:
        if pair.first == "linear" and pair.second in ("logarithm", "step"):
            assert pair.preferred == "linear"


def test_a_real_step_is_a_step() -> None:
    x = np.geomspace(1, 1000, 24)
    y = np.where(x < 40, 0.1, 0.7) + np.random.default_rng(1).normal(0, 0.02, x.size)
    found = compare(x, y, (LINEAR, LOGARITHM, STEP), simulations=100)
    assert found.survivors == ("step",)
    assert found.confusion["step"]["step"] > 0.9


@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_a_break_that_is_there_is_found(rho: float) -> None:
    curve = 2 * X**-0.5 * (1 + (X / 11) ** 5) ** (0.3 / 5)
    found = compare(X, noisy(curve, rho, 3), (POWER_FLOOR, ONE_BREAK), simulations=100)
    assert found.pairs[0].preferred == "one break"
    assert found.pairs[0].power >= 0.8


def test_correlated_noise_is_not_a_break() -> None:
    """AICc prefers a break in nine of ten such curves (bench/compare.py counts both on many)."""
    breaks = 0
    for seed in range(12):
        y = noisy(2 * (0.3 + 0.7 * X**-0.5), 0.9, seed)
        breaks += compare(X, y, (POWER_FLOOR, ONE_BREAK), simulations=60).pairs[0].p_first <= 0.05
    assert breaks <= 3  # 5 % expected; more than 3 of 12 has a chance below 0.3 %


def test_too_short_a_range_cannot_tell_and_says_what_would() -> None:
    x = np.geomspace(1, 10, 12)
    y = 2 * (0.3 + 0.7 * x**-0.5) * np.exp(0.02 * np.random.default_rng(2).normal(size=12))
    found = compare(x, y, (POWER, POWER_FLOOR), simulations=150)
    assert found.survivors == ("power", "power + floor")
    assert found.verdict == "The data cannot tell power and power + floor apart."
    (settling,) = found.settling
    assert settling.x > x.max()
    assert settling.power >= 0.8


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_correlation_is_estimated_without_bias(rho: float) -> None:
    z = np.log(X)
    jacobian = np.stack([np.ones_like(z), z, z**2])
    basis = np.linalg.qr(jacobian.T)[0]
    found = []
    for seed in range(60):
        errors = autoregressive(rho, (1, z.size), np.random.default_rng(seed))[0]
        found.append(estimate_noise(errors - basis @ (basis.T @ errors), jacobian, z, repeated=False).rho)
    assert np.median(found) == pytest.approx(rho, abs=0.1)


def test_noise_that_grows_is_seen() -> None:
    z = np.linspace(0, 6, 80)
    errors = np.random.default_rng(0).normal(size=80) * np.exp(0.5 * z)
    shape = estimate_noise(errors, np.ones((1, 80)), z, repeated=False).shape
    assert 5 < shape[-1] / shape[0] < 60  # truth: e^3 = 20


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_same_seed_gives_the_same_comparison(seed: int) -> None:
    y = noisy(2 * X**-0.3, 0.3, seed)[::4]
    once, again = (compare(X[::4], y, (POWER, POWER_FLOOR), simulations=40, seed=seed) for _ in range(2))
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
        ([1, 2, 3, 4], [4, 3, 2, 1], "can be fitted; two are needed"),
    ],
)
def test_bad_input_is_one_sentence(x: list[float], y: list[float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        compare(x, y, (POWER, ONE_BREAK, POWER_FLOOR) if len(x) == 4 else None)
