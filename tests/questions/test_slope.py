"""slope: worlds in which it is known whether a group changes the level of a curve, its slope, or neither."""

from typing import Any

import numpy as np
import polars as pl
import pytest

import scalewise as sw
from scalewise.errors import QuestionError, TableError

FIRST = 1e18


def world(
    floor: float | tuple[float, float] = 0.0,
    exponents: tuple[float, float] = (0.05, 0.05),
    gain: float = 2.0,
    sizes: int = 8,
    decades: float = 2.0,
    noise: float = 0.002,
    seed: int = 1,
) -> pl.DataFrame:
    """Two architectures; `new` uses compute `gain` times as well at the first amount, and errors are `noise` of y."""
    rng = np.random.default_rng(seed)
    rows = []
    for group, name in enumerate(("old", "new")):
        for i, flops in enumerate(np.geomspace(FIRST, FIRST * 10**decades, sizes)):
            used = flops / FIRST * (gain if group else 1.0)
            under = floor if isinstance(floor, float) else floor[group]
            loss = (under + (1.5 if floor else 3.0) * used ** -exponents[group]) * np.exp(noise * rng.normal())
            rows.append((f"{name}-{i}", name, 1e7 * 2.0**i, flops, loss))
    return pl.DataFrame(rows, ["run", "arch", "params", "flops", "loss"], orient="row")


def ask(table: pl.DataFrame, **options: Any) -> sw.Answer:
    return sw.ask("slope", table, **({"baseline": "old", "resamples": 400} | options))


def cell(answer: sw.Answer, title: str, column: str, row: int = 0) -> float:
    finding = answer.finding(title)
    return float(str(finding.rows[row][finding.columns.index(column)]))


def holds(answer: sw.Answer, title: str, column: str, truth: float, row: int = 0) -> bool:
    return cell(answer, title, f"{column}_low", row) <= truth <= cell(answer, title, f"{column}_high", row)


OVERVIEW, MULTIPLIER, CROSSING = (
    "Slope and level against old",
    "flops multiplier at the same loss",
    "Where the curves cross old's",
)


def test_the_same_slope_at_another_level_is_called_level_only() -> None:
    answer = ask(world())
    assert answer.verdict == "no"
    assert answer.finding(OVERVIEW).rows[0][-1] == "level"
    assert holds(answer, OVERVIEW, "exponent_ratio", 1.0)
    assert holds(answer, OVERVIEW, "level_ratio", 2.0**-0.05)
    assert all(holds(answer, MULTIPLIER, "multiplier", 2.0, row) for row in range(3))
    assert cell(answer, CROSSING, "P(cross inside)") == 0
    assert answer.next_run is None


def test_another_slope_is_found_and_so_is_the_crossing() -> None:
    """The curves meet where (flops / FIRST)^0.015 = gain^-0.065, that is at 9.16 times the first compute."""
    answer = ask(world(exponents=(0.05, 0.065), gain=0.6))
    assert answer.verdict == "yes"
    assert holds(answer, OVERVIEW, "exponent_ratio", 1.3)
    assert holds(answer, "Exponents by law", "difference", 0.015, row=1)
    assert holds(answer, CROSSING, "crossing", FIRST * 0.6 ** (-0.065 / 0.015))
    assert cell(answer, CROSSING, "P(cross inside)") > 0.99
    changes = "Does the flops multiplier change with scale"
    assert cell(answer, changes, "p") <= 0.05
    assert cell(answer, changes, "multiplier_ratio") > 1


def test_too_few_and_too_noisy_runs_cannot_tell() -> None:
    answer = ask(world(exponents=(0.05, 0.06), sizes=4, noise=0.02))
    assert answer.verdict == "the data cannot tell"
    assert answer.probability is None
    assert answer.next_run is not None
    assert "old and new at flops" in answer.next_run
    dear = ask(world(exponents=(0.05, 0.06), sizes=4, noise=0.02), budget=1e10)
    assert "nothing within 1e10 flops would" in str(dear.next_run)


def test_a_shared_floor_is_not_taken_for_another_slope() -> None:
    """With 30 times the compute efficiency the local slope of log loss differs a lot, the exponent not at all."""
    answer = ask(world(floor=1.7, exponents=(0.15, 0.15), gain=30.0, noise=0.001))
    assert answer.verdict != "yes"
    table = answer.finding("Exponents by law")
    no_floor = next(i for i, row in enumerate(table.rows) if row[0] == "no floor" and row[2] == "new")
    assert cell(answer, "Exponents by law", "difference_high", no_floor) < 0
    shared = next(i for i, row in enumerate(table.rows) if row[0] == "shared floor" and row[2] == "new")
    assert holds(answer, "Exponents by law", "exponent", 0.15, shared)
    assert holds(answer, "Exponents by law", "floor", 1.7, shared)


