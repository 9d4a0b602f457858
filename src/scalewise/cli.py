"""The commands. Thin: parse, call, print; every error a user can cause is caught here, once."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

Compute = Literal["flops", "gpu_hours"]
Points = Literal["ended", "all"]
FlopsBy = Literal["given", "full", "6nd"]

if TYPE_CHECKING:
    from scalewise.lab.study import QuestionCall
    from scalewise.questions import Answer
    from scalewise.runs import Runs

CANNOT_TELL = 3
WRONG_USE = 2
INTERRUPTED = 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Settle claims about scale in deep learning: runs go in, an honest answer comes out.",
    epilog="Exit status: 0 answered, 3 the data cannot tell, 2 wrong use or bad input.",
)
ask = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Ask a question of a table of runs (a file, a store, or 'smol')."
)
app.add_typer(ask, name="ask")


Table = Annotated[
    str,
    typer.Argument(
        metavar="RUNS", help="CSV, Parquet or JSON-lines file, store folder, 'smol', or - for CSV on standard input."
    ),
]
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
Seed = Annotated[int, typer.Option(help="Seed of everything random.", min=0)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the whole answer as JSON instead of text.")]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write one self-contained HTML file.")]
Figures = Annotated[
    Path | None, typer.Option("--save-figures", metavar="DIR", help="Also save every figure as SVG, PDF and PNG.")
]


@ask.command(
    "equal-compute",
    epilog="Example: scalewise ask equal-compute smol --html out/equal-compute.html",
)
def ask_equal_compute(
    runs: Table,
    at: Annotated[
        float | None, typer.Option(help="Compute to compare at. Default: what the largest model was given.")
    ] = None,
    compute: Annotated[
        Compute | None, typer.Option(help="Unit of compute. Default: gpu_hours where the table has them.")
    ] = None,
    column: Column = None,
    nan_means_diverged: NanDiverged = False,
    flops_by: Counting = "given",
    seed: Seed = 0,
    json: AsJson = False,
    html: Html = None,
    save_figures: Figures = None,
) -> None:
    """Every size at the same compute: which wins, and how much longer must the small ones train?"""
    from scalewise.questions.equal_compute import equal_compute

    table = _read(runs, column, nan_means_diverged, flops_by)
    _give(equal_compute(table, at=at, compute=compute, seed=seed), json, html, save_figures)


@ask.command(
    "model-size",
    epilog="Example: scalewise ask model-size smol --flops 4e12 --tolerance 0.005 --serve-tokens 1e9",
)
def ask_model_size(
    runs: Table,
    flops: Annotated[
        float | None, typer.Option(help="Training compute to spend. Default: the largest observed.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Loss above the optimum that is acceptable, as a fraction of it.")
    ] = 0.005,
    tolerance_nats: Annotated[float | None, typer.Option(help="The same in nats per token, instead.")] = None,
    serve_tokens: Annotated[
        float | None, typer.Option(help="Tokens that will be served, to see what a smaller model saves.")
    ] = None,
    points: Annotated[Points, typer.Option(help="One point per run at its end, or every logged point.")] = "ended",
    column: Column = None,
    nan_means_diverged: NanDiverged = False,
    flops_by: Counting = "given",
    seed: Seed = 0,
    json: AsJson = False,
    html: Html = None,
    save_figures: Figures = None,
) -> None:
    """Which size for this compute: the optimum, and the smallest that is as good within a tolerance."""
    from scalewise.questions.model_size import model_size

    table = _read(runs, column, nan_means_diverged, flops_by)
    answer = model_size(
        table,
        flops=flops,
        tolerance=tolerance,
        tolerance_nats=tolerance_nats,
        serve_tokens=serve_tokens,
        points=points,
        seed=seed,
    )
    _give(answer, json, html, save_figures)


@app.command("read", epilog="Example: scalewise read runs.csv --column params=n_weights --save tidy.parquet")
def read_runs(
    runs: Table,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tidy table: .csv or .parquet.")] = None,
    column: Column = None,
    nan_means_diverged: NanDiverged = False,
    flops_by: Counting = "given",
) -> None:
    """Read a table and say what was taken as what, inferred or left alone."""
    table = _read(runs, column, nan_means_diverged, flops_by)
    if save:
        table.save(save)
    typer.echo(str(table))
    if save:
        typer.echo(f"saved {save}", err=True)


@app.command("report", epilog="Example: scalewise report smol --into out/demo.html")
def report(
    runs: Table,
    into: Annotated[Path, typer.Option(metavar="FILE", help="The HTML file to write.")],
    study: Annotated[
        Path | None, typer.Option(help="Ask this study's questions. Default: every question, as it stands.")
    ] = None,
    column: Column = None,
    seed: Seed = 0,
) -> None:
    """Ask several questions of one table, print the answers and write them into one HTML file."""
    from scalewise.questions import QUESTIONS

    calls = [(call.ask, call.options) for call in _study_questions(study)] if study else [(q, {}) for q in QUESTIONS]
    _report(_read(runs, column, False, "given"), calls, into, seed)


@app.command("train", epilog="Example: scalewise train studies/lab.toml --into out/lab --html out/lab.html")
def train(
    study: Annotated[Path, typer.Argument(help="The study's TOML file.")],
    into: Annotated[
        Path, typer.Option(metavar="DIR", help="Where runs are kept; the same folder goes on where it stopped.")
    ],
    workers: Annotated[int | None, typer.Option(help="Runs trained at once. Default: one per core.", min=1)] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ask the study's questions at the end and write this file.")
    ] = None,
) -> None:
    """Train the suite a study declares: every size tuned alike, at equal compute, with several seeds."""
    _need_torch()
    from scalewise.lab.suite import train_study
    from scalewise.runs import read

    store = train_study(study, into, workers or _cores(), device)
    calls = [(call.ask, call.options) for call in _study_questions(study)]
    runs = read(store.path)
    typer.echo(f"trained {len(runs)} runs into {store.path}", err=True)
    if html:
        _report(runs, calls, html, seed=0)


def _read(source: str, column: list[str] | None, nan_means_diverged: bool, flops_by: FlopsBy) -> "Runs":
    from scalewise.errors import TableError
    from scalewise.runs import read

    named = {}
    for pair in column or []:
        ours, equals, theirs = pair.partition("=")
        if not equals:
            raise TableError(f"--column {pair}: write OURS=THEIRS, for example params=n_weights.")
        named[ours] = theirs
    return read(source, named, nan_means_diverged, flops_by)


def _give(answer: "Answer", json: bool, html: Path | None, figures: Path | None) -> None:
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
    if figures:
        for path in answer.save_figures(figures):
            typer.echo(f"wrote {path}", err=True)
    if answer.verdict == "the data cannot tell":
        raise typer.Exit(CANNOT_TELL)


def _report(runs: "Runs", calls: list[tuple[str, dict[str, object]]], into: Path, seed: int) -> None:
    from rich.console import Console

    from scalewise.questions import ask as ask_question
    from scalewise.report.html import write_html
    from scalewise.report.terminal import show

    console = Console(highlight=False)
    answers = [ask_question(question, runs, **{"seed": seed, **options}) for question, options in calls]
    for answer in answers:
        console.rule(answer.question)
        show(answer, console)
    write_html(answers, into)
    console.print(f"\nThe report is in {into}", highlight=False)


def _study_questions(study: Path) -> "tuple[QuestionCall, ...]":
    from scalewise.lab.study import load_study

    return load_study(study).questions


def _need_torch() -> None:
    from importlib.util import find_spec

    from scalewise.errors import MissingExtraError

    if find_spec("torch") is None:
        raise MissingExtraError("PyTorch", "train", "training")


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    """The entry point: errors become one sentence and an exit status."""
    from scalewise.errors import ScalewiseError

    try:
        app()
    except ScalewiseError as error:
        typer.echo(f"scalewise: {error}", err=True)
        sys.exit(WRONG_USE)
    except KeyboardInterrupt:
        typer.echo("scalewise: interrupted; a study goes on from here when the same command is given again.", err=True)
        sys.exit(INTERRUPTED)
