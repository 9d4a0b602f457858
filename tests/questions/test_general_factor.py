"""general-factor: published numbers, worlds with a known factor, and tables that hold no scores."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import scalewise as sw
from scalewise.questions.general_factor.components import ClusterSums, Components, correlations, with_the_rest

Floats = np.ndarray
TASKS = "abcdefgh"


def world(seed: int, models: int = 60, loadings: tuple[float, ...] = (0.85,) * 8, compute: float = 0.8) -> pl.DataFrame:
    """One factor that is partly compute, and what each task has of its own; three relatives to a family."""
    rng = np.random.default_rng(seed)
    factor, weights = rng.normal(size=(models, 1)), np.array(loadings)
    scores = weights * factor + np.sqrt(1 - weights**2) * rng.normal(size=(models, weights.size))
    log_flops = compute * factor[:, 0] + np.sqrt(1 - compute**2) * rng.normal(size=models)
    return pl.DataFrame(
        {
            "model": [f"m{i}" for i in range(models)],
            "family": [f"f{i // 3}" for i in range(models)],
            "flops": 10 ** (20 + log_flops),
            **{name: 0.5 + 0.1 * scores[:, i] for i, name in enumerate(TASKS[: weights.size])},
        }
    )


def cell(answer: sw.Answer, finding: str, row: str | int, column: str) -> Any:
    found = answer.finding(finding)
    return next(r for r in found.rows if r[0] == row)[found.columns.index(column)]


def test_public_benchmarks_have_one_factor_that_is_mostly_compute(shared: Path) -> None:
    """Ruan et al. 2024, arXiv 2405.10938; the shares were also computed by hand for the data's README."""
    path = shared / "obs_benchmarks" / "base_models.csv"
    answer = sw.ask("general-factor", path, x="flops_e21", by="family")
    assert answer.verdict == "yes"
    assert "parallel analysis finds one factor" in answer.sentence
    shares = [cell(answer, "Components of the scores", i, "share_of_variance") for i in (1, 2, 3)]
    assert shares == pytest.approx([0.781, 0.139, 0.039], abs=0.0005)
    explained = {row[0]: row[1:] for row in answer.finding("What compute explains").rows}
    assert explained["r of the first component with log flops_e21"][0] == pytest.approx(0.816, abs=0.0005)
    assert explained["share of that component explained by log flops_e21"][0] == pytest.approx(0.667, abs=0.0005)
    assert explained["share of the first component of the remainder"][0] == pytest.approx(0.573, abs=0.0005)
    assert explained["mean correlation of two tasks in the remainder"][0] == pytest.approx(0.491, abs=0.0005)
    least = answer.finding("Tasks that correlate least").rows[0]
    assert set(least[:2]) == {"HellaSwag", "TruthfulQA"}
    assert least[2] == pytest.approx(0.21, abs=0.005)
    assert "mean of all 28 pairs is 0.74" in answer.finding("Tasks that correlate least").note
    low, high = (cell(answer, "Components of the scores", 1, f"share_of_variance_{end}") for end in ("low", "high"))
    assert (low, high) == pytest.approx((0.72, 0.83), abs=0.02)
    assert any("24 of 148 rows lack a score (HumanEval 21, XWinograd 16, ARC-C 3)" in line for line in answer.reading)
    raw = sw.ask("general-factor", path, x="flops_e21", by="family", scores="raw")
    shares = [cell(raw, "Components of the scores", i, "share_of_variance") for i in (1, 2, 3)]
    assert shares == pytest.approx([0.843, 0.100, 0.031], abs=0.0005)


def test_pythia_over_its_checkpoints(shared: Path) -> None:
    """432 checkpoints of 16 models on eight zero-shot accuracies; WSC falls as the others rise."""
    runs = sw.read(shared / "pythia_evals" / "evals.csv.gz").filtered("shots = 0 and metric = 'acc'")
    answer = sw.ask("general-factor", runs, task_column="task", y="value", x="tokens", points="all")
    assert "Of 8 tasks over 432 points of 16 runs" in answer.sentence
    shares = [cell(answer, "Components of the scores", i, "share_of_variance") for i in (1, 2, 3)]
    assert shares == pytest.approx([0.700, 0.130, 0.112], abs=0.0005)
    assert answer.verdict == "no"
    assert "wsc correlates -0.52" in answer.sentence
    others = [t for t in answer.finding("Tasks").rows if t[0] not in ("wsc", "logiqa")]
    kept = sw.ask("general-factor", runs, task_column="task", y="value", task=[str(t[0]) for t in others], points="all")
    assert kept.verdict == "yes"


