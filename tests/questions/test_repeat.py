"""The command that repeats an answer: whatever the words, a shell takes them apart as they were."""

import shlex

from hypothesis import given
from hypothesis import strategies as st

from scalewise.questions.repeat import command_line


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_a_shell_reads_the_same_words(words: list[str]) -> None:
    assert shlex.split(command_line(words)) == words


def test_a_condition_stays_readable() -> None:
    assert command_line(["--where", "arch == 'llama'"]) == """--where "arch == 'llama'\""""
    assert "$" not in command_line(["a'b"])
    assert command_line(["it's $5"]) == shlex.quote("it's $5")
