"""trend: planted changes and interactions, and the published curves whose trend depends on how models were trained."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import scalewise as sw
from scalewise.errors import ScalewiseError
from scalewise.questions.outcomes import Outcomes
from scalewise.questions.trend.contrast import any_differs, contrasts
from scalewise.questions.trend.level import Level, Stretch

SIZES = np.geomspace(1e6, 1e9, 10)


def world(slopes: dict[str, float], noise: float = 0.02, seed: int = 0, seeds: int = 1) -> pl.DataFrame:
    """A line in log x at each level of `data`, between 0.5 and what its slope per tenfold adds to it."""
    rng = np.random.default_rng(seed)
    sizes = np.tile(SIZES, seeds)
    parts = [
        pl.DataFrame(
            {
                "params": sizes,
                "data": [name] * sizes.size,
                "score": 0.5 + slope * np.log10(sizes / 1e6) + rng.normal(0, noise, sizes.size),
            }
        )
        for name, slope in slopes.items()
    ]
    return pl.concat(parts)


def asked(table: pl.DataFrame, **options: Any) -> sw.Answer:
    return sw.ask("trend", table, **{"y": "score", "resamples": 300, **options})


def row(answer: sw.Answer, title: str, first: str) -> dict[str, Any]:
    finding = answer.finding(title)
    return next(dict(zip(finding.columns, r, strict=True)) for r in finding.rows if r[0] == first)


def test_a_planted_change_is_found_with_its_size() -> None:
    answer = asked(world({"web": 0.1}))
    assert answer.verdict == "yes"
    found = row(answer, "How the outcome changes", "all runs")
    assert found["change_low"] < 0.3 < found["change_high"]
    assert found["per_tenfold_low"] < 0.1 < found["per_tenfold_high"]
    assert found["change_high"] - found["change_low"] < 0.12
    assert found["likeliest_law"] == "logarithm"
    assert "score rises by 0.288 [0." in answer.sentence


def test_many_runs_without_a_trend_say_no_and_few_cannot_tell() -> None:
    many = asked(world({"web": 0.0}, noise=0.05, seeds=6), smallest=0.1)
    assert many.verdict == "no"
    assert "does not change with params by as much as 0.1" in many.sentence
    few = asked(world({"web": 0.01}, noise=0.05).head(5))
    assert few.verdict == "the data cannot tell"
    assert few.next_run


def test_opposite_trends_are_one_interaction() -> None:
    table = world({"web": 0.1, "books": -0.1})
    answer = asked(table, by="data")
    assert answer.verdict == "yes"
    assert "the effect of params depends on data" in answer.sentence
    difference = row(answer, "Differences between the trends", "books")
    assert difference["per_tenfold_low"] < 0.2 < difference["per_tenfold_high"]
    together = row(answer, "How the outcome changes", "all together")
    assert together["change_low"] < 0 < together["change_high"]


def test_without_being_asked_the_column_that_changes_the_trend_is_named() -> None:
    answer = asked(world({"web": 0.1, "books": -0.1}).with_columns(shuffle=pl.Series([True, False] * 10)))
    assert "the trend differs with data, so ask again with --by data" in answer.sentence
    assert {r[0] for r in answer.finding("Columns on which the trend depends").rows} == {"data"}
    alike = asked(world({"web": 0.1, "books": 0.1}))
    assert "ask again" not in alike.sentence


def test_the_same_trend_at_every_level_is_no_interaction() -> None:
    answer = asked(world({"web": 0.1, "books": 0.1, "code": 0.1}, noise=0.01, seeds=4), by="data", smallest=0.08)
    assert answer.verdict == "no"
    assert "the effect of params is the same at every data" in answer.sentence


@pytest.mark.slow
@pytest.mark.parametrize("levels", [2, 4])
def test_intervals_hold_the_change_and_interactions_are_rarely_invented(levels: int) -> None:
    """Power laws with a floor at twelve sizes: 30 worlds, all levels alike."""
    x, stretch, held, invented = np.geomspace(1, 1000, 12), Stretch(1.0, 1000.0), 0, 0
    truth = 0.7 * (1000**-0.4 - 1)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        fitted = [
            Level.of(
                str(i),
                Outcomes(x, 0.3 + 0.7 * x**-0.4 + rng.normal(0, 0.03, 12), None, 0, pl.DataFrame()),
                None,
                200,
                0,
            )
            for i in range(levels)
        ]
        whole = fitted[0].change(stretch)
        held += whole.low <= truth <= whole.high
        invented += any_differs(contrasts(fitted, stretch, fitted[0].average.noise, seed)) >= 0.95
    assert held >= 25
    assert invented <= 3


def test_what_falls_to_nothing_vanishes_and_what_falls_to_a_floor_does_not() -> None:
    x = np.geomspace(1, 1e4, 20)
    rng = np.random.default_rng(3)
    for floor, vanishes in ((0.0, True), (0.3, False)):
        y = (floor + x**-0.5) * np.exp(rng.normal(0, 0.01, 20))
        answer = asked(pl.DataFrame({"tokens": x, "score": y}), x="tokens", within=1000.0, limit=0.0)
        found = row(answer, "Does it vanish", "all runs")
        assert (found["P(vanishes)"] > 0.9) == vanishes
        assert (found["P(vanishes)"] < 0.1) != vanishes


def crossed(data: Path) -> pl.DataFrame:
    sizes = {"small": 6e7, "base": 2.2e8, "large": 7.7e8}
    return pl.read_csv(data / "compositional_t5" / "cogs_t5_sizes.csv").select(
        pl.col("model").str.extract(r"t5-(\w+)_").replace_strict(sizes).alias("params"),
        pl.col("model").str.extract(r"_(\w+)$").alias("training"),
        "condition",
        pl.col("accuracy").alias("score"),
    )


def test_pretraining_turns_the_effect_of_size_on_cogs(shared: Path) -> None:
    """Orhan 2021: .48, .27, .14 from scratch and .72, .83, .83 pretrained, over 21 types of generalisation and all."""
    table = crossed(shared)
    means = table.group_by("training", "params").agg(pl.col("score").mean()).sort("training", "params")["score"]
    assert means.to_list() == pytest.approx([0.719, 0.827, 0.829, 0.480, 0.272, 0.138], abs=0.001)
    answer = asked(table, by="training", cluster="condition", resamples=1000)
    assert answer.verdict == "yes"
    scratch, pretrained = (row(answer, "How the outcome changes", n) for n in ("scratch", "pretrained"))
    assert scratch["change"] == pytest.approx(-0.342, abs=0.03)
    assert scratch["change_high"] < -0.1
    assert -0.02 < pretrained["change_low"] < 0.11 < pretrained["change_high"]
    assert "untuned-rate" in {w.code for w in answer.warnings}
    assert any("not another training of a size" in line for line in answer.assumptions)


def seeds_of_cogs(data: Path) -> pl.DataFrame:
    """Five to ten seeds of three sizes: the mean over 21 types of generalisation."""
    sizes = {"marian": 7.4e7, "base": 2.2e8, "3b": 2.85e9}
    kept = pl.col("model").is_in(["t5", "t5_scr", "t5_base", "t5_base_scr", "marian_defr", "marian_defr_scr"])
    runs = pl.read_csv(data / "compositional_t5" / "cogs.csv.gz").filter(
        kept & (pl.col("condition") != "overall") & ((pl.col("model") != "t5_base") | (pl.col("epochs") == 10))
    )
    scratch = pl.col("model").str.ends_with("_scr")
    return (
        runs.group_by("group", "model", "epochs", "seed")
        .agg(pl.col("accuracy").mean().alias("score"))
        .with_columns(
            pl.col("group").replace_strict(sizes).alias("params"),
            pl.when(scratch).then(pl.lit("scratch")).otherwise(pl.lit("pretrained")).alias("training"),
        )
        .drop("group", "model")
        .sort("training", "params", "seed")
    )


def test_the_confounder_of_size_is_named(shared: Path) -> None:
    """.63, .32, .155 from scratch, but with 100, 100 and 40 epochs; .83, .77, .84 pretrained."""
    table = seeds_of_cogs(shared)
    answer = asked(table, by="training")
    assert answer.verdict == "yes"
    assert row(answer, "How the outcome changes", "scratch")["change"] == pytest.approx(-0.472, abs=0.01)
    assert abs(row(answer, "How the outcome changes", "pretrained")["change"]) < 0.02
    warning = next(w for w in answer.warnings if w.code == "confounded-scale")
    assert "epochs (100, 100, 40 at training = scratch)" in warning.message
    alone = asked(table)
    assert "ask again with --by training" in alone.sentence


def test_human_like_video_helps_by_the_logarithm_of_its_hours(shared: Path) -> None:
    """Orhan 2023: ViT-S gains 5.7 points of top-5 accuracy for ten times the hours, linear in log hours."""
    table = pl.read_csv(shared / "humanlike_vits" / "summary.csv").filter(pl.col("params") < 4e7)
    answer = asked(table, x="video_hours", y="best_acc5")
    found = row(answer, "How the outcome changes", "all runs")
    assert found["per_tenfold"] == pytest.approx(5.7, abs=0.3)
    assert found["likeliest_law"] == "logarithm"


def test_three_runs_a_level_are_to_be_repeated_first() -> None:
    table = world({"web": 0.1, "books": -0.02}, noise=0.1)
    three = table.filter(pl.col("params").is_in(SIZES[[0, 4, 9]]))
    answer = asked(three, by="data")
    assert answer.verdict == "the data cannot tell"
    assert answer.next_run
    assert "every one of its 3 runs once more" in answer.next_run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": "parms"}, "no such column"),
        ({"y": "data"}, "not numbers"),
        ({"by": "single"}, "has 1 levels"),
        ({"by": "params"}, "needs 3 different params"),
        ({"by": "apart"}, "no stretch of params in common"),
        ({"x": "few"}, "at least 3"),
        ({"y": "constant"}, "nothing that changes"),
        ({"smallest": -1.0}, "at least 0"),
        ({"within": 0.5}, "at least 1"),
    ],
)
def test_wrong_use_is_explained(options: dict[str, Any], message: str) -> None:
    table = world({"web": 0.1}).with_columns(
        single=pl.lit("a"),
        few=pl.lit(2.0),
        constant=pl.lit(1.0),
        apart=pl.when(pl.col("params") < 3e7).then(pl.lit("small")).otherwise(pl.lit("large")),
    )
    with pytest.raises(ScalewiseError, match=message) as caught:
        asked(table, **options)
    assert str(caught.value).count("\n") == 0
