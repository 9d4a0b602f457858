"""`scalewise ask`: one command for every question, made from the question's own signature when it is asked for."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from scalewise.cli.giving import giving
from scalewise.cli.options import ByItem, Column, Counting, FromName, Join, NanDiverged, Tables, Where, read_table
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
DEFAULTS = {"nan_means_diverged": False, "flops_by": "given", "by_item": False}


class QuestionGroup(TyperGroup):
    """Lists questions without loading them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(QUESTIONS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        question = check_call(cmd_name, {})
        command = typer.Typer(rich_markup_mode=None, add_completion=False)
        command.command(question.name, epilog=f"Example: scalewise ask {question.name} {question.example}")(
            giving(_command(question))
        )
        made = typer.main.get_command(command)
        made.name = question.name
        return made

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Questions"):
            formatter.write_dl([(question.name, question.settles) for question in QUESTIONS.values()])


def _command(question: Question) -> "Callable[..., Answer]":
    """A function with the question's options and the table's, for Typer to read."""

    def answer(runs: list[str], **options: Any) -> "Answer":
        reading = {name: options.pop(name) for name in READING}
        check_call(question.name, options)
        return question.function(read_table(runs if len(runs) > 1 else runs[0], **reading), **options)

    parameters: list[tuple[str, Any, Any]] = [("runs", Tables, inspect.Parameter.empty)]
    for name, declared in question.options.items():
        shown = typer.Option(help=declared.option.help, hidden=declared.for_programs)
        parameters.append((name, Annotated[declared.kind, shown], declared.default))
    parameters += [(name, kind, DEFAULTS.get(name)) for name, kind in READING.items()]
    signature = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, kind, default in parameters
    ]
    answer.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    answer.__doc__ = question.settles
    return answer
