"""equal-compute beyond the data: matching tokens, floors, saturation, slopes and next runs where the law is known."""

import numpy as np
import polars as pl
import pytest

import scalewise as sw
from scalewise.laws import extrapolate
from scalewise.laws.autocorrelation import autoregressive
from scalewise.questions.equal_compute.contest import Contest, Entrant
from scalewise.questions.equal_compute.curves import thinned
from scalewise.questions.equal_compute.slopes import slopes_after

SIZES = np.array([1e7, 2e7, 5e7, 1e8, 3e8, 5e8, 1e9])


def true_loss(params: float, tokens: np.ndarray, floor: float = 1.7) -> np.ndarray:
    return floor + 400 / params**0.35 + 1500 / tokens**0.38


def curves(sd: float = 0.001, floor: float = 1.7, seed: int = 0, sizes: np.ndarray = SIZES) -> pl.DataFrame:
    """Seven training curves that all read 3e10 tokens, with errors that are alike in neighbours."""
    tokens = np.geomspace(3e8, 3e10, 80)
    parts = []
    for i, params in enumerate(sizes):
        noise = sd * autoregressive(0.5, (1, tokens.size), np.random.default_rng([seed, i]))[0]
        parts.append(
            pl.DataFrame({"run": f"r{i}", "params": params, "tokens": tokens})
            .with_columns(loss=pl.Series(true_loss(params, tokens, floor) * np.exp(noise)))
        )  # fmt: skip
    return pl.concat(parts)


MATCH = "Training for a small model to match a big one"


def match(answer: sw.Answer, small: float, by: str = "average") -> dict[str, float]:
    finding = answer.finding(MATCH)
    rows = [dict(zip(finding.columns, row, strict=True)) for row in finding.rows]
    return next(row for row in rows if row["small_params"] == small and row["by"] == by)  # type: ignore[return-value]


def test_tokens_to_match_hold_the_truth() -> None:
    """5e8 params match 1e9 where 400 / N^.35 + 1500 / D^.38 is the same."""
    answer = sw.ask("equal-compute", curves(sd=5e-4), resamples=200, small=5e8, big=1e9)
    assert len({row[1] for row in answer.finding(MATCH).rows}) == 1
    left = true_loss(1e9, np.array([3e10]))[0] - 1.7 - 400 / 5e8**0.35
    truth = (1500 / left) ** (1 / 0.38)
    for by in ("own curve", "joint law", "average"):
        found = match(answer, 5e8, by)
        assert found["tokens_low"] <= truth
        assert found["tokens_high"] is None or truth <= found["tokens_high"]
    assert match(answer, 5e8, "joint law")["tokens"] == pytest.approx(truth, rel=0.3)
    assert match(answer, 5e8)["P(impossible)"] < 0.5


def test_what_is_impossible_is_called_so() -> None:
    """The floor of 1e7 params, 1.7 + 1.42, is above what 1e9 had reached (2.14), and the curve shows it."""
    answer = sw.ask("equal-compute", curves(sd=2e-4), resamples=200, small=1e7)
    assert match(answer, 1e7)["P(impossible)"] > 0.9
    assert match(answer, 1e7)["tokens_high"] is None


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"small": 2e8}, "--small 2e.08: there is no model of that size"),
        ({"big": 1e7}, "--big 10M: it is the smallest"),
        ({"small": 1e9, "big": 2e7}, "--big 20M: it is not larger"),
        ({"small": -1.0}, "--small -1"),
        ({"after": -3.0}, "--after -3: must be a number greater than 0"),
        ({"tolerance": 0.0}, "--tolerance 0: must be a number greater than 0"),
        ({"after": 2.5e10}, "slopes need two such sizes"),
    ],
)
def test_options_that_the_runs_cannot_serve(options: dict[str, float], why: str) -> None:
    with pytest.raises(sw.ScalewiseError, match=why):
        sw.ask("equal-compute", curves(), resamples=20, **options)


def test_slopes_need_tokens() -> None:
    table = pl.DataFrame({"params": [1e7, 1e8], "gpu_hours": [5.0, 9.0], "loss": [3.0, 2.5]})
    with pytest.raises(sw.ScalewiseError, match="--after counts tokens, and the table has none"):
        sw.ask("equal-compute", table, after=1e9)


