"""`scalewise probe recognition`: train and study here, or judge item losses that are there."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalewise.cli.options import Seed, Where, check_outputs
from scalewise.cli.training import check_torch
from scalewise.errors import QuestionError

if TYPE_CHECKING:
    from scalewise.probes.recognition.suite import Size
    from scalewise.questions.answer import Answer

EXAMPLE = (
    "Examples: scalewise probe recognition --into out/recognition; "
    "scalewise probe recognition --losses item_losses.parquet --runs runs.csv"
)
USUAL: dict[str, Any] = {
    "data": "lines",
    "sizes": "16x2,32x2,64x2",
    "pairs": 40,
    "exposures": 15,
    "seeds": 2,
    "batch": 4,
    "pretrain-steps": 400,
}
"""Of the options that say what is trained, some 3 minutes on one core."""


def command(
    into: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Train here; the same folder goes on where it stopped.")
    ] = None,
    losses: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Judge these item losses instead: .csv or .parquet.")
    ] = None,
    data: Annotated[
        str, typer.Option(metavar="NAME|DIR", help="What is studied: lines, glyphs, digits or a folder of images.")
    ] = USUAL["data"],
    sizes: Annotated[str, typer.Option(metavar="WxD,...", help="Widths and depths of the models.")] = USUAL["sizes"],
    pairs: Annotated[int, typer.Option(help="Pairs for each kind of foil.", min=5)] = USUAL["pairs"],
    exposures: Annotated[int, typer.Option(help="How often the list is studied.", min=2)] = USUAL["exposures"],
    seeds: Annotated[int, typer.Option(help="Models of each size.", min=1)] = USUAL["seeds"],
    batch: Annotated[int, typer.Option(help="Items in an update while studying.", min=1)] = USUAL["batch"],
    pretrain_steps: Annotated[int, typer.Option(help="Steps of pretraining, 32 items each.", min=1)] = USUAL[
        "pretrain-steps"
    ],
    runs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write Runs for `ask target`: .csv or .parquet.")
    ] = None,
    where: Where = None,
    seed: Seed = 0,
) -> "Answer":
    from scalewise.probes.recognition.losses import HUMAN, human_runs, read_losses
    from scalewise.questions.recognition import recognition

    check_outputs(runs)
    if (into is None) == (losses is None):
        raise QuestionError(
            "give either --into DIR, to train and study here, or --losses FILE, to judge what is there."
        )
    words: list[str] = []
    notes: tuple[str, ...] = ()
    given = {"data": data, "sizes": sizes, "pairs": pairs, "exposures": exposures, "seeds": seeds}
    given |= {"batch": batch, "pretrain-steps": pretrain_steps}
    changed = [w for name, value in given.items() if value != USUAL[name] for w in (f"--{name}", str(value))]
    if losses is not None:
        if changed:
            raise QuestionError(f"{changed[0]} is for what is trained with --into, not for --losses.")
        trials, recalled, kept = read_losses(losses, where), None, None
        words += ["--losses", str(losses), *(["--where", where] if where else [])]
    else:
        assert into is not None
        if where:
            raise QuestionError("--where chooses rows of --losses.")
        check_torch()
        from scalewise.probes.recognition.suite import Plan, run_recognition

        plan = Plan(data, _sizes(sizes), pairs, exposures, seeds, batch, pretrain_steps, seed=seed)
        measured = run_recognition(plan, into)
        trials, recalled, kept, notes = measured.trials, measured.recall, measured.memory, measured.notes
        words += ["--into", str(into), *changed]
    if runs:
        human_runs(trials).save(runs)
        typer.echo(f"wrote {runs}", err=True)
    words += ["--seed", str(seed)] if seed else []
    again = shlex.join(["scalewise", "probe", "recognition", *words])
    return recognition(trials, HUMAN, again, seed=seed, recalled=recalled, kept=kept, notes=notes)


def _sizes(text: str) -> "tuple[Size, ...]":
    """`16x2,32x2` as ((16, 2), (32, 2))."""
    try:
        sizes = tuple((int(w), int(d)) for w, _, d in (part.partition("x") for part in text.split(",")))
    except ValueError:
        raise QuestionError(f"--sizes {text}: write widths and depths like {USUAL['sizes']}.") from None
    for width, depth in sizes:
        if width < 16 or width % 16 or depth < 1:
            raise QuestionError(f"--sizes {text}: a width is a multiple of 16 and a depth at least 1.")
    return tuple(dict.fromkeys(sizes))
