"""beats: the published averages of DomainBed, worlds whose answer is known, and how often the verdict is wrong."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

import scalewise as sw
from scalewise.errors import QuestionError, TableError
from scalewise.questions.multiplicity import benjamini_hochberg, holm
from scalewise.questions.power import pairs_at_noise, pairs_needed, power_at

RULES = (
    "leave-one-domain-out cross-validation",
    "test-domain validation set (oracle)",
    "training-domain validation set",
)
ENVIRONMENTS = "dataset != 'Averages' and test_environment != 'Avg'"


def two(n: int, advantage: float, rng: np.random.Generator, sd: float = 1.0) -> pl.DataFrame:
    """Methods a and b on n seeds that matter more than the methods do; a is better by `advantage`."""
    seed_luck = rng.normal(0, 5, n)
    scores = np.concatenate([seed_luck + advantage + sd * rng.normal(size=n), seed_luck])
    return pl.DataFrame({"method": ["a"] * n + ["b"] * n, "seed": [*range(n)] * 2, "score": scores})


def cell(answer: sw.Answer, finding: str, column: str, row: int = 0) -> float:
    found = answer.finding(finding)
    return float(str(found.rows[row][found.columns.index(column)]))


@pytest.fixture
def domainbed(shared: Path) -> sw.Runs:
    return sw.read(shared / "domainbed_published" / "results.csv")


def test_the_published_averages_of_domainbed(domainbed: sw.Runs) -> None:
    """ERM, IRM and CORAL under three rules; the paper's table, rounded to one decimal."""
    published = {
        (RULES[2], "ERM"): 66.6, (RULES[2], "IRM"): 65.4, (RULES[2], "CORAL"): 67.5,
        (RULES[0], "ERM"): 63.2, (RULES[0], "IRM"): 62.0, (RULES[0], "CORAL"): 65.0,
        (RULES[1], "ERM"): 68.7, (RULES[1], "IRM"): 66.9, (RULES[1], "CORAL"): 69.2,
    }  # fmt: skip
    for where, pair in (
        (ENVIRONMENTS, "dataset"),
        ("dataset == 'Averages' and test_environment != 'Avg'", "test_environment"),
    ):
        answer = sw.ask(
            "beats", domainbed.filtered(where), by="algorithm", a="ERM", y="accuracy_percent", pair=[pair],
            selection="model_selection", resamples=50,
        )  # fmt: skip
        means = {(row[0], row[1]): row[3] for row in answer.finding("Averages").rows}
        for key, value in published.items():
            assert means[key] == pytest.approx(value / 100, abs=0.001)


def test_erm_against_irm_is_not_settled_under_any_rule(domainbed: sw.Runs) -> None:
    answer = sw.ask(
        "beats", domainbed.filtered(ENVIRONMENTS), by="algorithm", a="ERM", b="IRM", y="accuracy_percent",
        pair=["dataset"], selection="model_selection",
    )  # fmt: skip
    assert answer.verdict == "the data cannot tell"
    rows = answer.finding("Comparisons").rows
    assert [row[0] for row in rows] == list(RULES)
    assert [row[3] for row in rows] == pytest.approx([0.0117, 0.0177, 0.0122], abs=1e-4)
    assert all(row[6] == 7 for row in rows)
    changed = answer.finding("What the selection rule changes")
    assert len(changed.rows) == 3
    assert answer.next_run is not None
    assert "more pairs (dataset)" in answer.next_run


def test_nothing_beats_erm_by_a_point_with_training_domain_selection(domainbed: sw.Runs) -> None:
    """The paper's claim; the strongest, CORAL, is 0.9 better."""
    rows = domainbed.filtered(f"{ENVIRONMENTS} and model_selection == '{RULES[2]}'")
    answer = sw.ask("beats", rows, by="algorithm", b="ERM", y="accuracy_percent", pair=["dataset"], margin=0.01)
    assert answer.verdict == "the data cannot tell"
    best = max(answer.finding("Comparisons").rows, key=lambda row: float(str(row[2])))
    assert best[0] == "CORAL"
    assert best[2] == pytest.approx(0.009, abs=5e-4)
    assert f"every model was selected by one rule: {RULES[2]}" in answer.assumptions


def test_a_margin_in_points_of_a_share_is_pointed_out(domainbed: sw.Runs) -> None:
    with pytest.raises(QuestionError, match="accuracy is a share here"):
        sw.ask("beats", domainbed, by="algorithm", y="accuracy_percent", margin=1.0)