def saturated(answer: sw.Answer) -> list[object]:
    return [row[-1] for row in answer.finding("Is each curve saturated").rows]


def test_a_flat_curve_is_saturated_and_a_falling_one_is_not() -> None:
    tokens = np.geomspace(1e8, 1e10, 60)
    noise = 0.002 * np.random.default_rng(0).normal(size=(2, 60))
    flat, falling = 2.5 + 40 / tokens**0.4 * np.array([[0.01], [1.0]])
    table = pl.DataFrame(
        {"run": ["a"] * 60 + ["b"] * 60, "params": [1e7] * 60 + [1e8] * 60, "tokens": [*tokens, *tokens],
         "loss": [*(flat + noise[0]), *(falling + 100 / tokens**0.25 + noise[1])]}
    )  # fmt: skip
    assert saturated(sw.ask("equal-compute", table, resamples=200)) == ["the data cannot tell", "no"]
    assert saturated(sw.ask("equal-compute", table, resamples=200, tolerance=0.02)) == ["yes", "no"]
    assert saturated(sw.ask("equal-compute", table, resamples=200, tolerance=2.0)) == ["yes", "yes"]


def line_world(steeper: float, rho: float, sd: float, seed: int) -> pl.DataFrame:
    """Four curves that fall by .036 nats per doubling; the first by more."""
    tokens = np.geomspace(3e10, 1e12, 150)
    parts = []
    for i in range(4):
        slope = 0.12 * (1 + steeper * (i == 0))
        noise = sd * autoregressive(rho, (1, tokens.size), np.random.default_rng([seed, i]))[0]
        loss = 2 - 0.1 * i - slope * np.log10(tokens / 1e11) + noise
        parts.append(
            pl.DataFrame({"run": f"r{i}", "group": "all", "params": 1e9 * 2**i, "tokens": tokens, "loss": loss})
        )
    return pl.concat(parts)


def test_equal_slopes_are_told_from_unequal_ones_and_from_noise() -> None:
    def verdict(steeper: float, sd: float) -> str:
        found, until = slopes_after(line_world(steeper, 0.5, sd, 0), "here", 3e11, 200, 0)
        assert until == 1e12
        assert found[1].falls[1, 0] == pytest.approx(0.12 * np.log10(2), rel=0.5)
        return found[1].verdict()

    assert verdict(0.0, 5e-4) == "yes"
    assert verdict(0.5, 5e-4) == "no"
    assert verdict(0.0, 0.02) == "the data cannot tell"


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_equal_slopes_are_seldom_called_unequal(rho: float) -> None:
    """Nominal 5 %: the interval of the largest of six differences leaves out 0."""
    worlds = (line_world(0.0, rho, 0.004, seed) for seed in range(40))
    called = [slopes_after(world, "here", 3e11, 200, seed)[0][1].verdict() for seed, world in enumerate(worlds)]
    assert called.count("no") <= 5


@pytest.mark.slow
def test_extrapolated_losses_are_inside_their_intervals() -> None:
    """Curves cut to a quarter, nominal 95 %, over four worlds of seven sizes with and without a floor."""
    inside: dict[str, list[bool]] = {"own curve": [], "joint law": [], "average": []}
    for seed in range(4):
        world = curves(sd=0.003, floor=1.7 * (seed % 2) + 0.1, seed=seed)
        cut = world.filter((pl.col("params") == SIZES[-1]) | (pl.col("tokens") <= 3e10 / 4))
        answer = sw.ask("equal-compute", cut, at=6 * SIZES[3] * 3e10, resamples=100, seed=seed)
        for row in answer.finding("Extrapolated to equal compute").rows:
            params, by, low, high = float(str(row[1])), str(row[2]), float(str(row[5])), float(str(row[6]))
            truth = true_loss(params, np.array([SIZES[3] * 3e10 / params]), 1.7 * (seed % 2) + 0.1)[0]
            inside[by].append(low <= truth <= high)
    assert all(np.mean(held) >= 0.88 for held in inside.values())


def test_sizes_that_miss_together_do_not_outvote_the_largest() -> None:
    """Seven sizes that would match the largest with 40 % each are one doubt, not seven."""
    small = [Entrant(0.02, 0.001, 5, missed=0.08)] * 7
    largest = Contest([*small, Entrant(0.0, 0.001, 5)], seed=0).best()[-1]
    alone = Contest([*[Entrant(0.02, 0.08, 5)] * 7, Entrant(0.0, 0.001, 5)], seed=0).best()[-1]
    assert largest is not None
    assert alone is not None
    assert largest > 0.25
    assert alone < 0.1