def test_floors_of_their_own_are_named_where_they_explain_the_curves_too() -> None:
    answer = ask(world(floor=(1.7, 1.5), exponents=(0.15, 0.15), gain=1.0, sizes=5, noise=0.002))
    assert answer.verdict == "yes"
    assert "Floors of their own with one exponent explain the curves as well" in answer.sentence


def test_a_run_that_blew_up_is_left_out_and_shown() -> None:
    table = world()
    blown = table.with_columns(
        pl.when(pl.col("run") == "new-6").then(pl.col("loss") * 1.8).otherwise("loss").alias("loss")
    )
    answer = ask(blown)
    assert answer.verdict == "no"
    assert [row[0] for row in answer.finding("Runs far off the others").rows] == ["new-6"]
    shown = answer.finding("Exponent of loss with and without runs far off")
    assert {row[0] for row in shown.rows} == {"without 1 far off", "every run"}
    without, every = (cell(answer, shown.title, "exponent", row) for row in (1, 3))
    assert without == pytest.approx(0.05, abs=0.01)
    assert every < 0.04
    (warning,) = [w for w in answer.warnings if w.code == "looks-diverged"]
    assert warning.runs == ("new-6",)


def test_a_run_marked_as_diverged_is_left_out_and_warned_about() -> None:
    marked = world().with_columns(pl.when(pl.col("run") == "new-6").then(pl.lit("diverged")).alias("state"))
    answer = ask(marked)
    assert "diverged-runs" in {w.code for w in answer.warnings}
    assert "15 points" in answer.finding("Exponents by law").note


def test_outcomes_that_do_not_overlap_have_no_multiplier() -> None:
    answer = ask(world(gain=1e6))
    assert MULTIPLIER not in [finding.title for finding in answer.findings]
    assert str(answer.finding(OVERVIEW).rows[0][-1]).startswith("level")


def test_the_multiplier_is_read_where_it_is_asked_for() -> None:
    table = world()
    by_loss = ask(table, at=2.6)
    assert cell(by_loss, MULTIPLIER, "loss") == 2.6
    assert "for loss 2.6 old needs 2" in by_loss.sentence
    by_flops = ask(table, at=1e19)
    assert cell(by_flops, MULTIPLIER, "loss") == pytest.approx(3 * 10**-0.05, rel=0.003)
    assert holds(by_flops, MULTIPLIER, "multiplier", 2.0)


def test_groups_come_in_their_natural_order_and_short_ones_are_left_out() -> None:
    numbers = pl.concat(
        [
            world(seed=i)
            .filter(pl.col("arch") == "old")
            .with_columns(pl.lit(n).alias("experts"), (pl.col("run") + f"/{n}").alias("run"))
            for i, n in enumerate((16, 2, 4))
        ]
    )
    short = numbers.filter((pl.col("experts") != 4) | (pl.col("flops") < 2e18))
    answer = sw.ask("slope", short.drop("arch"), by="experts", resamples=50)
    assert answer.findings[0].title == "Slope and level against 2"
    assert [row[0] for row in answer.findings[0].rows] == ["16"]
    assert "groups with fewer than 3 distinct flops are left out: 4" in answer.reading


def iso_world(blown: bool) -> pl.DataFrame:
    """isoFLOP budgets of a known law: N_opt grows as C^0.5 and the loss above its floor falls as C^-0.17."""
    rng = np.random.default_rng(3)
    rows = []
    for name, better in (("old", 1.0), ("new", 2.0)):
        for budget in np.geomspace(1e18, 3e19, 5):
            best = np.sqrt(budget / 6)
            for share in np.geomspace(1 / 3, 3, 9):
                params = best / 10 * share
                tokens = budget / (6 * params)
                loss = 1.7 + (better**-0.17) * (200 / params**0.34 + 200 * 100**0.34 / tokens**0.34)
                loss *= np.exp(0.001 * rng.normal())
                if blown and name == "new" and budget > 2e19 and share > 2:
                    loss *= 2.5
                rows.append((name, params, tokens, budget, loss))
    return pl.DataFrame(rows, ["arch", "params", "tokens", "flops", "loss"], orient="row")


def test_isoflop_runs_are_compared_at_the_optimum_of_each_budget() -> None:
    answer = ask(iso_world(blown=False))
    assert len(answer.finding("The optimum of each budget").rows) == 10
    assert answer.verdict != "yes"
    assert all(holds(answer, MULTIPLIER, "multiplier", 2.0, row) for row in range(3))
    sizes = "Exponent of the best size"
    assert holds(answer, sizes, "exponent", 0.5)
    assert holds(answer, sizes, "exponent", 0.5, row=1)
    assert cell(answer, sizes, "exponent_high") - cell(answer, sizes, "exponent_low") < 0.1
    assert [chart.figure for chart in answer.charts] == ["outcome_curves", "intervals", "outcome_curves"]