def test_no_ranking_without_a_selection_rule(domainbed: sw.Runs) -> None:
    asked = {"by": "algorithm", "y": "accuracy_percent", "pair": ["dataset"]}
    with pytest.raises(
        QuestionError, match=r"holds 3 of them .* --selection model_selection, or keep one with --where"
    ):
        sw.ask("beats", domainbed, **asked)
    unstated = domainbed.table.drop("model_selection", "run", "group")
    with pytest.raises(QuestionError, match="'test_environment' holds worlds that training has not seen"):
        sw.ask("beats", unstated, **asked)
    holes = domainbed.table.drop("run", "group").with_columns(pl.col("model_selection").replace(RULES[0], None))
    with pytest.raises(QuestionError, match="644 rows do not state their selection rule"):
        sw.ask("beats", holes, selection="model_selection", **asked)


@pytest.mark.parametrize(("advantage", "verdict"), [(2.0, "yes"), (-2.0, "no"), (0.1, "the data cannot tell")])
def test_a_planted_difference_is_found(advantage: float, verdict: str) -> None:
    answer = sw.ask("beats", two(8, advantage, np.random.default_rng(1)), by="method", a="a", b="b", y="score")
    assert answer.verdict == verdict
    assert (answer.next_run is not None) == (verdict == "the data cannot tell")
    low, high = cell(answer, "Comparisons", "advantage_low"), cell(answer, "Comparisons", "advantage_high")
    assert low < advantage < high


def test_pairs_are_compared_as_pairs() -> None:
    """Seeds differ by far more than the methods: only pairing shows the difference."""
    table = two(8, 2.0, np.random.default_rng(2))
    alone = sw.ask("beats", table.with_columns(seed=pl.int_range(16)), by="method", a="a", b="b", y="score")
    assert alone.verdict == "the data cannot tell"
    assert sw.ask("beats", table, by="method", a="a", b="b", y="score").verdict == "yes"


def test_lower_is_better_for_a_loss() -> None:
    table = two(8, 2.0, np.random.default_rng(2)).with_columns(pl.col("score") + 100).rename({"score": "perplexity"})
    assert sw.ask("beats", table, by="method", a="a", b="b", y="perplexity").verdict == "no"
    assert sw.ask("beats", table, by="method", a="a", b="b", y="perplexity", better="higher").verdict == "yes"


