"""What all commands that give an answer share: how it is shown and written, checked before the work begins."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from scalewise.cli.options import (
    AsJson,
    Csv,
    FigureFont,
    Figures,
    FigureWidth,
    Html,
    check_outputs,
    check_paper,
)
from scalewise.cli.status import CANNOT_TELL

if TYPE_CHECKING:
    from scalewise.questions.answer import Answer

OUTPUTS: dict[str, tuple[Any, Any]] = {
    "json": (AsJson, False),
    "csv": (Csv, None),
    "html": (Html, None),
    "save_figures": (Figures, None),
    "figure_width": (FigureWidth, None),
    "figure_font": (FigureFont, None),
}


def giving(command: "Callable[..., Answer | None]") -> Callable[..., None]:
    """A command that returns an answer, with the options that say how the answer is given; None gives nothing."""

    def run(**options: Any) -> None:
        outputs = {name: options.pop(name) for name in OUTPUTS}
        check_outputs(outputs["html"], outputs["save_figures"], outputs["csv"])
        check_paper(outputs["figure_width"], outputs["figure_font"])
        answer = command(**options)
        if answer is not None:
            give(answer, **outputs)

    own = inspect.signature(command).parameters.values()
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, (kind, default) in OUTPUTS.items()
    ]
    run.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *added)}
    run.__doc__ = command.__doc__
    return run


def give(
    answer: "Answer",
    json: bool,
    csv: Path | None,
    html: Path | None,
    save_figures: Path | None,
    figure_width: float | None,
    figure_font: str | None,
) -> None:
    """Write what was asked for, print the answer (last, since `| head` ends the command), and end with the status that
    tells a script what happened."""
    if html:
        answer.to_html(html)
        typer.echo(f"wrote {html}", err=True)
    written = answer.save_tables(csv) if csv else []
    if save_figures:
        written += answer.save_figures(save_figures, width=figure_width, font=figure_font)
    for path in written:
        typer.echo(f"wrote {path}", err=True)
    if json:
        typer.echo(answer.to_json())
    else:
        from rich.console import Console

        from scalewise.report.terminal import show

        show(answer, Console(highlight=False))
    if answer.verdict == "the data cannot tell":
        raise typer.Exit(CANNOT_TELL)
