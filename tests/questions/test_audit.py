"""The audit: what is unfair is named with its runs, what is fine is said, what cannot be seen is not passed over."""

import polars as pl
import pytest
from tests.checks.test_checks import fair

import scalewise as sw
from scalewise.checks import CHECKS
from scalewise.errors import QuestionError
from scalewise.questions.audit import SUBJECTS

OF_AN_ANSWER = {
    *("extrapolation", "backtest-misses", "few-models", "task-at-ceiling"),
    *("looks-diverged", "best-of-many", "exponents-disagree", "confounded-scale"),
}
"""About how far an answer reaches or which columns it compares, which a table alone does not say."""


def results(answer: sw.Answer) -> dict[str, str]:
    return {str(row[0]): str(row[1]) for row in answer.finding("Checks").rows}


def test_every_check_is_made_or_is_about_an_answer() -> None:
    assert set(SUBJECTS) | OF_AN_ANSWER == set(CHECKS)
    assert not set(SUBJECTS) & OF_AN_ANSWER


def test_a_fair_table_is_called_fair_as_far_as_it_can_be_seen() -> None:
    answer = sw.ask("audit", fair())
    found = results(answer)
    assert "found" not in found.values()
    assert found["unequal-compute"] == found["untuned-rate"] == found["few-seeds"] == "fine"


def test_what_is_unfair_is_named_with_its_runs() -> None:
    table = fair().with_columns(
        pl.when(pl.col("run").is_in([3, 4])).then(pl.lit("diverged")).otherwise(pl.col("state")).alias("state")
    )
    answer = sw.ask("audit", table.filter((pl.col("params") < 8e6) | (pl.col("flops") < 2e14)))
    assert answer.verdict == "no"
    assert {"unequal-compute", "diverged-runs"} <= {caution.code for caution in answer.warnings}
    (diverged,) = (caution for caution in answer.warnings if caution.code == "diverged-runs")
    assert diverged.runs == ("3", "4")
    assert answer.next_run is not None


def test_what_cannot_be_checked_is_not_called_fine() -> None:
    table = pl.DataFrame({"model": ["a", "b"], "accuracy": [0.4, 0.6]})
    answer = sw.ask("audit", table)
    assert answer.verdict == "the data cannot tell"
    assert results(answer)["unequal-compute"] == "not checked"
    assert sw.ask("audit", table, strict=True).verdict == "no"


def test_nothing_to_compare_is_one_sentence() -> None:
    with pytest.raises(QuestionError, match="every run diverged or failed"):
        sw.ask("audit", fair().with_columns(pl.lit("failed").alias("state")))


@pytest.mark.parametrize(
    ("file", "codes"),
    [
        ("chinchilla_epoch/runs.csv", {"untuned-rate", "outliers", "few-seeds"}),
        ("xlstm_isoflop/runs.csv", {"untuned-rate"}),
        ("steplaw_lr_batch/dense_runs.csv.gz", set()),
    ],
)
def test_public_tables_are_audited(shared: object, file: str, codes: set[str]) -> None:
    answer = sw.ask("audit", f"{shared}/{file}")
    assert codes <= {caution.code for caution in answer.warnings}
    assert len(answer.finding("Checks").rows) == len(SUBJECTS)


def test_what_is_asked_for_is_what_lacks() -> None:
    """Columns that are there are not asked for: with two groups what lacks is the choice of one."""
    one = fair().with_columns(pl.lit("a").alias("group"))
    two = pl.concat([one, one.with_columns(pl.col("run") + 1000, pl.lit("b").alias("group"))])
    answer = sw.ask("audit", two)
    assert set(results(answer).values()) == {"fine", "not checked"}
    assert answer.next_run == "none: each group has a law of its own; choose one with --group."
    assert (
        sw.ask("audit", two.drop("data_size")).next_run == "none: log data_size with the runs there are, and ask again."
    )