def test_a_factor_of_known_size() -> None:
    table = world(0, models=600)
    answer = sw.ask("general-factor", table, by="family")
    truth = (1 + 7 * 0.85**2) / 8
    low, high = (cell(answer, "Components of the scores", 1, f"share_of_variance_{end}") for end in ("low", "high"))
    assert low < truth < high
    assert high - low < 0.08
    assert answer.verdict == "yes"
    assert answer.next_run is None
    r = 0.8 * np.sqrt(8) * 0.85 / np.sqrt(8 * truth)
    _, value, low, high = answer.finding("What compute explains").rows[0]
    assert low < r < high
    assert value == pytest.approx(r, abs=0.04)


def test_unrelated_tasks_have_no_factor() -> None:
    answer = sw.ask("general-factor", world(1, models=90, loadings=(0.0,) * 6))
    assert answer.verdict == "no"
    assert "parallel analysis finds no factor" in answer.sentence


def test_two_factors_are_counted() -> None:
    first, second = world(2, 150, (0.9,) * 4), world(3, 150, (0.9,) * 4).rename(dict(zip("abcd", "efgh", strict=True)))
    answer = sw.ask("general-factor", pl.concat([first, second.select(*"efgh")], how="horizontal"))
    assert "finds 2 factors" in answer.sentence
    assert [row[-1] for row in answer.finding("Components of the scores").rows] == ["yes", "yes", "no"]


def test_few_models_cannot_tell_and_say_how_many_would() -> None:
    answer = sw.ask("general-factor", world(23, models=8, loadings=(0.8, 0.8, 0.7, 0.6)), by="run")
    assert answer.verdict == "the data cannot tell"
    assert answer.next_run is not None
    assert answer.next_run.startswith("score 20 more models on these tasks (no training)")
    assert "few-models" in {w.code for w in answer.warnings}


def test_a_task_on_the_border_is_not_settled_by_more_models() -> None:
    """The estimate lies at 0 exactly: the sum of the others has no correlation with the last task."""
    table = world(5, models=40, loadings=(0.9,) * 4)
    rest = sum(table[name].to_numpy() / table[name].std() for name in "abc")
    own = table["d"].to_numpy()
    own = own - np.polyval(np.polyfit(rest, own, 1), rest)
    answer = sw.ask("general-factor", table.with_columns(pl.Series("d", 0.5 + own)), by="run")
    assert answer.verdict == "the data cannot tell"
    assert answer.probability == pytest.approx(0.5, abs=0.01)
    assert "no number of further models" in str(answer.next_run)


def test_relatives_widen_the_interval() -> None:
    """Five copies of every model are no more evidence than one."""
    once = world(6, models=30).drop("family")
    copies = pl.concat([once.with_columns(pl.col("model") + f"-{i}", pl.col("model").alias("kin")) for i in range(5)])
    alone = sw.ask("general-factor", once).finding("Components of the scores").rows[0]
    apart = sw.ask("general-factor", copies, by="run").finding("Components of the scores").rows[0]
    together = sw.ask("general-factor", copies, by="kin").finding("Components of the scores").rows[0]
    assert together[1:4] == pytest.approx(alone[1:4], rel=1e-9)
    assert float(str(apart[3])) - float(str(apart[2])) < 0.6 * (float(str(alone[3])) - float(str(alone[2])))


def test_a_long_table_gives_the_answer_of_a_wide_one() -> None:
    table = world(7)
    long = table.unpivot(on=list(TASKS), index=["model", "family", "flops"], variable_name="task", value_name="score")
    wide = sw.ask("general-factor", table)
    same = sw.ask("general-factor", long, task_column="task", y="score")
    assert same.findings == wide.findings


def test_the_order_of_rows_does_not_matter() -> None:
    table = world(8)
    assert sw.ask("general-factor", table.reverse()).findings == sw.ask("general-factor", table).findings


def test_without_compute_the_factor_is_still_found() -> None:
    answer = sw.ask("general-factor", world(9).drop("flops"))
    assert answer.verdict == "yes"
    assert "without a column of compute" in answer.sentence
    assert [chart.figure for chart in answer.charts] == ["intervals"]


def test_only_scores_are_taken_for_scores() -> None:
    table = world(10, models=30, loadings=(0.9,) * 3).with_columns(
        pl.lit(0.02).alias("a_stderr"), (pl.int_range(30) % 2).alias("instruct"), (pl.col("a") * 100).alias("percent")
    )
    answer = sw.ask("general-factor", table.with_columns(pl.Series("b_stderr", np.linspace(0.01, 0.02, 30))))
    assert [row[0] for row in answer.finding("Tasks").rows] == ["a", "b", "c"]
    named = sw.ask("general-factor", table, task=["a", "b", "percent"])
    assert [row[0] for row in named.finding("Tasks").rows] == ["a", "b", "percent"]


def test_failed_models_have_no_scores() -> None:
    table = world(11).with_columns(pl.when(pl.col("model") == "m7").then(pl.lit("failed")).alias("state"))
    answer = sw.ask("general-factor", table)
    assert "over 59 models" in answer.sentence
    assert "diverged-runs" in {w.code for w in answer.warnings}