def test_runs_that_blew_up_in_a_budget_are_found_and_both_exponents_shown() -> None:
    answer = ask(iso_world(blown=True))
    far = answer.finding("Runs far off the others")
    assert len(far.rows) == 2
    assert {row[1] for row in far.rows} == {"new"}
    lines = {(row[0], row[1]): row[2] for row in answer.finding("Exponent of the best size").rows}
    assert lines["unweighted, without 2 far off", "new"] == pytest.approx(0.5, abs=0.03)
    assert float(str(lines["unweighted, every run", "new"])) < 0.45
    assert holds(answer, "Exponent of the best size", "exponent", 0.5, row=1)


def dated(doubling: float) -> pl.DataFrame:
    """Four methods, a year and a half apart, whose compute for the same loss halves every `doubling` years."""
    parts = []
    for i in range(4):
        table = world(gain=2 ** (1.5 * i / doubling), sizes=5, seed=i).filter(pl.col("arch") == "new")
        day = ("2016-01-01", "2017-07-02", "2019-01-01", "2020-07-01")[i]
        parts.append(
            table.with_columns(
                pl.lit(f"m{i}").alias("arch"),
                pl.lit(day).alias("published"),
                (pl.col("run") + f"/{i}").alias("run"),
                pl.lit(2016 + 1.5 * i).alias("year"),
            )
        )
    return pl.concat(parts)


def test_the_doubling_time_of_efficiency_and_hardware() -> None:
    title = "Doubling time of efficiency"
    answer = ask(dated(1.0), baseline="m0", date="published", hardware_doubling=2.0, resamples=200)
    assert holds(answer, title, "doubling_years", 1.0)
    assert cell(answer, title, "P(faster than hardware)") > 0.95
    years = ask(dated(1.0), baseline="m0", date="year", hardware_doubling=2.0, resamples=200)
    assert cell(years, title, "doubling_years") == pytest.approx(cell(answer, title, "doubling_years"), rel=0.01)
    slow = ask(dated(4.0), baseline="m0", date="year", hardware_doubling=2.0, resamples=200)
    assert cell(slow, title, "P(faster than hardware)") < 0.05


def test_the_law_between_two_losses_finds_a_known_kappa() -> None:
    rng = np.random.default_rng(5)
    rows = []
    for name, kappa, floor in (("text", 1.1, 1.5), ("code", 0.8, 1.0)):
        for params in np.geomspace(2e7, 2e9, 8):
            for tokens in np.geomspace(5e8, 5e10, 7):
                above = 300 / params**0.34 + 400 / tokens**0.3
                own = floor + above * np.exp(0.002 * rng.normal())
                other = 2.0 + 0.9 * above**kappa * np.exp(0.002 * rng.normal())
                rows.append((name, params, tokens, own, other))
    table = pl.DataFrame(rows, ["data", "params", "tokens", "loss", "other"], orient="row")
    answer = sw.ask("slope", table, by="data", x="loss", y="other", law="loss-to-loss", baseline="text")
    assert answer.verdict == "yes"
    assert holds(answer, "Exponents by law", "exponent", 1.1)
    assert holds(answer, "Exponents by law", "exponent", 0.8, row=1)
    assert holds(answer, "Floors of the losses", "E", 1.5)
    assert "kappa" in answer.assumptions[0]
    assert "P(cross inside)" in answer.finding("Where the curves cross text's").columns


BAD: list[tuple[dict[str, Any], str]] = [
    ({"by": "archi"}, "--by archi: there is no such column"),
    ({"x": "flop"}, "--x flop: there is no such column"),
    ({"y": "arch"}, "column 'group' holds String, not numbers"),
    ({"x": "loss"}, "--x and --y are both 'loss'"),
    ({"baseline": "young"}, "there is no group 'young'"),
    ({"at": 1.0}, "--at 1 is neither a loss that two groups reach"),
    ({"hardware_doubling": 2.0}, "--hardware-doubling needs --date"),
    ({"date": "arch"}, "column 'group' is 'old' for run old-0; write years"),
    ({"law": "loss-to-loss", "x": "flops"}, "the law between two losses needs a column 'params'"),
    ({"margin": 2.0}, "it must be at most 1"),
]


@pytest.mark.parametrize(("options", "sentence"), BAD)
def test_what_cannot_be_asked_is_said_in_one_sentence(options: dict[str, Any], sentence: str) -> None:
    table = world(sizes=4)
    table = table.drop("params") if options.get("law") else table
    with pytest.raises((QuestionError, TableError), match=sentence) as error:
        ask(table, **options)
    assert str(error.value).endswith(".")


def test_one_group_and_nothing_to_compare() -> None:
    with pytest.raises(QuestionError, match="two groups with at least 3 distinct flops each are needed"):
        ask(world().filter(pl.col("arch") == "old"))
    with pytest.raises(QuestionError, match="run 'r' has several values of 'rank'"):
        sw.ask(
            "slope",
            world()
            .with_columns(pl.lit("r").alias("run"))
            .drop("arch", "params")
            .with_columns(pl.Series("rank", range(16))),
            by="rank",
        )