def test_thinning_a_noisy_curve_does_not_change_its_forecast() -> None:
    rng = np.random.default_rng(0)
    tokens = np.sort(np.exp(rng.uniform(np.log(1e9), np.log(1e11), 5000)))
    loss = true_loss(1e8, tokens) * np.exp(rng.normal(0, 0.02, tokens.size))
    forecasts = [extrapolate(*thinned(tokens, loss, most), [4e11]) for most in (40, 60, 200)]
    truth = float(np.log(true_loss(1e8, np.array([4e11]))[0]))
    for found in forecasts:
        assert found.centre[0] == pytest.approx(forecasts[-1].centre[0], abs=forecasts[-1].scale[0])
        assert abs(found.centre[0] - truth) < 2.5 * found.scale[0]


def test_shared_compute_beyond_forty_levels_is_said_to_be_left_out() -> None:
    levels = np.geomspace(1e18, 1e20, 50)
    table = pl.DataFrame(
        {"params": np.repeat([1e7, 1e8], 50), "flops": np.tile(levels, 2),
         "loss": np.concatenate([3 * (levels / 1e18) ** -0.05, 3.1 * (levels / 1e18) ** -0.07])}
    )  # fmt: skip
    answer = sw.ask("equal-compute", table, resamples=20)
    assert "sizes share more than 40 amounts of compute; the 40 largest are compared" in answer.reading
    assert len(answer.finding("Measured winners at equal compute").rows) == 40
    fewer = sw.ask("equal-compute", table.filter(pl.col("flops") > 5e18), resamples=20)
    assert not any("amounts of compute" in line for line in fewer.reading)


def test_the_next_run_says_its_cost_and_keeps_to_a_budget() -> None:
    # 3e8 params would have to train 3.3 times as long, and might then be as good as 1e9
    world = curves(sd=0.02, sizes=np.array([3e8, 1e9]))
    free = sw.ask("equal-compute", world, resamples=100)
    assert free.verdict == "the data cannot tell"
    target = 6 * 1e9 * 3e10
    assert free.next_run is not None
    assert "train the 300M model with 1.8e20 flops (3.33x what it had) (1.8e20 flops)" in free.next_run
    before, after = (float(part.split(" ")[0].rstrip(",")) for part in free.next_run.split("known to ±")[1:])
    assert after < 0.5 * before
    within = sw.ask("equal-compute", world, resamples=100, budget=target / 2)
    assert within.next_run is not None
    assert "train the 300M model with 9e19 flops" in within.next_run
    _, part = (float(part.split(" ")[0].rstrip(",")) for part in within.next_run.split("known to ±")[1:])
    assert after < part < before
    nothing = sw.ask("equal-compute", world, resamples=100, budget=1e15)
    assert nothing.next_run is not None
    assert nothing.next_run.startswith("nothing within 1e15 flops would; train the 300M model")


def test_more_seeds_are_proposed_where_losses_were_measured() -> None:
    rng = np.random.default_rng(0)
    table = pl.DataFrame(
        {"params": np.repeat([1e7, 2e7], 3), "flops": np.full(6, 1e18), "seed": [0, 1, 2] * 2,
         "loss": 3.0 + np.repeat([0.0, 0.008], 3) + 0.01 * rng.normal(size=6)}
    )  # fmt: skip
    answer = sw.ask("equal-compute", table, budget=1.2e19)
    assert answer.next_run is not None
    assert answer.next_run.startswith("more seeds: ")
    seeds = int(answer.next_run.split(" ")[2])
    assert 1 <= seeds <= 5
    assert f"({2 * seeds}e18 flops)" in answer.next_run or f"({2 * seeds / 10:g}e19 flops)" in answer.next_run
    assert "now known to ±" in answer.next_run


def test_the_command_repeats_every_option_that_was_given() -> None:
    answer = sw.ask(
        "equal-compute", curves(), resamples=50, small=3e8, big=1e9, after=1e10, tolerance=0.01, budget=1e20
    )
    for word in ("small=3e8", "big=1e9", "after=1e10", "tolerance=0.01", "budget=1e20", "resamples=50"):
        assert word in answer.repeat.command
