"""matched-loss in worlds with and without an effect of size; what cannot be asked, and how often it errs."""

from typing import Any

import numpy as np
import polars as pl
import pytest

import scalewise as sw
from scalewise.laws.jackknife import Jackknifed
from scalewise.questions.matched_loss.plan import grown

RISE = "Rise of the outcome with size, at equal loss"
POINTS = 30


def world(
    seed: int, sizes: int = 5, seeds: int = 1, gain: float = 0.0, decades: float = 1.5, own: float = 0.004
) -> pl.DataFrame:
    """Checkpoints of runs whose accuracy is a logistic in loss, plus `gain` per tenfold size.

    Each size errs by itself with standard deviation `own`, each run with half of it, and points of a run follow each
    other.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for n in np.geomspace(1e7, 1e7 * 10**decades, sizes):
        of_size = rng.normal(0, own)
        for repeat in range(seeds):
            tokens = np.geomspace(3e8, 6e10, POINTS)
            loss = 1.7 + 400 / n**0.34 + 1500 / tokens**0.38 + rng.normal(0, 0.003, POINTS)
            noise = np.convolve(rng.normal(0, own, POINTS), [1.0, 0.5, 0.25])[:POINTS]
            y = 0.25 + 0.6 / (1 + np.exp(4 * (loss - 3.0))) + gain * np.log10(n / 1e7) + noise
            y += of_size + rng.normal(0, own / 2)
            rows += [(f"{n:.3g}-{repeat}", n, t, float(a), float(b)) for t, a, b in zip(tokens, loss, y, strict=True)]
    return pl.DataFrame(rows, ["run", "params", "tokens", "loss", "accuracy"], orient="row")


def rise(answer: sw.Answer) -> tuple[float, float, float]:
    """Per tenfold size, with its interval."""
    _, value, low, high = answer.finding(RISE).rows[0]
    return float(str(value)), float(str(low)), float(str(high))


def test_where_loss_is_all_that_matters_nothing_is_found() -> None:
    answer = sw.ask("matched-loss", world(0, sizes=8))
    value, low, high = rise(answer)
    assert answer.verdict == "the data cannot tell"
    assert low < 0 < high
    assert abs(value) < 0.01
    assert answer.next_run is not None


def test_a_small_effect_is_no_to_a_gain_that_would_matter() -> None:
    answer = sw.ask("matched-loss", world(0, sizes=8), least=0.03)
    assert answer.verdict == "no"
    assert answer.claim.endswith("by at least 0.03 per tenfold params")
    assert answer.next_run is None


@pytest.mark.parametrize(("gain", "verdict"), [(0.03, "yes"), (-0.03, "no")])
def test_an_effect_is_found(gain: float, verdict: str) -> None:
    answer = sw.ask("matched-loss", world(1, sizes=8, gain=gain))
    value, low, high = rise(answer)
    assert answer.verdict == verdict
    assert low < gain < high
    assert value == pytest.approx(gain, abs=0.01)
    gaps = answer.finding("Gap of neighbouring sizes over the losses they share")
    assert len(gaps.rows) == 7
    truth = gain * 1.5 / 7
    inside = [float(str(row[6])) <= truth <= float(str(row[7])) for row in gaps.rows]
    assert sum(inside) >= 6


def test_lower_may_be_better() -> None:
    table = world(1, sizes=8, gain=0.03).with_columns((1 - pl.col("accuracy")).alias("error"))
    answer = sw.ask("matched-loss", table, y="error")
    assert answer.verdict == "yes"
    assert answer.claim == "at the same loss a bigger model has the lower error"
    higher = sw.ask("matched-loss", table)
    assert answer.probability == pytest.approx(higher.probability, abs=1e-9)
    assert rise(answer)[0] == pytest.approx(-rise(higher)[0], abs=1e-9)


def test_points_at_a_loss_of_one_size_only_do_not_count() -> None:
    """Whatever the largest size does below every other's loss says nothing about equal loss."""
    table = world(2)
    lowest = float(str(table.filter(pl.col("params") < table["params"].max())["loss"].min()))
    alone = pl.col("loss") < lowest
    assert table.filter(alone).height > 3
    changed = table.with_columns(pl.when(alone).then(0.99).otherwise(pl.col("accuracy")).alias("accuracy"))
    assert sw.ask("matched-loss", changed).findings == sw.ask("matched-loss", table).findings


