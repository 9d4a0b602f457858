"""An Answer as terminal text."""

from io import StringIO
from typing import TYPE_CHECKING

from scalewise.questions import wording
from scalewise.report.cells import of_one_group, shown, words

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from scalewise.questions.answer import Answer, Finding

MOST_ROWS = 14
COLOURS = {"yes": "green", "no": "red", "the data cannot tell": "yellow"}


def as_text(answer: "Answer") -> str:
    """The answer as plain text, 110 columns wide."""
    from rich.console import Console

    file = StringIO()
    show(answer, Console(file=file, width=110, color_system=None, highlight=False))
    return file.getvalue().rstrip()


def show(answer: "Answer", console: "Console") -> None:
    """Print the answer: the sentence and verdict first, then the tables, then what to mind."""
    from rich.markup import escape

    def line(text: str, style: str = "") -> None:
        console.print(escape(text), style=style, highlight=False, soft_wrap=False)

    line(answer.sentence, "bold")
    console.print()
    chance = "" if answer.probability is None else f" (probability {wording.probability(answer.probability)})"
    console.print(
        f"[bold {COLOURS[answer.verdict]}]{answer.verdict}[/]{escape(chance)}: {escape(answer.claim)}", highlight=False
    )
    one_group = of_one_group(answer.findings)
    for finding in answer.findings:
        console.print()
        console.print(_table(finding, one_group))
        if finding.note:
            line(finding.note, "dim")
    for title, items in (
        ("warnings", [f"{w.code}: {w.message}" for w in answer.warnings]),
        ("assumed", answer.assumptions),
        ("read", answer.reading),
        ("next run", [answer.next_run] if answer.next_run else []),
    ):
        if items:
            console.print()
            line(title, "bold")
            for item in items:
                console.print(_bullet(item))
    console.print()
    line(
        f"again: {answer.repeat.command}   (scalewise {answer.repeat.version}, seed {answer.repeat.seed}, "
        f"data {answer.repeat.data_sha256[:12]})",
        "dim",
    )


def _table(finding: "Finding", one_group: bool) -> "RenderableType":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    headings, rows = shown(finding, one_group)
    table = Table(
        title=Text(finding.title),
        box=box.SIMPLE_HEAD,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        collapse_padding=True,
    )
    for i, (heading, is_text) in enumerate(zip(headings, words(finding, one_group), strict=True)):
        table.add_column(Text(heading), justify="left" if i == 0 or is_text else "right")
    for row in rows[:MOST_ROWS]:
        table.add_row(*(Text(cell) for cell in row))
    if len(rows) > MOST_ROWS:
        table.caption = f"{len(rows) - MOST_ROWS} more rows with --json or --html"
        table.caption_justify = "left"
    return table


def _bullet(text: str) -> "RenderableType":
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(f"- {text}", overflow="fold"), (0, 0, 0, 2))
