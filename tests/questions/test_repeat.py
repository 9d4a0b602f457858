"""The command that repeats an answer: whatever the words, a shell takes them apart as they were."""

import shlex
from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import scalewise as sw
from scalewise.cli import app
from scalewise.questions.repeat import command_line, repeat


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_a_shell_reads_the_same_words(words: list[str]) -> None:
    assert shlex.split(command_line(words)) == words


def test_a_condition_stays_readable() -> None:
    assert command_line(["--where", "arch == 'llama'"]) == """--where "arch == 'llama'\""""
    assert "$" not in command_line(["a'b"])
    assert command_line(["it's $5"]) == shlex.quote("it's $5")


def test_options_at_their_defaults_need_no_words() -> None:
    runs = sw.read("smol")
    assert repeat("audit", runs, 0, {"group": None, "strict": False}).command == "scalewise ask audit smol"
    assert repeat("audit", runs, 0, {"strict": True}).command == "scalewise ask audit smol --strict"
    again = repeat("trend", runs, 3, {"x": "params", "within": 50.0, "resamples": 200})
    assert again.command == "scalewise ask trend smol --within 50 --resamples 200 --seed 3"


def test_an_answer_about_several_files_names_them_all(known_world: pl.DataFrame, tmp_path: Path) -> None:
    paths = [tmp_path / "small.csv", tmp_path / "it's large.csv"]
    small = pl.col("params") < 1e8
    for path, part in zip(paths, (small, ~small), strict=True):
        known_world.filter(part).write_csv(path)
    answer = sw.ask("audit", paths)
    words = shlex.split(answer.repeat.command)
    assert words == ["scalewise", "ask", "audit", *map(str, paths)]
    again = CliRunner().invoke(app, [*words[1:], "--json"])
    assert sw.Answer.from_json(again.stdout) == answer
