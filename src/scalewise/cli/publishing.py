"""The command that writes a trained run as a folder for others."""

from pathlib import Path
from typing import Annotated

import typer

from scalewise.cli.training import check_torch


def publish(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="A run's folder (STUDY/runs/RUN), or a study's folder for its run with the lowest loss.",
        ),
    ],
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write; it must not be there yet.")],
    name: Annotated[str | None, typer.Option(help="What the model is called. Default: study and run.")] = None,
    license_id: Annotated[
        str | None, typer.Option("--license", metavar="ID", help="Licence of the weights, such as apache-2.0.")
    ] = None,
    chat_template: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A Jinja template of a conversation. Default: chat_template.jinja beside the study's tokenizer.",
        ),
    ] = None,
    end_of_answer: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="With a chat template: what ends an answer, one token; \\n for a new line."),
    ] = None,
) -> None:
    """Write a trained run as a model that transformers loads, with its card, report, runs, study and checksums."""
    check_torch()
    from scalewise.errors import StudyError
    from scalewise.publish import Chat, kept_template
    from scalewise.publish import publish as write

    template = _text(chat_template) if chat_template else kept_template(run)
    if end_of_answer and not template:
        raise StudyError("--end-of-answer needs --chat-template FILE; none lay beside the study's tokenizer.")
    end = end_of_answer.replace("\\n", "\n") if end_of_answer else None
    chat = Chat(template, end) if template else None
    chosen = write(run, to, name=name, license_id=license_id, chat=chat)
    typer.echo(f"published {chosen} in {to}; try: python {to / 'demo.py'}")


def _text(path: Path) -> str:
    from scalewise.errors import StudyError

    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise StudyError(f"--chat-template {path}: is no text.") from None
