"""Continuing a curve: exact laws, coverage on simulated and real curves, and one sentence for bad input."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.integrate import quad
from tests.conftest import SHARED

from scalewise.laws import extrapolate

CURVES = SHARED / "extrapolation_benchmark" / "curves.csv.gz"
X = np.geomspace(1e3, 1e6, 40)


@pytest.mark.parametrize("floor", [0.0, 0.5, 1.5])
def test_a_nearly_exact_law_is_continued(floor: float) -> None:
    y = (floor + 8 * X**-0.3) * np.exp(np.random.default_rng(0).normal(0, 1e-4, X.size))
    found = extrapolate(X, y, [2e6, 1e7])
    np.testing.assert_allclose(found.median, floor + 8 * np.array([2e6, 1e7]) ** -0.3, rtol=0.01)
    assert sum(found.weights.values()) == pytest.approx(1)
    assert found.backtest is not None


def test_a_rising_curve_is_continued() -> None:
    y = 0.9 - 2.0 * X**-0.2 + np.random.default_rng(0).normal(0, 1e-3, X.size)
    found = extrapolate(X, y, 3e6, direction="up")
    low, high = found.interval(0.95)
    assert low[0] < 0.9 - 2.0 * 3e6**-0.2 < high[0]
    assert high[0] - low[0] < 0.08


def test_intervals_cover_what_was_withheld() -> None:
    """New observations twice beyond the data, over 60 curves with and without a floor, nominal 90 %."""
    covered = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        floor = 0.0 if seed % 2 else 1.0
        truth = floor + 8 * np.append(X, [1.5e6, 2e6]) ** -0.3
        y = truth * np.exp(rng.normal(0, 0.01, truth.size))
        low, high = extrapolate(X, y[:40], [1.5e6, 2e6], seed=seed).interval(0.9)
        covered += list((low <= y[40:]) & (y[40:] <= high))
    assert 0.84 <= np.mean(covered) <= 1.0


def test_farther_is_wider_and_beyond_backtests_it_says_so() -> None:
    y = (1 + 8 * X**-0.3) * np.exp(np.random.default_rng(1).normal(0, 0.01, X.size))
    near, far = extrapolate(X, y, 2e6), extrapolate(X, y, 1e9)
    assert near.backtested
    assert not far.backtested
    assert far.scale[0] > 2 * near.scale[0]


def test_the_density_is_one() -> None:
    y = (1 + 8 * X**-0.3) * np.exp(np.random.default_rng(1).normal(0, 0.01, X.size))
    found = extrapolate(X, y, 2e6)
    total, _ = quad(lambda value: float(np.exp(found.log_density(value))[0]), 0.5, 3, points=[float(found.median[0])])
    assert total == pytest.approx(1, abs=1e-3)


def test_the_same_seed_gives_the_same_forecast() -> None:
    y = (1 + 8 * X**-0.3) * np.exp(np.random.default_rng(1).normal(0, 0.01, X.size))
    once, again = (extrapolate(X, y, [2e6, 3e6], seed=5) for _ in range(2))
    assert np.array_equal(once.centre, again.centre)
    assert np.array_equal(once.scale, again.scale)


def test_few_points_leave_families_out_and_say_which() -> None:
    found = extrapolate([1e3, 1e4, 1e5, 1e6], [3.0, 2.2, 1.8, 1.6], 1e7)
    assert found.backtest is None
    assert found.left_out["one break"] == "6 parameters and 4 distinct x"
    assert 1.2 < found.median[0] < 1.6


@pytest.mark.parametrize(
    ("x", "y", "new", "why"),
    [
        ([1, 2, 3], [3, 2], [4], "one length"),
        ([1, 2, 3, 4], [3, 0, 2, 1], [5], "y must be finite and greater than 0; it is 0 at position 1"),
        ([1, 2, 0, 4], [3, 2, 2, 1], [5], "x must be finite and greater than 0; it is 0 at position 2"),
        ([1, 2, 3, 4], [3, 2, 2, 1], [-5], "x_new must be"),
        ([1, 2, 3, 4], [3, 2, 2, 1], [], "x_new is empty"),
        ([7, 7, 7, 7], [3, 2, 2, 1], [9], "1 distinct x"),
    ],
)
def test_bad_input_is_one_sentence(x: list[float], y: list[float], new: list[float], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        extrapolate(x, y, new)


@pytest.mark.slow
@pytest.mark.skipif(not CURVES.exists(), reason=f"needs the curves of Alabdulmohsin et al. 2022 in {CURVES.parent}")
def test_real_learning_curves() -> None:
    """Against M4, the best published single law: its mean errors on these curves are .0459 and .0105."""
    errors: dict[bool, list[float]] = {True: [], False: []}
    densities: dict[bool, list[float]] = {True: [], False: []}
    covered = []
    for (domain, *_), curve in pl.read_csv(CURVES).group_by("domain", "task", "model", maintain_order=True):
        points = curve.unique(["seen_examples", "loss", "training"]).sort("seen_examples")
        seen, unseen = points.filter(pl.col("training") == 1), points.filter(pl.col("training") == 0)
        found = extrapolate(seen["seen_examples"], seen["loss"], unseen["seen_examples"])
        y = unseen["loss"].to_numpy()
        errors[domain == "IC"].append(float(np.sqrt(np.mean((np.log(y) - found.centre) ** 2))))
        densities[domain == "IC"].append(float(np.mean(found.log_density(y))))
        low, high = found.interval(0.9)
        covered.append(np.mean((low <= y) & (y <= high)))
    assert np.mean(errors[True]) <= 0.0315
    assert np.mean(errors[False]) <= 0.013
    assert np.mean(densities[True]) >= 3.25
    assert 0.86 <= np.mean(covered) <= 0.94


def test_training_curves_go_on_better_with_a_drift(shared: Path) -> None:
    """Gemstones, cut to a quarter of their tokens: every third of 22 models."""
    table = pl.read_csv(shared / "gemstones" / "main_runs.csv.gz").sort("run", "tokens")
    with_drift, without = [], []
    for run in table["run"].unique(maintain_order=True)[::3]:
        x, y = table.filter(pl.col("run") == run).select("tokens", "loss").cast(pl.Float64).to_numpy().T
        seen = x <= x[-1] / 4
        for errors, drift in ((with_drift, True), (without, False)):
            found = extrapolate(x[seen], y[seen], x[~seen], drift=drift)
            assert ("drift" in found.weights) == drift
            errors.append(np.sqrt(np.mean((np.log(y[~seen]) - found.centre) ** 2)))
    assert np.mean(with_drift) < 0.8 * np.mean(without)


@pytest.mark.parametrize("seed", range(6))
def test_a_sigmoid_fall_towards_nothing_stays_above_nothing(seed: int) -> None:
    """A logistic may level off at 0, never below it: a forecast is on the log scale."""
    x = np.geomspace(1, 100, 25)
    y = (0.02 + 0.9 / (1 + (x / 8) ** 1.5)) * np.exp(np.random.default_rng(seed).normal(0, 0.03, 25))
    forecast = extrapolate(x[:18], y[:18], np.geomspace(120, 1e4, 10))
    assert np.isfinite(forecast.median).all()
    assert (forecast.median > 0).all()
