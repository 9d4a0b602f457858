"""The command that says what a study will cost before anything is trained."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scalewise.cli.training import Device, check_torch

if TYPE_CHECKING:
    from scalewise.lab.costs import Costs

COLUMNS = ("width", "depth", "params", "batch_tokens", "runs", "flops", "minutes", "memory_mb", "epochs")
TOTALS = ("runs", "flops", "minutes", "workers", "memory_mb", "unique_tokens")


def plan(
    study: Annotated[Path, typer.Argument(help="The study's TOML file.")],
    workers: Annotated[int | None, typer.Option(help="Runs trained at once. Default: one per core.", min=1)] = None,
    device: Annotated[Device, typer.Option(help="Where it would be trained.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON instead of a table.")] = False,
) -> None:
    """Say what a study will cost here: runs, operations with tuning, minutes, memory, passes over the text."""
    check_torch()
    from scalewise.lab.costs import costs

    _print(costs(study, workers, device), as_json)


def _print(costs: "Costs", as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    rows = [asdict(size) for size in costs.sizes]
    if as_json:
        total = {name: getattr(costs, name) for name in TOTALS}
        typer.echo(json.dumps({"sizes": rows, "flops_per_arm": costs.flops_per_arm, "total": total}, indent=1))
        return
    console = Console(highlight=False)
    for arm, flops in costs.flops_per_arm.items():
        typer.echo(f"{arm}: {flops:.3g} operations, tuning included")
        table = Table(box=None, header_style="")
        for name in COLUMNS:
            table.add_column({"batch_tokens": "batch", "memory_mb": "MB"}.get(name, name), justify="right")
        for row in rows:
            if row["arm"] == arm:
                table.add_row(*(_short(row[name]) for name in COLUMNS))
        console.print(table)
    typer.echo(
        f"{costs.runs} runs, {costs.flops:.3g} operations; about {costs.minutes:.1f} min on {costs.workers} "
        f"workers and {costs.memory_mb / 1e3:.1f} GB, more where a search has to grow."
    )
    most = max(size.epochs for size in costs.sizes)
    text = f"{costs.unique_tokens:,} training tokens; the longest run reads them {most:.2g} times."
    typer.echo(text if costs.unique_tokens else "Every token is fresh.")
    if costs.warning:
        typer.echo(f"scalewise: {costs.warning}", err=True)


def _short(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.2g}".replace("e+", "e") if value < 100 or value >= 1e6 else f"{value:.0f}"
