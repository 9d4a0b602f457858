"""`scalewise probe contamination`: do sums and their answers stand in a text, in any form?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from scalewise.questions.answer import Answer

EXAMPLE = "Example: scalewise probe contamination stdlib --operation plus --low 10 --high 99"


def command(
    corpus: Annotated[
        str,
        typer.Argument(
            metavar="TEXT", help="A file or folder (text, JSON lines, CSV, Parquet, .gz, .zst), or 'stdlib'."
        ),
    ],
    operation: Annotated[Literal["plus", "minus", "times"], typer.Option(help="What is asked.")] = "plus",
    low: Annotated[int, typer.Option(help="Smallest operand.", min=0)] = 10,
    high: Annotated[int, typer.Option(help="Largest operand.", min=1)] = 99,
    forms: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Further ways of writing, as TOML; see the documentation.")
    ] = None,
) -> "Answer":
    import shlex

    from scalewise.errors import QuestionError
    from scalewise.probes.memorising.contamination import Task, search
    from scalewise.probes.memorising.forms import load_forms
    from scalewise.questions.contamination import contamination

    if low >= high:
        raise QuestionError(f"--low {low} must be below --high {high}.")
    task = Task(operation, low, high)
    found = search(corpus, task, load_forms(forms))
    words = ["scalewise", "probe", "contamination", corpus, "--operation", operation, "--low", low, "--high", high]
    repeat = shlex.join([*map(str, words), *(["--forms", str(forms)] if forms else [])])
    sums = {"plus": "additions", "minus": "subtractions", "times": "products"}[operation]
    asked, again = f"{sums} of {low} to {high}", (repeat, corpus, found.sha256)
    return contamination(found.scan.counts(), found.scan.examples, task.pairs, asked, again)
