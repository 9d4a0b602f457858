"""Options that several commands share, and what they do: reading a table, and checking early what will be written."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from scalewise.runs import Runs

FlopsBy = Literal["given", "full", "6nd"]

Table = Annotated[
    str,
    typer.Argument(
        metavar="RUNS", help="A table, a log or a folder of logs, a store, 'smol', or - for CSV on standard input."
    ),
]
Tables = Annotated[
    list[str],
    typer.Argument(
        metavar="RUNS",
        help="Tables, logs and folders of logs, or one of: a store, 'smol', - for CSV on standard input.",
    ),
]
Group = Annotated[str | None, typer.Option(help="Only this group of runs, where the table has several.")]
Column = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="OURS=THEIRS", help="Name a column, e.g. params=n_weights. May be repeated."),
]
NanDiverged = Annotated[
    bool, typer.Option("--nan-means-diverged", help="A loss that is not a number is a diverged run.")
]
Counting = Annotated[
    FlopsBy, typer.Option("--flops-by", help="Operations: as given, counted in full from the shape, or 6ND.")
]
FromName = Annotated[
    str | None,
    typer.Option("--from-name", metavar="PATTERN", help="Columns from runs' names: 'd={width:int}_{params:size}'."),
]
Join = Annotated[
    Path | None, typer.Option("--join", metavar="FILE", help="A table of one row a run that fills in sizes or recipes.")
]
ByItem = Annotated[
    bool, typer.Option("--by-item", help="A row an item instead of a row a model: samples of lm-eval and Inspect.")
]
Seed = Annotated[int, typer.Option(help="Seed of everything random.", min=0)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the whole answer as JSON instead of text.")]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write one self-contained HTML file.")]
Figures = Annotated[
    Path | None, typer.Option("--save-figures", metavar="DIR", help="Also save every figure as SVG, PDF and PNG.")
]
FigureWidth = Annotated[
    float | None,
    typer.Option("--figure-width", metavar="INCHES", help="Of saved figures: 6.8 (default), or 3.3 for one column."),
]
FigureFont = Annotated[
    str | None,
    typer.Option(
        "--figure-font", metavar="NAME", help="Of saved figures: an installed font instead of Computer Modern."
    ),
]
Where = Annotated[
    str | None,
    typer.Option("--where", metavar="CONDITION", help="Only rows like this: \"arch == 'llama' and loss < 9\"."),
]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="DIR", help="Also save every table as CSV.")]


def check_outputs(file: Path | None, *folders: Path | None) -> None:
    """Find out before the work whether its result can be written."""
    from scalewise.runs.files import check_writable

    if file is not None:
        check_writable(file)
    for folder in folders:
        if folder is not None and not folder.is_dir():
            check_writable(folder / "figure.svg")


def check_paper(width: float | None, font: str | None) -> None:
    """Find out before the work whether figures can be drawn so."""
    if width is not None or font is not None:
        from scalewise.report.paper import PAGE, USUAL_FONT, check

        check(PAGE if width is None else width, font or USUAL_FONT)


def read_table(
    source: str | list[str],
    where: str | None,
    column: list[str] | None,
    nan_means_diverged: bool,
    flops_by: FlopsBy,
    from_name: str | None = None,
    join: Path | None = None,
    by_item: bool = False,
) -> "Runs":
    from scalewise.errors import TableError
    from scalewise.runs import read

    named: dict[str, str] = {}
    for pair in column or []:
        ours, equals, theirs = pair.partition("=")
        if not equals or ours in named:
            why = "given twice" if equals else "write OURS=THEIRS, for example params=n_weights"
            raise TableError(f"--column {pair}: {why}.")
        named[ours] = theirs
    runs = read(source, named, nan_means_diverged, flops_by, from_name, join, by_item, progress=True)
    return runs.filtered(where) if where else runs
