"""The commands. Thin: parse, call, print; every error a user can cause is caught here, once."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

Compute = Literal["flops", "gpu_hours"]
Points = Literal["ended", "all"]
FlopsBy = Literal["given", "full", "6nd"]
Device = Literal["cpu", "cuda"]
Call = tuple[str, dict[str, Any]]
"""A question and its options."""

if TYPE_CHECKING:
    from scalewise.laws.families import Family
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


def _print_version(wanted: bool) -> None:
    if wanted:
        from scalewise.version import VERSION

        typer.echo(VERSION)
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")]


@app.callback()
def everything(version: Version = False) -> None:
    """What holds for every command."""


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
        Compute | None, typer.Option(help="Unit of compute. Default: gpu_hours where every row has them.")
    ] = None,
    group: Group = None,
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

    _check_outputs(html, save_figures)
    table = _read(runs, column, nan_means_diverged, flops_by)
    _give(equal_compute(table, at=at, compute=compute, group=group, seed=seed), json, html, save_figures)


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
        float | None, typer.Option(help="Loss above the optimum that will do, as a fraction of it.  [default: 0.005]")
    ] = None,
    tolerance_nats: Annotated[float | None, typer.Option(help="The same in nats per token, instead.")] = None,
    serve_tokens: Annotated[
        float | None, typer.Option(help="Tokens that will be served, to see what a smaller model saves.")
    ] = None,
    points: Annotated[Points, typer.Option(help="One point per run at its end, or every logged point.")] = "ended",
    group: Group = None,
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

    _check_outputs(html, save_figures)
    table = _read(runs, column, nan_means_diverged, flops_by)
    answer = model_size(
        table,
        flops=flops,
        tolerance=tolerance,
        tolerance_nats=tolerance_nats,
        serve_tokens=serve_tokens,
        points=points,
        group=group,
        seed=seed,
    )
    _give(answer, json, html, save_figures)


@app.command(
    "compare", epilog="Example: scalewise compare runs.csv --x params --y accuracy --family linear --family logistic"
)
def compare_laws(
    runs: Table,
    x: Annotated[str, typer.Option(help="The column of scale, for example params, tokens or flops.")] = "params",
    y: Annotated[str, typer.Option(help="The column of the outcome, for example loss or accuracy.")] = "loss",
    family: Annotated[
        list[str] | None, typer.Option("--family", metavar="NAME", help="Compare this family. May be repeated.")
    ] = None,
    items: Annotated[
        str | None, typer.Option(metavar="N|COLUMN", help="Items behind each accuracy: its errors are then binomial.")
    ] = None,
    errors: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column with the standard error of each y.")
    ] = None,
    chance: Annotated[
        float | None, typer.Option(help="The accuracy of guessing, for the logistic.", min=0, max=1)
    ] = None,
    simulations: Annotated[int, typer.Option(help="Data sets simulated from each family.", min=39)] = 200,
    group: Group = None,
    column: Column = None,
    nan_means_diverged: NanDiverged = False,
    flops_by: Counting = "given",
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Which laws describe y against x, can they be told apart, and which new run would settle it?"""
    from rich.console import Console

    from scalewise.laws import compare, fit_families
    from scalewise.questions.outcomes import outcomes
    from scalewise.report.comparison import comparison_json, show_comparison

    table = _read(runs, column, nan_means_diverged, flops_by).of_group(group)
    families = [_family(name) for name in family] if family else None
    points = outcomes(table, x, y, items, errors)
    if points.left_out:
        typer.echo(f"scalewise: {points.left_out} runs without {x} or {y} are left out", err=True)
    try:
        found = compare(fit_families(points.x, points.y, families, points.residual, chance, seed), simulations, seed)
    except ValueError as error:
        from scalewise.errors import QuestionError

        raise QuestionError(f"{table.source}: {error}.") from None
    if json:
        typer.echo(comparison_json(found))
    else:
        show_comparison(found, x, y, Console(highlight=False))
    if len(found.survivors) != 1:
        raise typer.Exit(CANNOT_TELL)


@app.command("read", epilog="Example: scalewise read runs.csv --column params=n_weights --save tidy.parquet")
def read_runs(
    runs: Table,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tidy table: .csv or .parquet.")] = None,
    column: Column = None,
    nan_means_diverged: NanDiverged = False,
    flops_by: Counting = "given",
) -> None:
    """Read a table and say what was taken as what, inferred or left alone."""
    _check_outputs(save)
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
    nan_means_diverged: NanDiverged = False,
    flops_by: Counting = "given",
    seed: Seed = 0,
) -> None:
    """Ask several questions of one table, print the answers and write them into one HTML file."""
    from scalewise.questions import QUESTIONS

    _check_outputs(into)
    calls = _study_questions(study) if study else [(question, {}) for question in QUESTIONS]
    _report(_read(runs, column, nan_means_diverged, flops_by), calls, into, seed)


