"""`scalewise read`: logs in, one tidy table out, and a report of what was done to them on the way."""

from pathlib import Path
from typing import Annotated

import typer

from scalewise.cli.options import (
    ByItem,
    Column,
    Counting,
    FromName,
    Join,
    NanDiverged,
    Where,
    check_outputs,
    read_table,
)

Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH...", help="Logs of any known format: files, folder trees, patterns; mixed as you like."
    ),
]


def read_runs(
    paths: Paths,
    into: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the table and its reading report; DIR is then RUNS.")
    ] = None,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tidy table: .csv or .parquet.")] = None,
    from_name: FromName = None,
    join: Join = None,
    by_item: ByItem = False,
    where: Where = None,
    column: Column = None,
    nan_means_diverged: NanDiverged = False,
    flops_by: Counting = "given",
) -> None:
    """Read logs of any known format and say what was taken as what, inferred, converted, left out or is missing."""
    from scalewise.runs import saved

    check_outputs(save)
    if into:
        saved.check_folder(into)
    source = paths[0] if len(paths) == 1 else paths
    runs = read_table(source, where, column, nan_means_diverged, flops_by, from_name, join, by_item)
    if into:
        saved.save(runs, into)
    if save:
        runs.save(save)
    typer.echo(str(runs))
    if into:
        typer.echo(f"wrote {into}; ask of it with: scalewise ask QUESTION {into}", err=True)
    if save:
        typer.echo(f"saved {save}", err=True)
