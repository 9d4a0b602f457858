"""equal-compute: LLaMA's published hours and curves, and worlds whose answer is known."""

import numpy as np
import polars as pl
import pytest

import scalewise as sw


@pytest.fixture
def llama_answer(llama: pl.DataFrame) -> sw.Answer:
    return sw.ask("equal-compute", llama, resamples=100)


def test_how_much_longer_llama_must_train(llama_answer: sw.Answer) -> None:
    """65B hours / 7B hours = 12.40, and 7.56 for 13B (GPU-hours of arXiv 2302.13971, table 15)."""
    rows = llama_answer.finding("How much longer each size must train").rows
    longer = {row[1]: row[3] for row in rows}
    assert longer[6.7e9] == pytest.approx(12.40, abs=0.005)
    assert longer[13e9] == pytest.approx(7.56, abs=0.005)
    assert longer[65.2e9] == 1.0


def test_llama_losses_at_equal_gpu_hours(llama_answer: sw.Answer) -> None:
    """The table of the data's README: medians within 2 % of equal GPU-hours, good to about 0.005."""
    published = {
        (82432.0, 6.7e9): 1.802, (82432.0, 13e9): 1.796, (82432.0, 32.5e9): 1.820, (82432.0, 65.2e9): 1.849,
        (135168.0, 13e9): 1.728, (135168.0, 32.5e9): 1.778, (135168.0, 65.2e9): 1.796,
        (530432.0, 32.5e9): 1.615, (530432.0, 65.2e9): 1.662,
    }  # fmt: skip
    rows = llama_answer.finding("Measured losses at equal compute").rows
    assert {(row[0], row[2]): round(float(str(row[3])), 3) for row in rows} == published


def test_llama_warns_of_unfinished_schedules(llama_answer: sw.Answer) -> None:
    messages = {w.code: w.message for w in llama_answer.warnings}
    assert "finished and unfinished learning-rate schedules" in messages["schedule-cut"]
    assert "12.4 times" in messages["extrapolation"]
    assert llama_answer.verdict == "the data cannot tell"
    assert llama_answer.next_run is not None


def test_gpu_hours_alone_say_how_much_longer(shared: object) -> None:
    hours = pl.DataFrame({"params": [6.7e9, 13e9, 65.2e9], "gpu_hours": [82432, 135168, 1022362]})
    answer = sw.ask("equal-compute", hours)
    assert [row[3] for row in answer.findings[0].rows] == pytest.approx([12.402, 7.564, 1.0], abs=0.001)
    assert answer.probability is None


def test_the_measured_winner_is_the_true_one(known_world: pl.DataFrame) -> None:
    from tests.conftest import known_loss

    answer = sw.ask("equal-compute", known_world)
    sizes = np.unique(known_world["params"].to_numpy())
    for flops, _, params, *_, chance in answer.finding("Measured winners at equal compute").rows:
        losses = known_loss(sizes, float(str(flops)) / (6 * sizes))
        order = np.argsort(losses)
        assert params in sizes[order[:2]]
        if losses[order[1]] > 1.01 * losses[order[0]]:
            assert params == sizes[order[0]]
            assert float(str(chance)) > 0.99


def test_measured_comparison_comes_before_extrapolation(known_world: pl.DataFrame) -> None:
    short = known_world.filter((pl.col("params") > 2e7) | (pl.col("flops") < 9e19))
    titles = [f.title for f in sw.ask("equal-compute", short, resamples=50).findings]
    assert titles.index("Measured losses at equal compute") < titles.index("Extrapolated to equal compute")


def test_two_equal_sizes_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(0)
    table = pl.DataFrame(
        {"params": np.repeat([1e7, 2e7], 3), "flops": np.full(6, 1e18), "seed": [0, 1, 2] * 2,
         "loss": 3.0 + 0.01 * rng.normal(size=6)}
    )  # fmt: skip
    answer = sw.ask("equal-compute", table)
    assert answer.verdict == "the data cannot tell"
    assert answer.next_run is not None
    assert "more seeds" in answer.next_run