def test_the_paired_t_interval_and_the_exact_test_are_scipys() -> None:
    table = two(9, 0.6, np.random.default_rng(3))
    a, b = (table.filter(pl.col("method") == m)["score"].to_numpy() for m in "ab")
    answer = sw.ask("beats", table, by="method", a="a", b="b", y="score")
    known = stats.ttest_rel(a, b, alternative="greater")
    assert answer.probability == pytest.approx(1 - known.pvalue)
    ends = stats.ttest_rel(a, b).confidence_interval(0.95)
    found = [cell(answer, "Comparisons", f"advantage{end}") for end in ("_low", "_high")]
    assert found == pytest.approx([ends.low, ends.high])
    flipped = stats.permutation_test((a - b,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert cell(answer, "Comparisons", "p_exact") == pytest.approx(flipped.pvalue)


def test_independent_samples_are_compared_by_welch() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(0.5, 1, 6), rng.normal(0, 3, 9)
    table = pl.DataFrame({"group": ["a"] * 6 + ["b"] * 9, "score": np.concatenate([a, b])})
    answer = sw.ask("beats", table, a="a", b="b", y="score")
    assert answer.probability == pytest.approx(1 - stats.ttest_ind(a, b, equal_var=False, alternative="greater").pvalue)
    u = stats.mannwhitneyu(a, b).statistic
    assert cell(answer, "Comparisons that outliers do not move", "P(improvement)") == pytest.approx(u / 54)


def test_interquartile_means_and_improvement_over_tasks_are_those_of_agarwal() -> None:
    """IQM: scipy's trimmed mean of all runs; P(improvement): Mann and Whitney's share, averaged over tasks."""
    rng = np.random.default_rng(5)
    scores = rng.gamma(2.0, size=(2, 4, 5))
    rows = [
        {"algo": m, "game": f"g{t}", "seed": 100 * i + s, "score": scores[i, t, s]}
        for i, m in enumerate("xy") for t in range(4) for s in range(5)
    ]  # fmt: skip
    answer = sw.ask("beats", pl.DataFrame(rows), by="algo", a="x", b="y", y="score", task="game")
    means = {row[0]: row[3] for row in answer.finding("Averages").rows}
    assert means == pytest.approx({m: stats.trim_mean(scores[i].ravel(), 0.25) for i, m in enumerate("xy")})
    share = np.mean([stats.mannwhitneyu(scores[0, t], scores[1, t]).statistic / 25 for t in range(4)])
    assert cell(answer, "Comparisons that outliers do not move", "P(improvement)") == pytest.approx(share)


def test_pairs_that_share_an_item_or_a_seed_are_not_independent() -> None:
    """One seed's luck moves 100 items: the interval is that of five seeds, not of 500 pairs."""
    rng = np.random.default_rng(6)
    seed, item = np.repeat(np.arange(5), 100), np.tile(np.arange(100), 5)
    luck = rng.normal(0, 1, 5)[seed] + 0.1 * rng.normal(size=500)
    table = pl.DataFrame(
        {
            "group": ["a"] * 500 + ["b"] * 500,
            "seed": [*seed, *seed],
            "item": [*item, *item],
            "score": [*luck, *[0.0] * 500],
        }
    )
    both = sw.ask("beats", table, a="a", b="b", y="score", pair=["seed", "item"])
    seeds = sw.ask("beats", table, a="a", b="b", y="score", pair=["seed"])
    width = [
        cell(answer, "Comparisons", "advantage_high") - cell(answer, "Comparisons", "advantage_low")
        for answer in (both, seeds)
    ]
    assert width[0] == pytest.approx(width[1], rel=0.01)
    nested = table.with_columns(pl.concat_str("seed", "item", separator="/").alias("item"))
    inside = sw.ask("beats", nested, a="a", b="b", y="score", pair=["seed", "item"])
    assert cell(inside, "Comparisons", "advantage_high") == pytest.approx(cell(seeds, "Comparisons", "advantage_high"))


def test_each_task_weighs_the_same() -> None:
    table = pl.DataFrame(
        {"group": ["a"] * 8 + ["b"] * 8, "task": (["big"] * 6 + ["small"] * 2) * 2, "seed": [*range(6), 0, 1] * 2,
         "score": [1.0, 1.1, 0.9, 1.0, 1.1, 0.9, 5.0, 5.2, *[0.0] * 8]}
    )  # fmt: skip
    answer = sw.ask("beats", table, a="a", b="b", y="score", task="task", pair=["seed"])
    assert cell(answer, "Comparisons", "advantage") == pytest.approx((1.0 + 5.1) / 2)


def test_the_leader_must_win_after_holm() -> None:
    rng = np.random.default_rng(7)
    luck = rng.normal(0, 5, 8)
    gains = {"m0": 0.0, "m1": 0.1, "m2": 0.0, "m3": 6.0}
    columns = [
        pl.DataFrame({"method": m, "seed": range(8), "score": luck + g + rng.normal(0, 1, 8)}) for m, g in gains.items()
    ]
    table = pl.concat(columns)
    answer = sw.ask("beats", table, by="method", y="score")
    assert answer.verdict == "yes"
    assert answer.claim.startswith("m3 has a higher mean score than every other method")
    assert len(answer.finding("Comparisons").rows) == 6
    rest = sw.ask("beats", table.filter(pl.col("method") != "m3"), by="method", y="score")
    assert rest.verdict == "the data cannot tell"
    assert sw.ask("beats", table, by="method", y="score", b="m0").verdict == "yes"
    assert sw.ask("beats", table, by="method", y="score", a="m0").verdict == "no"


def test_a_run_counts_at_its_end() -> None:
    ends = two(6, 3.0, np.random.default_rng(8))
    run = pl.concat_str("method", pl.col("seed").cast(pl.String)).alias("run")
    early = ends.with_columns(run, step=pl.lit(1), score=pl.lit(0.0))
    curves = pl.concat([early, ends.with_columns(run, step=pl.lit(2)).select(early.columns)])
    options = {"by": "method", "a": "a", "b": "b", "y": "score"}
    assert sw.ask("beats", curves, **options).probability == sw.ask("beats", ends, **options).probability


def test_equal_differences_are_told_by_their_signs() -> None:
    table = two(5, 0.25, np.random.default_rng(9), sd=0.0).with_columns(pl.col("score").round(3))
    answer = sw.ask("beats", table, by="method", a="a", b="b", y="score")
    assert answer.probability == pytest.approx(1 - 1 / 32)
    short = sw.ask("beats", table.filter(pl.col("seed") < 3), by="method", a="a", b="b", y="score")
    assert short.verdict == "the data cannot tell"
    assert short.next_run is not None
    assert short.next_run.startswith("2 more pairs (seed): where all differences are equal")


def test_the_next_run_says_what_it_costs_and_keeps_to_the_budget() -> None:
    table = two(5, 0.3, np.random.default_rng(0)).with_columns(flops=pl.lit(1e15))
    free = sw.ask("beats", table, by="method", a="a", b="b", y="score").next_run
    assert free is not None
    assert "flops): 80 % power" in free
    bound = sw.ask("beats", table, by="method", a="a", b="b", y="score", budget=1e16).next_run
    assert bound is not None
    assert bound.startswith("5 more pairs (seed) (1e16 flops):")
    none = sw.ask("beats", table, by="method", a="a", b="b", y="score", budget=1e10).next_run
    assert none == "nothing within 1e10 flops: one more costs 2e15 flops."


def test_unequal_compute_is_said() -> None:
    table = two(5, 3.0, np.random.default_rng(0)).with_columns(
        flops=pl.when(pl.col("method") == "a").then(3e15).otherwise(1e15)
    )
    answer = sw.ask("beats", table, by="method", a="a", b="b", y="score")
    assert "nothing is corrected for compute: a had 3 times the flops of b" in answer.assumptions


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"by": "metod"}, "--by metod: there is no such column .did you mean 'method'"),
        ({"a": "c"}, "--a c: no such method in column 'group'; there are a, b"),
        ({"a": "a", "b": "a"}, "are both a; name two methods"),
        ({"pair": ["epoch"]}, "--pair epoch: there is no such column"),
        ({"pair": ["score"]}, "column 'score' cannot be two things at once"),
        ({"y": "zeta"}, "'zeta' does not tell which way is better; say --better"),
        ({"y": "words"}, "column 'words' holds String, not numbers"),
        ({"pair": ["zeta"]}, "a and b have no pair in common"),
        ({"by": "constant"}, "column 'constant' names only one method"),
    ],
)
def test_wrong_use_is_one_sentence(options: dict[str, object], said: str) -> None:
    table = two(4, 1.0, np.random.default_rng(0)).with_columns(
        zeta=pl.int_range(8), words=pl.lit("x"), constant=pl.lit("x"), group=pl.col("method")
    )
    asked = {"by": "group", "y": "score", **options}
    with pytest.raises((QuestionError, TableError), match=said):
        sw.ask("beats", table.drop("method") if "by" not in options or options["by"] != "metod" else table, **asked)


