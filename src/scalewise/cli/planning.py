"""The command that says what a study will cost before anything is trained."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scalewise.cli.training import Device, check_torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table as RichTable

    from scalewise.lab.costs import Costs, SizeCost

HEADINGS = ("width", "depth", "params", "batch", "runs", "flops", "minutes", "MB")
COLUMNS = ("width", "depth", "params", "batch_tokens", "runs", "flops", "minutes", "memory_mb")
TOTALS = ("runs", "flops", "minutes", "workers", "memory_mb", "unique_tokens", "unique_bytes")


def plan(
    study: Annotated[Path, typer.Argument(help="The study's TOML file.")],
    workers: Annotated[int | None, typer.Option(help="Runs at once. Default: one per core or GPU.", min=1)] = None,
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

    from scalewise.runs.progress import duration

    rows = [asdict(size) for size in costs.sizes]
    if as_json:
        total = {name: getattr(costs, name) for name in TOTALS}
        typer.echo(json.dumps({"sizes": rows, "flops_per_arm": costs.flops_per_arm, "total": total}, indent=1))
        return
    console = Console(highlight=False)
    for arm, flops in costs.flops_per_arm.items():
        typer.echo(f"{arm}: {flops:.3g} operations, tuning included")
        own = [size for size in costs.sizes if size.arm == arm]
        console.print(_table(HEADINGS, [[getattr(size, name) for name in COLUMNS] for size in own]))
        if costs.unique_tokens:
            console.print("passes over the text, by size and budget:")
            console.print(_passes(own))
    typer.echo(
        f"{costs.runs} runs, {costs.flops:.3g} operations; about {duration(60 * costs.minutes)} on {costs.workers} "
        f"workers and {costs.memory_mb / 1e3:.1f} GB, more where a search has to grow."
    )
    most = max(size.epochs for size in costs.sizes)
    tokens = "" if costs.unique_bytes == costs.unique_tokens else f"{costs.unique_tokens:,} tokens of "
    text = f"{tokens}{costs.unique_bytes:,} unique bytes to train on; the longest run reads them {most:.2g} times."
    typer.echo(text if costs.unique_tokens else "Every token is fresh.")
    if costs.warning:
        typer.echo(f"scalewise: {costs.warning}", err=True)


def _table(headings: "Sequence[str]", rows: "Iterable[Sequence[float]]") -> "RichTable":
    from rich.table import Table

    table = Table(box=None, header_style="")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*map(_short, row))
    return table


def _passes(sizes: "list[SizeCost]") -> "RichTable":
    """A row a size, a column a budget: of operations, or of tokens where all sizes read as many."""
    by_tokens = len({tuple(cell.flops for cell in size.cells) for size in sizes}) > 1
    budgets = [cell.tokens if by_tokens else cell.flops for cell in sizes[0].cells]
    headings = [f"{_short(float(budget))} {'tokens' if by_tokens else 'flops'}" for budget in budgets]
    rows = [[size.width, size.depth, *(cell.epochs for cell in size.cells)] for size in sizes]
    return _table(["width", "depth", *headings], rows)


def _short(value: float) -> str:
    from scalewise.runs.numerals import brief

    if isinstance(value, int):
        return f"{value:,}"
    return brief(value, 2) if value < 100 or value >= 1e6 else f"{value:.0f}"
