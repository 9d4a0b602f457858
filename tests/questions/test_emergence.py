"""emergence: planted shapes, the log axis's artefact, and the published curves that people argue about."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import scalewise as sw
from scalewise.errors import ScalewiseError
from scalewise.questions.answer import judge
from scalewise.questions.emergence.case import Case
from scalewise.questions.emergence.definitions import DEFINITIONS

SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "straight": lambda x: x / 1000,
    "logarithm": lambda x: np.log(x) / np.log(1000),
    "saturating": lambda x: 1 - np.exp(-x / 150),
    "hill of slope 1": lambda x: x / (x + 100),
    "square": lambda x: (x / 1000) ** 2,
    "hill of slope 3": lambda x: x**3 / (x**3 + 100**3),
    "jump": lambda x: (x > 100) * 0.8,
}
SIZES = np.geomspace(1, 1000, 15)


def world(shape: str, noise: float, seed: int, sizes: np.ndarray = SIZES) -> pl.DataFrame:
    y = SHAPES[shape](sizes) + np.random.default_rng(seed).normal(0, noise, sizes.size)
    return pl.DataFrame({"params": sizes * 1e6, "accuracy": np.clip(y, 0, 1)})


def asked(table: pl.DataFrame, **options: Any) -> sw.Answer:
    return sw.ask("emergence", table, **{"resamples": 200, "simulations": 39, **options})


def chances(answer: sw.Answer) -> dict[str, float | None]:
    rows = answer.finding("Which definitions of emergent hold").rows
    return {str(row[0]): row[2] for row in rows}  # type: ignore[misc]


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("definition", ["threshold", "super-linear", "discontinuity"])
def test_a_straight_line_at_log_spaced_sizes_is_linear_and_not_emergent(noise: float, definition: str) -> None:
    """It looks like a sudden rise on a log axis, which is the whole artefact."""
    answer = asked(world("straight", noise, seed=1), definition=definition)
    assert answer.verdict == "no"
    assert "straight line" in answer.sentence
    assert "linear, not emergent" in answer.sentence


@pytest.mark.parametrize(
    ("shape", "verdicts"),
    [
        ("logarithm", ("no", "no", "no")),
        ("square", (None, "yes", "no")),
        ("hill of slope 3", (None, "yes", "no")),
        ("jump", ("yes", "yes", "the data cannot tell")),
    ],
)
def test_planted_shapes_are_named(shape: str, verdicts: tuple[str | None, ...]) -> None:
    """A jump between two sizes is never proven: a steep curve passes between the same two points."""
    answer = asked(world(shape, 0.02, seed=2))
    found = [row[3] for row in answer.finding("Which definitions of emergent hold").rows]
    assert [f for f, v in zip(found, verdicts, strict=True) if v] == [v for v in verdicts if v]


def test_the_exponent_has_an_interval_that_holds_it() -> None:
    answer = asked(world("square", 0.005, seed=0), chance=0.0, resamples=500)
    rows = {row[0]: row for row in answer.finding("Laws on the raw axis").rows}
    low, high = rows["rising power"][4:6]
    assert low < 2 < high  # type: ignore[operator]
    assert high - low < 0.3  # type: ignore[operator]


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["straight", "logarithm", "saturating", "hill of slope 1"])
def test_what_is_not_super_linear_is_rarely_called_so(shape: str) -> None:
    """A wrong yes may be one in twenty, whatever the definition; 24 worlds of eight sizes each."""
    sizes, wrong = np.geomspace(1, 1000, 8), 0
    for seed in range(24):
        y = SHAPES[shape](sizes) + np.random.default_rng(seed).normal(0, 0.03, sizes.size)
        case = Case.of(sizes, y, None, None, None, 1.25, 100, seed)
        wrong += any(judge(case.probability(definition)) == "yes" for definition in DEFINITIONS)
    assert wrong <= 2


def test_six_noisy_sizes_cannot_tell_and_say_what_would() -> None:
    table = pl.DataFrame(
        {
            "params": [1e7, 1e8, 4e8, 1e9, 2e9, 6e9],
            "flops": [1e18, 1e19, 1e20, 1e21, 2e21, 1e22],
            "accuracy": [0.03, 0.0, 0.05, 0.02, 0.12, 0.31],
        }
    )
    answer = asked(table)
    assert answer.verdict == "the data cannot tell"
    assert answer.next_run
    assert "flops)" in answer.next_run
    assert "settle the question with probability" in answer.next_run.replace("settles", "settle")
    cheap = asked(table, budget=1e15).next_run
    assert cheap
    assert cheap.startswith("nothing within 1e15 flops would")


def test_the_proposed_run_does_settle_it() -> None:
    """A square whose noise hides it at nine sizes; the run that is proposed is then made, three times over."""
    rng = np.random.default_rng(2)

    def made(x: np.ndarray) -> pl.DataFrame:
        return pl.DataFrame({"tokens": x, "score": (x / 300) ** 2 + rng.normal(0, 0.06, x.size)})

    table = made(np.geomspace(1, 300, 9))
    answer = asked(table, x="tokens", y="score")
    assert answer.verdict == "the data cannot tell"
    proposed = re.match(r"a run at tokens = ([\d.]+)(k?): it settles .* probability (\d+) %", str(answer.next_run))
    assert proposed
    assert int(proposed[3]) >= 80
    at = float(proposed[1]) * (1e3 if proposed[2] else 1)
    for _ in range(3):
        assert asked(pl.concat([table, made(np.array([at]))]), x="tokens", y="score").verdict == "yes"


def test_a_discontinuity_is_looked_for_in_the_gap_where_it_would_be() -> None:
    answer = asked(world("jump", 0.02, seed=2), definition="discontinuity")
    below, above = SIZES[SIZES < 100].max(), SIZES[SIZES > 100].min()
    assert answer.verdict == "the data cannot tell"
    assert answer.next_run
    assert f"params = {(below * above) ** 0.5:.3g}M" in answer.next_run
    assert "refutes a jump" in answer.next_run


def test_exact_match_of_smooth_tokens_is_a_jump_of_the_metric() -> None:
    """One token is right with 1 - exp(-x / 300) chance; all four of an answer jump."""
    sizes = np.geomspace(10, 1000, 16)
    one = 1 - np.exp(-sizes / 300)
    exact = np.random.default_rng(0).binomial(2000, one**4) / 2000
    table = pl.DataFrame({"params": sizes * 1e6, "accuracy": exact, "token_accuracy": one})
    answer = asked(table, items="2000", chance=0.0, tokens_per_answer=4.0, smooth_metric="token_accuracy")
    assert answer.verdict == "yes"
    assert "counted by one token of 4 it is not super-linear: the jump comes with the metric" in answer.sentence
    assert "counted by token_accuracy it is not super-linear" in answer.sentence
    implied = answer.finding("Implied accuracy of one token").rows
    assert np.mean([low <= p <= high for (_, _, _, low, high), p in zip(implied, one, strict=True)]) >= 0.8  # type: ignore[operator]
    assert "below that exact match sees nothing" in answer.finding("Implied accuracy of one token").note


@pytest.fixture
def bigbench(shared: Path) -> pl.DataFrame:
    return pl.read_csv(shared / "bigbench_public" / "scores.csv.gz", infer_schema_length=5000)


def test_three_digit_addition_size_is_not_the_variable(bigbench: pl.DataFrame) -> None:
    """Ruan et al. 2024: Pythia 12B scores .12 where LLaMA 6.7B scores .91; compute orders models better than size."""
    addition = bigbench.filter(pl.col("task") == "arithmetic_3_digit_addition")
    two = addition.filter(pl.col("family").is_in(["Pythia", "Llama"]))
    options = {"x": "params_b", "y": "score", "items": "2000", "chance": 0.0, "against": "flops_e21"}
    answer = asked(two, **options)
    pairs = {row[0]: row for row in answer.finding("Larger in params_b, yet behind").rows}
    larger = pairs["EleutherAI/pythia-12b-deduped"]
    assert larger[1:3] == pytest.approx((12.0, 0.12))
    assert larger[3:6] == ("huggyllama/llama-7b", 6.7, pytest.approx(0.9135))
    everyone = asked(addition, **options)
    by_scale = {row[0]: row for row in everyone.finding("Which scale orders the outcomes").rows}
    assert by_scale["flops_e21"][2] < 0.7 * by_scale["params_b"][2]  # type: ignore[operator]
    assert "flops_e21 orders the runs better than params_b" in everyone.sentence


def test_exact_match_of_transliteration_is_steeper_than_bleu(bigbench: pl.DataFrame) -> None:
    """Schaeffer et al. 2023: the jump is the exact match's, not the model's."""
    table = bigbench.filter(pl.col("task") == "ipa_transliterate").pivot(
        on="metric", index=["family", "model", "flops_e21"], values="score"
    )
    answer = asked(
        table,
        x="flops_e21",
        y="exact_match",
        items="1003",
        chance=0.0,
        smooth_metric="bleu",
        tokens_per_answer=10.0,
        resamples=600,
    )
    chance = {row[0]: row[3] for row in answer.finding("The outcome, counted otherwise").rows}
    assert chance["exact_match"] > 0.7  # type: ignore[operator]
    assert chance["bleu"] < 0.4  # type: ignore[operator]
    assert chance["one token of 10"] < 0.25  # type: ignore[operator]
    assert len(answer.charts) == 3


def test_four_digit_addition_bends_but_does_not_jump(shared: Path) -> None:
    """Caballero et al. 2022, figure 3: a smooth break in the test loss, at about 600 examples."""
    table = pl.read_csv(shared / "broken_curves" / "four_digit_addition.csv")
    found = chances(asked(table, x="dataset_size", y="test_loss"))
    assert found["super-linear"] > 0.95  # type: ignore[operator]
    assert found["threshold"] > 0.95  # type: ignore[operator]
    assert found["discontinuity"] < 0.05  # type: ignore[operator]


def test_double_descent_is_none_of_the_laws(shared: Path) -> None:
    table = pl.read_csv(shared / "broken_curves" / "double_descent_nlp_model.csv")
    answer = asked(table, x="n", y="test_loss")
    assert answer.verdict == "the data cannot tell"
    assert answer.probability is None
    assert "none of the laws" in answer.sentence


def test_grade_school_mathematics_rises_ever_more_slowly_with_compute(shared: Path) -> None:
    """GSM8K of the models of Ruan et al. 2024: what looks like a take-off on a log axis is not one."""
    table = pl.read_csv(shared / "obs_benchmarks" / "base_models.csv")
    answer = asked(table, x="flops_e21", y="GSM8K", items="1319", chance=0.0, resamples=500)
    assert answer.verdict == "no"
    assert "ever more slowly" in answer.sentence


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": "parms"}, "did you mean 'params'"),
        ({"y": "text"}, "not numbers"),
        ({"chance": 1.5, "items": "100"}, "from 0 to below 1"),
        ({"chance": 7.0}, "far from it"),
        ({"y": "loss", "tokens_per_answer": 4.0}, "between 0 and 1"),
        ({"items": "100", "errors": "se"}, "not both"),
        ({"cluster": "familly"}, "no such column"),
        ({"against": "few"}, "this question needs at least 5"),
        ({"x": "few"}, "this question needs at least 5"),
        ({"y": "constant"}, "nothing that changes"),
        ({"definition": "magic"}, "definition"),
        ({"simulations": 5}, "at least 39"),
    ],
)
def test_wrong_use_is_explained(options: dict[str, Any], message: str) -> None:
    table = world("straight", 0.01, 0).with_columns(
        loss=3 - pl.col("accuracy"), text=pl.lit("a"), se=pl.lit(0.1), few=pl.lit(2.0), constant=pl.lit(0.5)
    )
    with pytest.raises(ScalewiseError, match=message) as caught:
        asked(table, **options)
    assert str(caught.value).count("\n") == 0
