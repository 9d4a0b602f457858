"""The command that says what a study will cost before anything is trained."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalewise.cli.training import Device, check_torch

if TYPE_CHECKING:
    from scalewise.lab.forecast import Forecast

COLUMNS = ("width", "depth", "params", "batch_tokens", "runs", "flops", "minutes", "memory_mb", "epochs")


def plan(
    study: Annotated[Path, typer.Argument(help="The study's TOML file.")],
    workers: Annotated[int | None, typer.Option(help="Runs trained at once. Default: one per core.", min=1)] = None,
    device: Annotated[Device, typer.Option(help="Where it would be trained.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON instead of a table.")] = False,
) -> None:
    """Say what a study will cost here: runs, operations with tuning, minutes, memory, passes over the text."""
    check_torch()

    from scalewise.lab.compute import one_thread
    from scalewise.lab.data.corpus import corpus_of
    from scalewise.lab.findings import findings_here
    from scalewise.lab.forecast import forecasts
    from scalewise.lab.places.here import check, cores
    from scalewise.lab.plan import check_budgets, repetition
    from scalewise.lab.study import load_study

    declared = load_study(study)
    check(device)
    corpus = corpus_of(declared.data, study)
    declared = declared.on(corpus)
    check_budgets(declared, corpus)
    one_thread()  # as a worker computes
    rows = forecasts(declared, corpus, findings_here(device, declared.training.precision))
    _print(
        [_row(forecast) for forecast in rows],
        workers or cores(),
        int(corpus.train.size),
        repetition(declared, corpus),
        as_json,
    )


def _row(forecast: "Forecast") -> dict[str, Any]:
    cells = forecast.cells
    recipe = cells.longest
    return {
        "arm": cells.arm.name,
        "width": recipe.shape.width,
        "depth": recipe.shape.depth,
        "params": recipe.shape.params,
        "batch_tokens": recipe.batch_tokens,
        "runs": len(cells.recipes),
        "flops": cells.flops,
        "minutes": forecast.minutes,
        "memory_mb": forecast.memory_bytes / 1e6,
        "epochs": cells.epochs(recipe),
    }


def _print(rows: list[dict[str, Any]], workers: int, unique: int, warning: str | None, as_json: bool) -> None:
    import json

    from rich.console import Console
    from rich.table import Table

    arms = {row["arm"]: sum(r["flops"] for r in rows if r["arm"] == row["arm"]) for row in rows}
    total = {
        "runs": sum(row["runs"] for row in rows),
        "flops": sum(arms.values()),
        "minutes": sum(row["minutes"] for row in rows) / workers,
        "workers": workers,
        "memory_mb": workers * max(row["memory_mb"] for row in rows),
        "unique_tokens": unique,
    }
    if as_json:
        typer.echo(json.dumps({"sizes": rows, "flops_per_arm": arms, "total": total}, indent=1))
        return
    console = Console(highlight=False)
    for arm, flops in arms.items():
        typer.echo(f"{arm}: {flops:.3g} operations, tuning included")
        table = Table(box=None, header_style="")
        for name in COLUMNS:
            table.add_column({"batch_tokens": "batch", "memory_mb": "MB"}.get(name, name), justify="right")
        for row in rows:
            if row["arm"] == arm:
                table.add_row(*(_short(row[name]) for name in COLUMNS))
        console.print(table)
    typer.echo(
        f"{total['runs']} runs, {total['flops']:.3g} operations; about {total['minutes']:.1f} min on {workers} "
        f"workers and {total['memory_mb'] / 1e3:.1f} GB, more where a search has to grow."
    )
    most = max(row["epochs"] for row in rows)
    text = f"{unique:,} training tokens; the longest run reads them {most:.2g} times."
    typer.echo(text if unique else "Every token is fresh.")
    if warning:
        typer.echo(f"scalewise: {warning}", err=True)


def _short(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.2g}".replace("e+", "e") if value < 100 or value >= 1e6 else f"{value:.0f}"
