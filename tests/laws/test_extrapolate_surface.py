"""Laws of size and data averaged: planted surfaces, and larger runs of public data sets that were withheld."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from scalewise.laws import CHINCHILLA, extrapolate_surface, fit_law
from scalewise.laws.residual import LOG_HUBER

SMALL = 0.3


def world(seed: int, misfit: float = 0.0, count: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Params, tokens and losses of `count` runs; the cheapest may be worse than the law by `misfit`."""
    rng = np.random.default_rng(seed)
    n, d = np.exp(rng.uniform(np.log([1e7, 2e8]), np.log([3e9, 6e10]), size=(count, 2))).T
    loss = 1.7 + 400 / n**0.35 + 1500 / d**0.38
    return n, d, loss * (1 + misfit * (1e16 / (6 * n * d)) ** 0.5) * np.exp(rng.normal(0, 0.004, count))


def withheld(n: np.ndarray, d: np.ndarray, y: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Log errors on the runs of more than 1 / factor of the largest compute: averaged, published; and two coverages."""
    late = n * d > (n * d).max() / factor
    x = np.stack([n, d], axis=1)
    forecast = extrapolate_surface(n[~late], d[~late], y[~late]).forecast(x[late])
    recipe = fit_law(CHINCHILLA, x[~late], y[~late], resamples=0, residual=LOG_HUBER).curves(x[late])[0]
    low, high = forecast.interval(0.95)
    tight, wide = forecast.interval(0.5)
    held = [float(np.mean((a <= y[late]) & (y[late] <= b))) for a, b in ((low, high), (tight, wide))]
    return np.log(forecast.median / y[late]), np.log(recipe / y[late]), held[0], held[1]


def test_a_true_law_is_continued_within_its_noise() -> None:
    errors, _, held, _ = withheld(*world(0), factor=10)
    assert np.sqrt(np.mean(errors**2)) < 0.01
    assert held == 1.0


@pytest.mark.slow
def test_intervals_hold_where_a_law_is_true_and_are_not_everything() -> None:
    held = np.array([withheld(*world(seed), factor=10)[2:] for seed in range(30)])
    assert held[:, 0].mean() >= 0.93
    assert held[:, 1].mean() <= 0.9


def test_small_runs_that_miss_the_law_spoil_the_average_less() -> None:
    """The cheapest runs up to 30 % worse than the law: the published recipe bends its exponents to them."""
    ours, theirs = zip(*(withheld(*world(seed, misfit=SMALL), factor=10)[:2] for seed in range(4)), strict=True)
    assert np.sqrt(np.mean(np.concatenate(ours) ** 2)) < 0.6 * np.sqrt(np.mean(np.concatenate(theirs) ** 2))


def test_withheld_larger_runs_of_public_data(shared: Path) -> None:
    """`bench/surfaces.py` has them all: .40 of the published recipe's error."""
    chinchilla = pl.read_csv(shared / "chinchilla_epoch" / "runs.csv").with_columns(
        (pl.col("flops") / (6 * pl.col("params"))).alias("tokens")
    )
    porian = pl.read_csv(shared / "porian_isoflop" / "isoflop_points.csv").filter(pl.col("dataset") == "rw")
    tuned = porian.filter(pl.col("step") == "5 optimizer tuning, no decay")
    for table, factor in ((chinchilla, 10.0), (chinchilla, 30.0), (tuned, 10.0)):
        n, d, y = (table[c].cast(pl.Float64).to_numpy() for c in ("params", "tokens", "loss"))
        ours, theirs, held, _ = withheld(n, d, y, factor)
        assert np.sqrt(np.mean(ours**2)) < 0.65 * np.sqrt(np.mean(theirs**2))
        assert held >= 0.95


def test_it_depends_on_the_seed_alone_and_on_no_order() -> None:
    n, d, y = world(1)
    new = [[1e10, 2e11]]
    first = extrapolate_surface(n, d, y).forecast(new)
    mixed = np.random.default_rng(2).permutation(n.size)
    second = extrapolate_surface(n[mixed], d[mixed], y[mixed]).forecast(new)
    assert first.centre == second.centre
    assert first.scale == second.scale
    assert sum(first.weights.values()) == pytest.approx(1.0)
    assert first.backtest is not None


def test_too_little_gets_one_sentence() -> None:
    n, d, y = world(0)
    for arguments, sentence in (
        ((n[:5], d[:5], y[:5]), "needs 10 runs of 3 sizes; there are 5 of 5"),
        ((np.full(60, 1e7), d, y), "there are 60 of 1"),
        ((n, d, -y), "y"),
        ((n, d[:-1], y), "60 params, 59 tokens"),
    ):
        with pytest.raises(ValueError, match=sentence):
            extrapolate_surface(*arguments)
    with pytest.raises(ValueError, match="new tokens"):
        extrapolate_surface(n, d, y).forecast([[1e7, -1.0]])