def test_without_overlap_it_refuses_with_the_ranges() -> None:
    table = world(3, sizes=2, decades=3.5).filter(pl.col("tokens") > 3e9)
    answer = sw.ask("matched-loss", table)
    assert answer.verdict == "the data cannot tell"
    assert answer.probability is None
    low, high = (table.filter(pl.col("params") == 1e7)["loss"].sort()[i] for i in (0, -1))
    assert answer.sentence.startswith("No two sizes were observed at the same loss (params 10M: ")
    assert f"10M: {low:.4g} to {high:.4g}" in answer.sentence
    assert answer.next_run is not None
    assert f"its loss was between {low:.4g} and {high:.4g}" in answer.next_run
    assert "costs no training" in answer.next_run
    assert answer.charts


def test_sizes_apart_from_the_rest_are_left_out_and_named() -> None:
    far = world(4, sizes=2, decades=0.1).with_columns(pl.col("params") / 1e4, pl.col("loss") + 5, pl.col("run") + "far")
    answer = sw.ask("matched-loss", pl.concat([world(4), far]))
    assert rise(answer) == pytest.approx(rise(sw.ask("matched-loss", world(4))))
    assert any("nothing is said of 1k, 1.26k" in line for line in answer.assumptions)


def test_two_sizes_cannot_tell_size_from_chance() -> None:
    answer = sw.ask("matched-loss", world(5, sizes=2, seeds=3, gain=0.1, decades=0.7))
    assert answer.probability is None
    assert "there are only 2 sizes, so nothing shows how much a size differs by itself" in answer.sentence
    assert str(answer.next_run).startswith("1 more size with losses from ")
    runs = sw.ask("matched-loss", world(5, sizes=2, seeds=3, gain=0.1, decades=0.7), cluster="run")
    assert runs.verdict == "yes"


def test_an_error_that_rests_on_one_run_is_not_given() -> None:
    """Without the middle size, the smallest and the largest share no loss."""
    table = pl.concat([world(6, sizes=2, decades=0.4), world(7, sizes=1).with_columns(pl.lit("b").alias("run"))])
    two = table.filter(pl.col("params") > 1e7)
    lone = sw.ask("matched-loss", table, cluster="run")
    assert two["run"].n_unique() == 1
    assert lone.probability is None
    assert "no losses overlap" in lone.sentence


def test_two_points_show_nothing() -> None:
    rows = [("a", 1e7, 3.0, 0.4), ("a", 1e7, 3.2, 0.3), ("b", 1e8, 3.1, 0.4), ("b", 1e8, 3.3, 0.3)]
    answer = sw.ask("matched-loss", pl.DataFrame(rows, ["run", "params", "loss", "accuracy"], orient="row"))
    assert answer.probability is None
    assert answer.sentence.startswith("The 2 points at a loss that several sizes share, from 3.1 to 3.2, do not show")
    assert str(answer.next_run).startswith("score more checkpoints of every size at a loss from 3.1 to 3.2")


def test_points_of_unknown_size_are_counted() -> None:
    table = world(12).with_columns(
        pl.when(pl.int_range(pl.len()) == 7).then(None).otherwise(pl.col("params")).alias("weights")
    )
    answer = sw.ask("matched-loss", table, size="weights")
    assert "'weights' is known: 149 of 150 rows kept" in answer.reading


def test_items_and_errors_weigh_points() -> None:
    table = world(8, own=0.001).with_columns(pl.lit(0.01).alias("se"), pl.lit(400).alias("n"))
    plain = rise(sw.ask("matched-loss", table))
    assert rise(sw.ask("matched-loss", table, errors="se")) == pytest.approx(plain, abs=1e-9)
    assert rise(sw.ask("matched-loss", table, items="n")) == pytest.approx(plain, abs=0.005)
    assert rise(sw.ask("matched-loss", table, items="n")) == rise(sw.ask("matched-loss", table, items="400"))
    spoilt = pl.when(pl.int_range(pl.len()) % 7 == 0)
    noisy = table.with_columns(
        spoilt.then(pl.col("accuracy") + 0.1).otherwise(pl.col("accuracy")).alias("accuracy"),
        spoilt.then(10.0).otherwise(0.01).alias("se"),
    )
    assert rise(sw.ask("matched-loss", noisy, errors="se"))[0] == pytest.approx(plain[0], abs=0.004)


def test_the_next_sizes_are_costed() -> None:
    table = world(14, sizes=5, gain=0.012)
    text = str(sw.ask("matched-loss", table).next_run)
    assert text.startswith("12 more sizes between 10M and 316M, scored along the way (")
    each = 6 * np.geomspace(1e7, 10**8.5, 5).mean() * 6e10
    assert float(text.split("(")[1].split(" flops)", maxsplit=1)[0]) == pytest.approx(12 * each, rel=0.01)
    assert "they settle it with 88 % power" in text
    assert str(sw.ask("matched-loss", table, budget=1e3).next_run).startswith("nothing within 1e3 flops would; 12 more")


