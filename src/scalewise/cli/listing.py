"""`scalewise runs` and `scalewise export`: what is in a table of runs, and the table or a model for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from scalewise.cli.options import Column, Counting, NanDiverged, Table, Where, check_outputs, read_table

if TYPE_CHECKING:
    import polars as pl


UNBROKEN = 10_000
"""Characters of a line where no terminal breaks it: a file or another program."""


def list_runs(
    runs: Table,
    sort: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Sort by this column; by the first if not said.")
    ] = None,
    descending: Annotated[bool, typer.Option("--descending", help="The largest first.")] = False,
    group_by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="One line a value instead, with the spread over its runs. May be repeated."
        ),
    ] = None,
    of: Annotated[str, typer.Option(metavar="COLUMN", help="The outcome whose spread is shown.")] = "loss",
    show: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="Show these columns. May be repeated.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="At most this many lines.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines, all of them.")] = False,
    where: Where = None,
    column: Column = None,
    nan_means_diverged: NanDiverged = False,
    flops_by: Counting = "given",
) -> None:
    """List the runs of a table or store, each at its end; or the spread over the seeds of each size and setting."""
    from scalewise.runs.listing import at_their_end, ordered, spread

    table = read_table(runs, where, column, nan_means_diverged, flops_by)
    listed = spread(table, group_by, of) if group_by else at_their_end(table, show or ())
    listed = ordered(listed, sort, descending)
    if as_json:
        typer.echo(listed.write_ndjson().rstrip("\n"))
    else:
        _print(listed, most)


def _print(table: "pl.DataFrame", most: int) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    from scalewise.questions.answer import Finding
    from scalewise.report.cells import of_one_group, shown

    listed = Finding("", tuple(table.columns), tuple(table.head(most).iter_rows()))
    headings, rows = shown(listed, of_one_group([listed]))
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for heading in headings:
        numeric = heading.replace(" ", "_") in table.columns and table[heading.replace(" ", "_")].dtype.is_numeric()
        grid.add_column(Text(heading), justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False)
    console.print(grid, width=None if console.is_terminal else UNBROKEN)
    if table.height > most:
        typer.echo(f"and {table.height - most:,} more; see them with --most {table.height}")


def export_runs(
    runs: Table,
    to: Annotated[
        str,
        typer.Option(
            metavar="csv|parquet|jsonl|wandb-names|DIR",
            help="wandb-names: CSV with the names that W&B's own logs use. A new folder: the model of a trained run.",
        ),
    ],
    into: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to; runs.ENDING if not said.")] = None,
    where: Where = None,
    column: Column = None,
    nan_means_diverged: NanDiverged = False,
    flops_by: Counting = "given",
) -> None:
    """Write the tidy table of any logs that can be read, for other programs; or a trained run, as `publish` does."""
    from scalewise.runs.export import Ending, export

    if to not in get_args(Ending):
        _export_model(Path(runs), to)
        return
    file = into or Path(f"runs.{'csv' if to == 'wandb-names' else to}")
    check_outputs(file)
    table = read_table(runs, where, column, nan_means_diverged, flops_by)
    export(table, cast("Ending", to), file)
    typer.echo(f"wrote {file}: {len(table):,} rows")


def _export_model(run: Path, to: str) -> None:
    from scalewise.cli.publishing import publish
    from scalewise.errors import QuestionError
    from scalewise.runs.export import Ending
    from scalewise.runs.store import Store

    if not any(Store.is_store(study) for study in (run, run.parent.parent)):
        raise QuestionError(
            f"--to {to}: give {', '.join(get_args(Ending))}; or a new folder, where {run} is a trained run or study."
        )
    publish(run, Path(to))