def test_a_clear_winner_is_called(known_world: pl.DataFrame) -> None:
    two = known_world.filter(pl.col("params").is_in(known_world["params"].unique().sort().gather([2, 5]).implode()))
    answer = sw.ask("equal-compute", two, at=1e18)
    assert answer.verdict == "no"
    assert answer.probability is not None
    assert answer.probability < 0.01


def test_extrapolations_hold_against_the_truth(known_world: pl.DataFrame) -> None:
    """The smallest size is cut to the lower budgets; its 95 % interval must hold the loss it was denied."""
    small = known_world["params"].min()
    cut = known_world.filter((pl.col("params") != small) | (pl.col("flops") < 9e19))
    answer = sw.ask("equal-compute", cut, compute="flops")
    rows = answer.finding("Extrapolated to equal compute").rows
    truth = known_world.filter((pl.col("params") == small) & (pl.col("flops") > 9e19))["loss"].mean()
    assert [row[2] for row in rows] == ["own curve", "joint law", "average"]
    for row in rows:
        assert float(str(row[5])) <= float(str(truth)) <= float(str(row[6]))
    assert sum(float(str(row[3])) for row in rows[:2]) == pytest.approx(1)
    laws = answer.finding("Laws behind the extrapolation").rows
    assert {"power + floor", "M3", "E + A / N^alpha + B / D^beta"} <= {row[3] for row in laws}
    assert sum(float(str(row[4])) for row in laws) == pytest.approx(1)


def test_rows_in_any_order_give_the_same_answer(known_world: pl.DataFrame) -> None:
    shuffled = known_world.sample(fraction=1.0, shuffle=True, seed=3)
    first, second = (sw.ask("equal-compute", t, resamples=50) for t in (known_world, shuffled))
    assert first.findings == second.findings


def test_one_size_is_refused(known_world: pl.DataFrame) -> None:
    one = known_world.filter(pl.col("params") == known_world["params"].min())
    with pytest.raises(sw.ScalewiseError, match="only one size"):
        sw.ask("equal-compute", one)


def test_a_few_gpu_hours_do_not_hide_the_flops(known_world: pl.DataFrame) -> None:
    sparse = known_world.with_columns(pl.when(pl.col("seed") == 0).then(5.0).alias("gpu_hours"))
    assert "flops the largest size" in sw.ask("equal-compute", sparse, resamples=20).claim


def test_compute_between_the_budgets_is_interpolated(known_world: pl.DataFrame) -> None:
    from tests.conftest import known_loss

    answer = sw.ask("equal-compute", known_world, at=1.8e19, resamples=50)
    assert "(interpolated)" in answer.sentence
    rows = answer.finding("Extrapolated to equal compute").rows
    averages = {row[1]: row[4:7] for row in rows if row[2] == "average"}
    assert len(averages) == 6
    for params, (value, low, high) in averages.items():
        truth = float(known_loss(np.array([params]), np.array([1.8e19 / (6 * params)]))[0])
        assert low <= truth <= high
        assert value == pytest.approx(truth, rel=0.02)


def test_a_size_that_ran_once_is_as_uncertain_as_the_others() -> None:
    rng = np.random.default_rng(1)
    params = np.repeat([1e7, 2e7, 4e7, 8e7, 1.6e8], 3)
    loss = 3.0 + 0.02 * rng.normal(size=15)
    table = pl.DataFrame({"params": params, "flops": [1e18] * 15, "seed": [0, 1, 2] * 5, "loss": loss}).head(13)
    rows = sw.ask("equal-compute", table).finding("Measured losses at equal compute").rows
    once = next(row for row in rows if row[2] == 1.6e8)
    others = [float(str(row[5])) - float(str(row[4])) for row in rows if row[2] != 1.6e8]
    assert float(str(once[5])) - float(str(once[4])) > 1.5 * max(others)
    assert 0.0 < float(str(once[-1])) < 1.0


def test_a_size_of_two_groups_is_one_claim(known_world: pl.DataFrame) -> None:
    worse = known_world.with_columns(pl.lit("bad").alias("group"), pl.col("loss") * 1.2)
    both = pl.concat([known_world.with_columns(pl.lit("good").alias("group")), worse])
    alone = sw.ask("equal-compute", both, group="good", resamples=50)
    together = sw.ask("equal-compute", both, resamples=50)
    assert together.verdict == alone.verdict
    assert "good" in together.sentence
