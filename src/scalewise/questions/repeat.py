"""How to obtain an answer again: the command, with only the options that were given."""

import shlex
from collections.abc import Mapping

from scalewise.questions.answer import Repeat
from scalewise.runs.readers import STANDARD_INPUT
from scalewise.runs.table import Runs
from scalewise.version import VERSION


def repeat(question: str, runs: Runs, seed: int, options: Mapping[str, object]) -> Repeat:
    words = ["scalewise", "ask", question, "-" if runs.source == STANDARD_INPUT else runs.source]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    if seed:
        words += ["--seed", str(seed)]
    return Repeat(shlex.join(words), VERSION, seed, runs.source, runs.sha256)
