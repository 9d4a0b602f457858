"""Every question, on a small table of its own: the promises that hold for all of them."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.contracts.worlds import WORLDS

import scalewise as sw
from scalewise.questions import QUESTIONS
from scalewise.report.export import as_svg
from scalewise.report.figures import FIGURES

DOCS = Path(__file__).resolve().parents[2] / "docs" / "questions"


def source(question: str, folder: Path) -> str:
    """The question's table as something that the command line can read."""
    table = WORLDS[question].table
    if table is None:
        return "smol"
    path = folder / "runs.csv"
    table().write_csv(path)
    return str(path)


def asked(question: str, runs: object) -> sw.Answer:
    options = {**WORLDS[question].options}
    if "resamples" in QUESTIONS[question].options:
        options["resamples"] = 100
    return sw.ask(question, runs, **options)


@pytest.fixture(scope="module", params=list(QUESTIONS))
def here(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A question, and where its table is."""
    return request.param, source(request.param, tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def answer(here: tuple[str, str]) -> sw.Answer:
    return asked(*here)


def test_it_is_an_answer_with_everything_a_reader_needs(answer: sw.Answer) -> None:
    assert answer.verdict in ("yes", "no", "the data cannot tell")
    assert answer.claim
    assert answer.sentence.endswith(".")
    assert answer.sentence.count("\n") == 0
    assert answer.findings
    assert answer.charts or answer.question == "audit"
    assert answer.assumptions
    assert answer.repeat.command.startswith(f"scalewise ask {answer.question} ")
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
    for chart in answer.charts:
        assert chart.figure in FIGURES
        assert chart.description.endswith(".")
        assert as_svg(chart).startswith("<svg")


def test_the_same_seed_gives_the_same_answer(here: tuple[str, str], answer: sw.Answer) -> None:
    assert asked(*here).to_json() == answer.to_json()


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_takes_a_seed_and_has_a_documented_page(question: str) -> None:
    assert "seed" in QUESTIONS[question].options
    assert "Raises QuestionError" in str(QUESTIONS[question].function.__doc__)
    assert QUESTIONS[question].settles.endswith((".", "?"))
    page = (DOCS / f"{question}.md").read_text()
    assert f"$ scalewise ask {question} " in page
    assert all(f"--{name.replace('_', '-')}" in page for name in QUESTIONS[question].options if name not in USUAL)
    assert f"]({question}.md)" in (DOCS / "README.md").read_text()


USUAL = ("seed", "resamples")
"""Options that need no words on every page."""


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_command_it_prints_gives_the_same_answer(question: str, tmp_path: Path) -> None:
    here = source(question, tmp_path)
    runs = sw.read(here, flops_by="6nd") if here == "smol" else sw.read(here)
    answer = sw.ask(question, runs, **WORLDS[question].options)
    _, *words = shlex.split(answer.repeat.command)
    done = subprocess.run(
        [sys.executable, "-m", "scalewise", *words, "--json"], capture_output=True, text=True, check=False
    )
    again = sw.Answer.from_json(done.stdout)
    assert again.findings == answer.findings
    assert again.repeat == answer.repeat