def test_power_is_what_simulation_gives() -> None:
    assert pairs_at_noise(0.001, 0.003) == 142
    assert pairs_at_noise(0.001, 0.00222) == 78
    rng = np.random.default_rng(0)
    needed = pairs_needed(0.5, 1.0)
    assert needed is not None
    t = stats.ttest_1samp(rng.normal(0.5, 1, (4000, needed)), 0, axis=1, alternative="greater").pvalue
    assert float(np.mean(t < 0.05)) == pytest.approx(0.8, abs=0.02)
    assert power_at(0.5, 1 / np.sqrt(10), 9) == pytest.approx(0.43, abs=0.01)
    assert pairs_needed(0.0, 1.0) is None
    assert pairs_needed(1e-6, 1.0) is None


def test_adjusted_p_values() -> None:
    p = [0.01, 0.04, 0.03, 0.005]
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


def wrong(world: Callable[[np.random.Generator], pl.DataFrame], tables: int, **options: object) -> tuple[float, float]:
    """How often the verdict is yes and no."""
    rng = np.random.default_rng(11)
    verdicts = [sw.ask("beats", world(rng), y="score", resamples=20, **options).verdict for _ in range(tables)]
    return verdicts.count("yes") / tables, verdicts.count("no") / tables


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [5, 10])
def test_equal_methods_are_told_apart_no_more_often_than_stated(pairs: int) -> None:
    """Nominally 5 % each; 300 tables, so that three standard errors are 3.8 points."""
    yes, no = wrong(lambda rng: two(pairs, 0.0, rng), 300, by="method", a="a", b="b")
    assert yes <= 0.088
    assert no <= 0.088
    best, _ = wrong(lambda rng: two(pairs, 0.0, rng), 300, by="method")
    assert best <= 0.088


@pytest.mark.slow
def test_crossed_items_and_seeds_keep_the_level() -> None:
    def world(rng: np.random.Generator) -> pl.DataFrame:
        seed, item = np.repeat(np.arange(6), 20), np.tile(np.arange(20), 6)
        difference = rng.normal(size=20)[item] + rng.normal(size=6)[seed] + rng.normal(size=120)
        return pl.DataFrame(
            {"group": ["a"] * 120 + ["b"] * 120, "seed": [*seed, *seed], "item": [*item, *item],
             "score": [*difference, *[0.0] * 120]}
        )  # fmt: skip

    yes, no = wrong(world, 300, a="a", b="b", pair=["seed", "item"])
    assert yes <= 0.088
    assert no <= 0.088


def test_seeds_may_be_what_is_compared() -> None:
    """They then pair nothing."""
    table = pl.DataFrame({"seed": [0, 1] * 6, "loss": np.linspace(2.0, 2.1, 12)})
    answer = sw.ask("beats", table, by="seed")
    assert any("no column pairs the rows" in line for line in answer.reading)