def test_more_sizes_bring_the_interval_that_was_promised() -> None:
    """Half widths: promised from five sizes for seven more, and found with twelve; medians of ten worlds."""
    five, twelve = (
        np.median([np.diff(rise(sw.ask("matched-loss", world(seed, sizes)))[1:])[0] / 2 for seed in range(10)])
        for sizes in (5, 12)
    )
    error = five / Jackknifed(0.0, 1.0, 5).estimate().high
    _, promised = grown(Jackknifed(0.0, error, 5), 0.0, 7)
    assert promised.high == pytest.approx(twelve, rel=0.3)


def test_the_order_of_rows_does_not_matter() -> None:
    table = world(9, seeds=2)
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=1)
    assert sw.ask("matched-loss", shuffled).findings == sw.ask("matched-loss", table).findings


def test_only_ends_of_runs() -> None:
    """One point a run: a suite of sizes and lengths without checkpoints."""
    rng = np.random.default_rng(0)
    rows = [
        (f"{i}-{j}", 1e7 * 3**i, 1.7 + 400 / (1e7 * 3**i) ** 0.34 + 1500 / (1e9 * 3**j) ** 0.38)
        for i in range(5)
        for j in range(5)
    ]
    table = pl.DataFrame(rows, ["run", "params", "loss"], orient="row")
    table = table.with_columns((1.2 - 0.2 * pl.col("loss") + pl.Series(rng.normal(0, 0.002, 25))).alias("accuracy"))
    answer = sw.ask("matched-loss", table, points="ended")
    _, low, high = rise(answer)
    assert low < 0 < high
    assert high - low < 0.05


def test_diverged_runs_are_left_out() -> None:
    table = world(10).with_columns(pl.when(pl.col("params") == 1e7).then(pl.lit("diverged")).alias("state"))
    answer = sw.ask("matched-loss", table)
    assert len(answer.finding("Losses of each size").rows) == 4
    assert "diverged-runs" in {w.code for w in answer.warnings}


@pytest.mark.parametrize(
    ("table", "options", "sentence"),
    [
        (world(0).filter(pl.col("params") == 1e7), {}, "every model has params 1e+07; matched-loss compares sizes"),
        (world(0), {"loss": "val"}, "--loss val: there is no such column"),
        (world(0), {"y": "acuracy"}, "did you mean 'accuracy'?"),
        (world(0).with_columns(pl.lit("x").alias("kind")), {"size": "kind"}, "'kind' holds String, not numbers"),
        (world(0).rename({"accuracy": "value"}), {"y": "value"}, "say --better higher or --better lower"),
        (world(0).with_columns(pl.lit(0.5).alias("accuracy")), {}, "accuracy is 0.5 everywhere"),
        (world(0).with_columns(pl.col("loss") - 3.2), {"loss": "loss"}, "must be greater than 0"),
        (world(0).with_columns((pl.col("loss") - 9).alias("gap")), {"loss": "gap"}, "'gap' must be greater than 0; it"),
        (world(0), {"items": "100", "errors": "accuracy"}, "not both"),
        (
            pl.concat([world(0).with_columns(pl.lit(g).alias("group"), g + pl.col("run")) for g in "ab"]),
            {},
            "choose one with --group 'a'",
        ),
        (world(0).with_columns(pl.lit(None, pl.Float64).alias("accuracy")), {}, "no row of a run that trained"),
    ],
)  # fmt: skip
def test_bad_input_is_named(table: pl.DataFrame, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(sw.ScalewiseError) as error:
        sw.ask("matched-loss", table, **options)
    assert sentence in str(error.value)
    assert str(error.value).endswith(".")


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "seeds"), [(3, 1), (4, 1), (5, 3), (8, 1)])
def test_verdicts_err_rarely_however_few_the_sizes(sizes: int, seeds: int) -> None:
    """No effect: 5 % may be yes, 5 % no, and the interval holds 0 in 95 %."""
    held, verdicts = [], []
    for seed in range(40):
        answer = sw.ask("matched-loss", world(seed + 100, sizes, seeds))
        _, low, high = rise(answer)
        held.append(low <= 0 <= high)
        verdicts.append(answer.verdict)
    assert np.mean(held) >= 0.88
    assert verdicts.count("yes") <= 5
    assert verdicts.count("no") <= 5