@app.command("train", epilog="Example: scalewise train studies/lab.toml --into out/lab --html out/lab.html")
def train(
    study: Annotated[Path, typer.Argument(help="The study's TOML file.")],
    into: Annotated[
        Path, typer.Option(metavar="DIR", help="Where runs are kept; the same folder goes on where it stopped.")
    ],
    workers: Annotated[int | None, typer.Option(help="Runs trained at once. Default: one per core.", min=1)] = None,
    device: Annotated[Device, typer.Option(help="Where to train.")] = "cpu",
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ask the study's questions at the end and write this file.")
    ] = None,
) -> None:
    """Train the suite a study declares: every size tuned alike, at equal compute, with several seeds."""
    calls = _study_questions(study)  # a misspelt question is found before the training, not after it
    _check_outputs(html)
    _need_torch()
    from scalewise.lab.suite import train_study
    from scalewise.runs import read

    store = train_study(study, into, workers or _cores(), device)
    runs = read(store.path)
    typer.echo(f"trained {len(runs)} runs into {store.path}", err=True)
    if html:
        _report(runs, calls, html, seed=0)


def _check_outputs(file: Path | None, folder: Path | None = None) -> None:
    """Find out before the work whether its result can be written."""
    from scalewise.runs.files import check_writable

    if file is not None:
        check_writable(file)
    if folder is not None and not folder.is_dir():
        check_writable(folder / "figure.svg")


def _read(source: str, column: list[str] | None, nan_means_diverged: bool, flops_by: FlopsBy) -> "Runs":
    from scalewise.errors import TableError
    from scalewise.runs import read

    named: dict[str, str] = {}
    for pair in column or []:
        ours, equals, theirs = pair.partition("=")
        if not equals or ours in named:
            why = "given twice" if equals else "write OURS=THEIRS, for example params=n_weights"
            raise TableError(f"--column {pair}: {why}.")
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


def _report(runs: "Runs", calls: list[Call], into: Path, seed: int) -> None:
    """A question that cannot be asked of these runs does not keep the others from being answered."""
    from rich.console import Console

    from scalewise.errors import QuestionError, TableError
    from scalewise.questions import ask as ask_question
    from scalewise.report.html import write_html
    from scalewise.report.terminal import show

    console = Console(highlight=False)
    answers, refusals = [], []
    for question, options in calls:
        try:
            answers.append(ask_question(question, runs, **{"seed": seed, **options}))
        except (QuestionError, TableError) as error:
            refusals.append(f"{question} was not asked: {error}")
    if not answers:
        raise QuestionError(" ".join(refusals))
    for answer in answers:
        console.rule(answer.question)
        show(answer, console)
    write_html(answers, into)
    for refusal in refusals:
        typer.echo(f"scalewise: {refusal}", err=True)
    typer.echo(f"\nThe report is in {into}")


def _study_questions(study: Path) -> list[Call]:
    """The questions of a study, each checked: does it exist, and are its options of the right kind?"""
    from scalewise.lab.study import load_study
    from scalewise.questions import check_call

    calls = [(call.ask, call.options) for call in load_study(study).questions]
    for question, options in calls:
        check_call(question, options)
    return calls


def _family(name: str) -> "Family":
    from scalewise.errors import QuestionError, did_you_mean
    from scalewise.laws.families import CURVES

    known = {f.name: f for f in CURVES}
    if name not in known:
        raise QuestionError(f"there is no family '{name}'{did_you_mean(name, known)}; there are {', '.join(known)}.")
    return known[name]


def _need_torch() -> None:
    from importlib.util import find_spec

    from scalewise.errors import MissingExtraError

    if find_spec("torch") is None:
        raise MissingExtraError("PyTorch", "train", "training")


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    """The entry point: whatever goes wrong becomes one sentence and an exit status."""
    from scalewise.errors import ScalewiseError

    try:
        status = app(standalone_mode=False)
    except ScalewiseError as error:
        _end(str(error), WRONG_USE)
    except typer.TyperException as error:
        message = str(getattr(error, "format_message", error.__str__)())
        if message.startswith("Usage:"):  # a command without its words: the help is the answer
            typer.echo(message)
            sys.exit(WRONG_USE)
        _end(f"{message.removesuffix('.')} (`scalewise --help` shows how to ask)", WRONG_USE)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _end(f"{where}{error.strerror or error}.", WRONG_USE)
    except (KeyboardInterrupt, typer.Abort):
        _end("interrupted; a study goes on from here when the same command is given again.", INTERRUPTED)
    else:
        sys.exit(status)


def _end(sentence: str, status: int) -> NoReturn:
    typer.echo(f"scalewise: {sentence}", err=True)
    sys.exit(status)
