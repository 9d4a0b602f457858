"""Every question, on the embedded suite: the promises that hold for all of them."""

import inspect
import json

import pytest

import scalewise as sw
from scalewise.questions import QUESTIONS
from scalewise.report.figures import FIGURES


@pytest.fixture(scope="module", params=list(QUESTIONS))
def answer(request: pytest.FixtureRequest) -> sw.Answer:
    return sw.ask(request.param, "smol", resamples=100)


def test_it_is_an_answer_with_everything_a_reader_needs(answer: sw.Answer) -> None:
    assert answer.verdict in ("yes", "no", "the data cannot tell")
    assert answer.probability is not None
    assert answer.sentence.endswith(".")
    assert answer.sentence.count("\n") == 0
    assert answer.findings
    assert answer.charts
    assert answer.assumptions
    assert answer.repeat.command.startswith(f"scalewise ask {answer.question} smol")
    assert len(answer.repeat.data_sha256) == 64


def test_it_survives_json(answer: sw.Answer) -> None:
    assert sw.Answer.from_json(answer.to_json()) == answer
    json.loads(answer.to_json())


def test_its_tables_are_tidy(answer: sw.Answer) -> None:
    titles = [finding.title for finding in answer.findings]
    assert len(set(titles)) == len(titles)
    for finding in answer.findings:
        assert finding.rows
        assert len(set(finding.columns)) == len(finding.columns)
        assert all(len(row) == len(finding.columns) for row in finding.rows)


def test_its_charts_can_be_drawn(answer: sw.Answer) -> None:
    assert all(chart.figure in FIGURES and chart.description.endswith(".") for chart in answer.charts)


def test_the_same_seed_gives_the_same_answer(answer: sw.Answer) -> None:
    assert sw.ask(answer.question, "smol", resamples=100).to_json() == answer.to_json()


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_takes_a_seed_and_has_a_documented_page(question: str) -> None:
    from pathlib import Path

    function = QUESTIONS[question]
    assert "seed" in inspect.signature(function).parameters
    assert "Raises QuestionError" in str(function.__doc__)
    docs = Path(__file__).resolve().parents[2] / "docs"
    assert f"scalewise ask {question}" in (docs / "questions.md").read_text()


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_command_it_prints_gives_the_same_answer(question: str, tmp_path: object) -> None:
    import shlex
    import subprocess
    import sys

    options = {"equal-compute": {"at": 1.23456789e12}, "model-size": {"flops": 1.23456789e12, "tolerance": 0.01}}
    answer = sw.ask(question, sw.read("smol", flops_by="6nd"), **options[question])
    _, *words = shlex.split(answer.repeat.command)
    done = subprocess.run(
        [sys.executable, "-m", "scalewise", *words, "--json"], capture_output=True, text=True, check=False
    )
    again = sw.Answer.from_json(done.stdout)
    assert again.findings == answer.findings
    assert again.repeat == answer.repeat
