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
) -> None:
    """Write a trained run as a model that transformers loads, with its card, report, runs, study and checksums."""
    check_torch()
    from scalewise.publish import publish as write

    chosen = write(run, to, name=name, license_id=license_id)
    typer.echo(f"published {chosen} in {to}; try: python {to / 'demo.py'}")
