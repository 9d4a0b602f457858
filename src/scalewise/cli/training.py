"""The commands that train a suite and answer several questions in one report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from scalewise.cli.options import Column, Counting, NanDiverged, Seed, Table, Where, check_outputs, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scalewise.questions.ask_each import Call
    from scalewise.runs import Runs
    from scalewise.runs.store import Store

Device = Literal["cpu", "cuda"]


def report(
    runs: Table,
    into: Annotated[Path, typer.Option(metavar="FILE", help="The HTML file to write.")],
    study: Annotated[
        Path | None, typer.Option(help="Ask this study's questions. Default: equal-compute and model-size.")
    ] = None,
    where: Where = None,
    column: Column = None,
    nan_means_diverged: NanDiverged = False,
    flops_by: Counting = "given",
    seed: Seed = 0,
) -> None:
    """Ask several questions of one table, print the answers and write them into one HTML file."""
    from scalewise.questions.ask_each import USUAL

    check_outputs(into)
    calls = _study_questions(study) if study else [*USUAL]
    _report(read_table(runs, where, column, nan_means_diverged, flops_by), calls, into, seed)


def train(
    study: Annotated[Path, typer.Argument(help="The study's TOML file.")],
    into: Annotated[
        Path, typer.Option(metavar="DIR", help="Where runs are kept; the same folder goes on where it stopped.")
    ],
    workers: Annotated[
        int | None,
        typer.Option(help="Stacks trained at once. Default: one per core or GPU; on Ray all that fit.", min=1),
    ] = None,
    device: Annotated[Device, typer.Option(help="What to train on.")] = "cpu",
    on: Annotated[
        str,
        typer.Option(
            metavar="PLACE",
            help="here; ray (RAY_ADDRESS, or a cluster on this machine); ray://HOST:PORT; torchrun, if begun by it.",
        ),
    ] = "here",
    checkpoints: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="Keep checkpoints not in DIR but in another folder, or at an address of fsspec: s3://BUCKET/FOLDER.",
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ask the study's questions at the end and write this file.")
    ] = None,
) -> None:
    """Train the suite a study declares: every size tuned alike, at equal compute, with several seeds."""
    calls = _study_questions(study)  # a misspelt question is found before the training, not after it
    check_outputs(html)
    check_torch()
    from scalewise.lab.places import follow_the_first
    from scalewise.lab.suite import train_study
    from scalewise.runs import read

    follow_the_first(on, device)
    store = train_study(study, into, workers, device, on, checkpoints)
    runs = read(store.path)
    typer.echo(f"trained {len(runs)} runs into {store.path}{_efficiency(store.path, runs)}", err=True)
    for sentence in _shortcomings(store, runs):
        typer.echo(f"scalewise: {sentence}", err=True)
    if html:
        _report(runs, calls, html, seed=0)


def _efficiency(directory: Path, runs: "Runs") -> str:
    """Operations done per second of a worker, and what share that is of the fastest product seen here (MFU)."""
    from scalewise.lab.findings import recorded_findings

    ended = runs.ended
    rate = float(ended["flops"].sum()) / max(1e-9, float(ended["seconds"].sum()))
    peak = recorded_findings(directory).peak_flops_per_second
    return f", {rate:.2g} operations a second on each worker: {100 * rate / peak:.0f} % of the fastest product here"


def _shortcomings(store: "Store", runs: "Runs") -> "Iterator[str]":
    """What of the training a reader of its numbers must know."""
    cells = store.tuning()
    edge = [cell for cell in cells if not cell["bracketed"] and not cell.get("transferred")]
    if edge:
        first = edge[0]
        yield (
            f"{len(edge)} of {len(cells)} cells are not bracketed: a better rate may lie beyond those that were tried "
            f"(the first: {first['group']}, {first['params']:,} params, {first['flops_budget']:.3g} flops, rate "
            f"{first['lr']:.3g})."
        )
    diverged = runs.ended["state"].eq("diverged").sum()
    if diverged:
        yield f"{diverged} of {len(runs)} runs diverged; `scalewise ask audit {store.path}` says more."


def _report(runs: "Runs", calls: "list[Call]", into: Path, seed: int) -> None:
    """A question that cannot be asked of these runs does not keep the others from being answered."""
    from rich.console import Console

    from scalewise.questions.ask_each import ask_each
    from scalewise.report.html import write_html
    from scalewise.report.terminal import show

    console = Console(highlight=False)
    answers, refusals = ask_each(runs, calls, seed)
    for answer in answers:
        console.rule(answer.question)
        show(answer, console)
    write_html(answers, into)
    for refusal in refusals:
        typer.echo(f"scalewise: {refusal}", err=True)
    typer.echo(f"\nThe report is in {into}")


def _study_questions(study: Path) -> "list[Call]":
    """The questions of a study, or the usual ones where it has none, each checked: does it exist, and are its options
    of the right kind?"""
    from scalewise.lab.study import load_study
    from scalewise.questions import check_call
    from scalewise.questions.ask_each import USUAL

    calls = [(call.ask, call.options, call.where) for call in load_study(study).questions]
    for question, options, _ in calls:
        check_call(question, options)
    return calls or [*USUAL]


def check_torch() -> None:
    from importlib.util import find_spec

    from scalewise.errors import MissingExtraError

    if find_spec("torch") is None:
        raise MissingExtraError("PyTorch", "train", "training")
