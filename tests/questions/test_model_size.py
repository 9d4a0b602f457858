"""model-size: the reference answers on Chinchilla's points, and a world whose optimum is known in closed form."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.conftest import TRUTH

import scalewise as sw


@pytest.fixture
def used(chinchilla: pl.DataFrame) -> pl.DataFrame:
    return chinchilla.filter(pl.col("published_fit_uses") == 1)


REFERENCE = [
    (1e21, 2.79e9, (2.42e9, 3.29e9), (0.682, 0.544, 0.424, 0.298)),
    (5.76e23, 7.32e10, (5.18e10, 1.127e11), (0.534, 0.371, 0.248, 0.141)),
    (1e25, None, None, (0.451, 0.286, 0.171, 0.085)),
]


@pytest.mark.parametrize(("flops", "best", "interval", "shares"), REFERENCE)
def test_reference_answers_on_the_chinchilla_points(
    used: pl.DataFrame,
    flops: float,
    best: float | None,
    interval: tuple[float, float] | None,
    shares: tuple[float, ...],
) -> None:
    """Optimum, its 95 % interval and the smallest size within .2, .5, 1 and 2 % as a share of it."""
    answer = sw.ask("model-size", used, flops=flops, resamples=2000)
    optimum = answer.finding("The optimum, and the smallest size that will do").rows[0]
    if best and interval:
        assert optimum[1] == pytest.approx(best, rel=0.003)
        assert optimum[2:4] == pytest.approx(interval, rel=0.04)
    found = [row[4] for row in answer.finding("Smallest size by tolerance").rows]
    assert found == pytest.approx(shares, abs=0.002)


def test_loss_and_tokens_per_param_at_chinchillas_budget(used: pl.DataFrame) -> None:
    row = sw.ask("model-size", used, flops=5.76e23, resamples=2000).findings[0].rows[0]
    assert row[7:10] == pytest.approx((17.9, 7.6, 35.7), rel=0.08)
    assert row[10:13] == pytest.approx((1.974, 1.951, 2.000), abs=0.003)


def test_all_245_points_show_the_outliers_and_both_fits(chinchilla: pl.DataFrame) -> None:
    """The published refit leaves out five points; they move beta by 0.086 (arXiv 2404.10102)."""
    answer = sw.ask("model-size", chinchilla, flops=1e21, resamples=200)
    left_out = {f"row {i + 1}" for i in np.flatnonzero(chinchilla["published_fit_uses"].to_numpy() == 0)}
    assert len(left_out) == 5
    assert left_out <= {row[0] for row in answer.finding("Outliers").rows}
    fits = answer.finding("How much the answer depends on the fit")
    beta = {str(row[0]).split(" (")[0]: row[fits.columns.index("beta")] for row in fits.rows}
    assert beta["as answered"] == pytest.approx(0.4530, abs=0.0005)
    assert beta["without 7 outliers"] == pytest.approx(0.367, abs=0.006)
    assert "outliers" in {w.code for w in answer.warnings}


def closed_form(flops: float) -> float:
    """N_opt = G (C/6)^a (Hoffmann et al. 2022, equation 4)."""
    a = TRUTH["beta"] / (TRUTH["alpha"] + TRUTH["beta"])
    g = (TRUTH["alpha"] * TRUTH["A"] / (TRUTH["beta"] * TRUTH["B"])) ** (1 / (TRUTH["alpha"] + TRUTH["beta"]))
    return float(g * (flops / 6) ** a)


def test_a_known_optimum_is_inside_its_interval(known_world: pl.DataFrame) -> None:
    answer = sw.ask("model-size", known_world, flops=1e20)
    _, best, low, high, *_ = answer.findings[0].rows[0]
    assert float(str(low)) <= closed_form(1e20) <= float(str(high))
    assert best == pytest.approx(closed_form(1e20), rel=0.1)
    exponent = answer.finding("Exponent of the optimal size with compute").rows[0]
    assert float(str(exponent[2])) <= TRUTH["beta"] / (TRUTH["alpha"] + TRUTH["beta"]) <= float(str(exponent[3]))


def test_the_tolerance_is_met_exactly(known_world: pl.DataFrame) -> None:
    answer = sw.ask("model-size", known_world, flops=1e20, tolerance=0.01, resamples=50)
    best, small = answer.findings[0].rows
    assert float(str(small[10])) == pytest.approx(1.01 * float(str(best[10])), rel=1e-6)
    nats = sw.ask("model-size", known_world, flops=1e20, tolerance_nats=0.02, resamples=50)
    best, small = nats.findings[0].rows
    assert float(str(small[10])) - float(str(best[10])) == pytest.approx(0.02, abs=1e-6)


def test_compute_that_is_not_6nd_is_followed(known_world: pl.DataFrame) -> None:
    """Twice the operations per token at every size is half the budget."""
    dear = known_world.with_columns(pl.col("flops") * 2)
    twice = sw.ask("model-size", dear, flops=2e20, resamples=20).findings[0].rows[0][1]
    once = sw.ask("model-size", known_world, flops=1e20, resamples=20).findings[0].rows[0][1]
    assert twice == pytest.approx(float(str(once)), rel=1e-6)


def test_serving_saves_by_the_difference_of_sizes(known_world: pl.DataFrame) -> None:
    answer = sw.ask("model-size", known_world, flops=1e20, serve_tokens=1e12, resamples=20)
    finding = answer.findings[0]
    column = finding.columns.index("serving_flops")
    for row in finding.rows:
        assert row[column] == pytest.approx(2e12 * float(str(row[1])))  # 2 per parameter, since compute is 6ND
    assert "when 1T tokens are served" in answer.sentence


def test_far_beyond_the_data_there_is_no_verdict(known_world: pl.DataFrame) -> None:
    answer = sw.ask("model-size", known_world, flops=1e25, resamples=20)
    assert answer.verdict == "the data cannot tell"
    assert answer.probability is None


def test_same_seed_same_answer_bit_for_bit(known_world: pl.DataFrame) -> None:
    first = sw.ask("model-size", known_world, seed=1, resamples=50).to_json()
    np.random.seed(5)  # noqa: NPY002 - the global generator must not matter
    assert sw.ask("model-size", known_world, seed=1, resamples=50).to_json() == first
    assert sw.ask("model-size", known_world, seed=2, resamples=50).to_json() != first


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"flops": -1.0}, "must be a number from 1e.06 to 1e.40"),
        ({"flops": float("nan")}, "must be a number from"),
        ({"tolerance": 0.5}, "for 0.5 per cent write 0.005"),
        ({"tolerance": 0.0}, "must be a fraction"),
        ({"tolerance_nats": -1.0}, "greater than 0"),
        ({"serve_tokens": 0.0}, "must be a number from 1 to"),
        ({"tolerance": 0.01, "tolerance_nats": 0.1}, "give one of them"),
        ({"flops": "lots"}, "option .flops. cannot be .lots."),
        ({"group": "al"}, "no group .al. .did you mean .all."),
        ({"tolerence": 0.01}, "did you mean 'tolerance'"),
    ],
)
def test_wrong_options_get_one_sentence(known_world: pl.DataFrame, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(sw.ScalewiseError, match=sentence):
        sw.ask("model-size", known_world, **options)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (pl.DataFrame({"params": [1e6] * 6, "tokens": [1e7 * i for i in range(1, 7)], "loss": [3.0] * 6}), "one size"),
        (pl.DataFrame({"params": [1e6], "tokens": [1e7], "loss": [3.0]}), "one size"),
        (pl.DataFrame({"params": [1e6 * i for i in range(1, 9)], "tokens": [2e7 * i for i in range(1, 9)],
                       "loss": [3.0 - 0.1 * i for i in range(8)]}), "rise in step"),
        (pl.DataFrame({"params": [1e6, 2e6, 3e6], "tokens": [1e7, 3e7, 2e7], "loss": [3.0, 2.0, 2.5]}), "3 distinct"),
        (pl.DataFrame({"params": [1e6, 2e6], "tokens": [1e7, 3e7]}), "needs a column 'loss'"),
        (pl.DataFrame({"params": [1e6, 2e6], "loss": [3.0, 2.0]}), "needs a column 'tokens' or 'flops'"),
    ],
)  # fmt: skip
def test_tables_that_cannot_answer_get_one_sentence(rows: pl.DataFrame, sentence: str) -> None:
    with pytest.raises(sw.ScalewiseError, match=sentence):
        sw.ask("model-size", rows)


def test_isoflop_exponents_stand_beside_the_surface(shared: object) -> None:
    from tests.conftest import SHARED

    points = pl.read_csv(SHARED / "porian_isoflop" / "isoflop_points.csv").filter(
        (pl.col("step") == "5 optimizer tuning, no decay") & (pl.col("dataset") == "rw")
    )
    rows = sw.ask("model-size", points, resamples=100).finding("Exponent of the optimal size with compute").rows
    akima = next(row for row in rows if "akima" in str(row[0]))
    assert akima[1] == pytest.approx(0.4970, abs=0.003)
    surface = rows[0]
    assert float(str(surface[1])) == pytest.approx(0.5, abs=0.06)


def test_a_constant_loss_is_no_evidence() -> None:
    rng = np.random.default_rng(0)
    table = pl.DataFrame({"params": rng.uniform(1e6, 1e8, 30), "tokens": rng.uniform(1e8, 1e9, 30), "loss": [3.0] * 30})
    with pytest.raises(sw.ScalewiseError, match="every loss is 3"):
        sw.ask("model-size", table)


def test_several_groups_need_a_law_each(known_world: pl.DataFrame) -> None:
    worse = known_world.with_columns(pl.col("loss") + 0.1, group=pl.lit("b"))
    two = pl.concat([known_world.with_columns(group=pl.lit("a")), worse])
    one = sw.ask("model-size", two, group="a", resamples=20)
    assert any("group 'a': 90 of 180 rows kept" in line for line in one.reading)
    alone = sw.ask("model-size", known_world, resamples=20)
    compared = "What the exponent depends on"  # this shows the other groups too
    assert [f for f in one.findings if f.title != compared] == list(alone.findings)
    best = sw.ask("model-size", two, resamples=20)
    assert best.findings == one.findings
    assert (
        best.sentence
        == one.sentence[:-1] + ". This is for group 'a', whose loss is the lowest; --group chooses another."
    )
    assert [row[0] for row in one.finding(compared).rows] == ["as answered: group a", "group b"]


def test_rows_in_any_order_give_the_same_answer(known_world: pl.DataFrame) -> None:
    shuffled = known_world.sample(fraction=1.0, shuffle=True, seed=3)
    first, second = (sw.ask("model-size", t, resamples=50) for t in (known_world, shuffled))
    assert first.findings == second.findings


def test_a_jagged_cost_per_token_keeps_one_valley(known_world: pl.DataFrame) -> None:
    factors = pl.col("params").rank("dense").cast(pl.Int64) % 2 * 3 + 1
    answer = sw.ask("model-size", known_world.with_columns(pl.col("flops") * factors), resamples=20)
    sizes = [float(str(row[1])) for row in answer.finding("The optimum as compute grows").rows]
    assert sizes == sorted(sizes)
