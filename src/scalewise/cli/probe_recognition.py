"""`scalewise probe recognition`: judge item losses that are there."""

from pathlib import Path
from typing import Annotated

import typer

from scalewise.cli.asking import give
from scalewise.cli.options import AsJson, Csv, Figures, Html, Seed, Where, check_outputs

EXAMPLE = "Example: scalewise probe recognition --losses item_losses.parquet --runs runs.csv"


def command(
    losses: Annotated[Path, typer.Option(metavar="FILE", help="Judge these item losses: .csv or .parquet.")],
    runs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write Runs for `ask target`: .csv or .parquet.")
    ] = None,
    where: Where = None,
    seed: Seed = 0,
    json: AsJson = False,
    csv: Csv = None,
    html: Html = None,
    save_figures: Figures = None,
) -> None:
    import shlex

    from scalewise.probes.recognition import human_runs, read_losses
    from scalewise.probes.recognition.losses import HUMAN
    from scalewise.questions.recognition import recognition

    check_outputs(html, csv, save_figures)
    check_outputs(runs)
    trials = read_losses(losses, where)
    if runs:
        human_runs(trials).save(runs)
        typer.echo(f"wrote {runs}", err=True)
    words = ["scalewise", "probe", "recognition", "--losses", str(losses), *(["--where", where] if where else [])]
    give(recognition(trials, HUMAN, shlex.join(words), seed=seed), json, csv, html, save_figures)
