"""`scalewise ask`: one command for every question, made from the question's own signature when it is asked for."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from scalewise.cli.options import (
    AsJson,
    ByItem,
    Column,
    Counting,
    Csv,
    FigureFont,
    Figures,
    FigureWidth,
    FromName,
    Html,
    Join,
    NanDiverged,
    Table,
    Where,
    check_outputs,
    check_paper,
    read_table,
)
from scalewise.cli.status import CANNOT_TELL
from scalewise.questions import QUESTIONS, Question, check_call

if TYPE_CHECKING:
    from scalewise.questions.answer import Answer

READING: dict[str, Any] = {
    "where": Where,
    "column": Column,
    "nan_means_diverged": NanDiverged,
    "flops_by": Counting,
    "from_name": FromName,
    "join": Join,
    "by_item": ByItem,
}
GIVING: dict[str, Any] = {
    "json": AsJson,
    "csv": Csv,
    "html": Html,
    "save_figures": Figures,
    "figure_width": FigureWidth,
    "figure_font": FigureFont,
}
DEFAULTS = {"nan_means_diverged": False, "flops_by": "given", "by_item": False, "json": False}


class QuestionGroup(TyperGroup):
    """Lists questions without loading them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(QUESTIONS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        question = check_call(cmd_name, {})
        command = typer.Typer(rich_markup_mode=None, add_completion=False)
        command.command(question.name, epilog=f"Example: scalewise ask {question.name} {question.example}")(
            _command(question)
        )
        made = typer.main.get_command(command)
        made.name = question.name
        return made

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Questions"):
            formatter.write_dl([(question.name, question.settles) for question in QUESTIONS.values()])


def _command(question: Question) -> Callable[..., None]:
    """A function with the question's options, the table's and the output's, for Typer to read."""

    def answer(runs: str, **options: Any) -> None:
        reading = {name: options.pop(name) for name in READING}
        giving = {name: options.pop(name) for name in GIVING}
        check_call(question.name, options)
        check_outputs(giving["html"], giving["save_figures"], giving["csv"])
        check_paper(giving["figure_width"], giving["figure_font"])
        table = read_table(runs, **reading)
        give(question.function(table, **options), **giving)

    parameters: list[tuple[str, Any, Any]] = [("runs", Table, inspect.Parameter.empty)]
    for name, declared in question.options.items():
        shown = typer.Option(help=declared.option.help, hidden=declared.for_programs)
        parameters.append((name, Annotated[declared.kind, shown], declared.default))
    parameters += [(name, kind, DEFAULTS.get(name)) for name, kind in (READING | GIVING).items()]
    signature = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, kind, default in parameters
    ]
    answer.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    answer.__annotations__ = {name: kind for name, kind, _ in parameters}
    answer.__doc__ = question.settles
    return answer


def give(
    answer: "Answer",
    json: bool,
    csv: Path | None,
    html: Path | None,
    save_figures: Path | None,
    figure_width: float | None = None,
    figure_font: str | None = None,
) -> None:
    """Print the answer, write what was asked for, and end with the status that tells a script what happened."""
    from rich.console import Console

    if json:
        typer.echo(answer.to_json())
    else:
        from scalewise.report.terminal import show

        show(answer, Console(highlight=False))
    if html:
        answer.to_html(html)
        typer.echo(f"wrote {html}", err=True)
    written = answer.save_tables(csv) if csv else []
    if save_figures:
        written += answer.save_figures(save_figures, width=figure_width, font=figure_font)
    for path in written:
        typer.echo(f"wrote {path}", err=True)
    if answer.verdict == "the data cannot tell":
        raise typer.Exit(CANNOT_TELL)
