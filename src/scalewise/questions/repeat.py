"""How to obtain an answer again: the command, with only the options that were given."""

import shlex
from collections.abc import Iterable, Mapping

from scalewise.questions.answer import Repeat
from scalewise.runs.numerals import brief
from scalewise.runs.readers import STANDARD_INPUT
from scalewise.runs.readers.frames import DATA_FRAME, OPEN_FILE
from scalewise.runs.table import Runs
from scalewise.version import VERSION


def repeat(question: str, runs: Runs, seed: int, options: Mapping[str, object]) -> Repeat:
    """Options that are None or the question's defaults are left out."""
    from scalewise.questions import QUESTIONS

    usual = QUESTIONS[question].options
    given = {name: value for name, value in options.items() if value is not None and value != usual[name].default}
    if seed:
        given["seed"] = seed
    if runs.source in (DATA_FRAME, OPEN_FILE):
        words = "".join(f", {name}={_exact(value)!r}" for name, value in given.items())
        return Repeat(f'sw.ask("{question}", runs{words})', VERSION, seed, runs.source, runs.sha256)
    read = runs.paths or ["-" if runs.source == STANDARD_INPUT else runs.source]
    command = ["scalewise", "ask", question, *read, *runs.read_with]
    for name, value in given.items():
        for one in value if isinstance(value, list) else [value]:
            command += [f"--{name.replace('_', '-')}", *([] if one is True else [str(_exact(one))])]
    return Repeat(command_line(command), VERSION, seed, runs.source, runs.sha256)


def command_line(words: Iterable[str]) -> str:
    """The words as a shell takes them; those with an apostrophe in double quotes, where that is safe."""
    return " ".join(f'"{w}"' if "'" in w and not set(w) & set('"$`\\!') else shlex.quote(w) for w in words)


def _exact(value: object) -> object:
    """A float as short as it can be without becoming another number: 4e12, not 4000000000000.0."""
    if not isinstance(value, float):
        return value
    short = brief(value, 6)
    return _Literal(short) if float(short) == value else value


class _Literal(str):
    """Text that stands for itself, unquoted, in Python as on the command line."""

    def __repr__(self) -> str:
        return str(self)