def long_table() -> pl.DataFrame:
    return world(12, models=12).unpivot(on=list("abc"), index=["model"], variable_name="task", value_name="score")


@pytest.mark.parametrize(
    ("table", "options", "sentence"),
    [
        (world(13).select("model", "a", "b"), {}, "needs at least 3 tasks and only a, b hold scores between 0 and 1"),
        (world(13).select("model", "family"), {}, "and none hold scores"),
        (world(13), {"task": ["a", "q", "b"]}, "--task q: there is no such column"),
        (world(13), {"task": ["a", "b", "family"]}, "'group' holds String, not numbers"),
        (world(13), {"task": ["a", "b"]}, "only a, b were named"),
        (world(13), {"y": "a"}, "--task-column and --y go together"),
        (world(13), {"x": "work"}, "--x work: there is no such column"),
        (world(13), {"x": "model"}, "holds String, not numbers"),
        (world(13), {"by": "kin"}, "--by kin: there is no such column"),
        (world(13, models=9), {"by": "family"}, "of 3 different values of 'family'; general-factor needs at least 5"),
        (world(13).with_columns(pl.lit(0.5).alias("b")), {"task": ["a", "b", "c"]}, "same score on b"),
        (world(13).with_columns(pl.lit(float("inf")).alias("b")), {"task": ["a", "b", "c"]}, "'b' is inf for run m0"),
        (long_table(), {"task_column": "task", "y": "score", "task": ["a", "z"]}, "has no task 'z'; there are a, b, c"),
        (pl.concat([long_table(), long_table()]), {"task_column": "task", "y": "score"}, "2 scores on a at once"),
        (
            pl.concat([long_table().with_columns(pl.lit(i).alias("shots")) for i in (0, 5)]),
            {"task_column": "task", "y": "score"},
            "they differ in shots: keep one kind with --where",
        ),
        (
            long_table().with_columns(pl.col("task").replace("a", "run")),
            {"task_column": "task", "y": "score"},
            "a task is called 'run', as a column is",
        ),
    ],
)
def test_bad_input_is_named(table: pl.DataFrame, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(sw.ScalewiseError) as error:
        sw.ask("general-factor", table, **options)
    assert sentence in str(error.value)
    assert str(error.value).endswith(".")


def test_leaving_a_cluster_out_is_leaving_its_rows_out() -> None:
    rng = np.random.default_rng(14)
    values, clusters = rng.normal(size=(30, 5)) + 1e3, np.repeat(np.arange(10), 3)
    sums = ClusterSums.of(values, clusters)
    for row, kept in ((0, clusters >= 0), (4, clusters != 3)):
        np.testing.assert_allclose(sums.covariance[row], np.cov(values[kept].T, ddof=0), atol=1e-9)
        own = values[kept] - np.repeat(values[kept].reshape(-1, 3, 5).mean(axis=1), 3, axis=0)
        np.testing.assert_allclose(sums.within[row], own.T @ own / len(own), atol=1e-9)


def test_components_are_those_of_the_textbook() -> None:
    values = np.random.default_rng(15).normal(size=(50, 4)) @ np.random.default_rng(16).normal(size=(4, 4))
    matrix = correlations(np.cov(values.T)[None])
    np.testing.assert_allclose(matrix[0], np.corrcoef(values.T), atol=1e-12)
    found = Components(matrix)
    scores = (values - values.mean(axis=0)) / values.std(axis=0) @ found.first[0]
    assert found.variances[0, 0] == pytest.approx(scores.var())
    assert found.shares.sum() == pytest.approx(1.0)
    expected = [np.corrcoef(scores, column)[0, 1] for column in values.T]
    np.testing.assert_allclose(found.loadings[0], expected, atol=1e-12)
    standard = (values - values.mean(axis=0)) / values.std(axis=0)
    rest = [np.corrcoef(standard[:, i], standard.sum(axis=1) - standard[:, i])[0, 1] for i in range(4)]
    np.testing.assert_allclose(with_the_rest(matrix)[0], rest, atol=1e-12)


@pytest.mark.slow
def test_intervals_hold_and_verdicts_err_rarely() -> None:
    """Twelve independent models; the last task has nothing to do with the others, so the claim is on its border."""
    loadings = (0.9, 0.9, 0.8, 0.8, 0.0)
    share = np.linalg.eigvalsh(np.outer(loadings, loadings) + np.diag(1 - np.array(loadings) ** 2))[-1] / 5
    held, verdicts = [], []
    for seed in range(100):
        answer = sw.ask("general-factor", world(seed + 100, 12, loadings), by="run")
        _, _, low, high, *_ = answer.finding("Components of the scores").rows[0]
        held.append(float(str(low)) <= share <= float(str(high)))
        verdicts.append(answer.verdict)
    assert np.mean(held) >= 0.89
    assert verdicts.count("yes") <= 11
    assert verdicts.count("no") <= 11
