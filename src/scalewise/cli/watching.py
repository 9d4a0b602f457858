"""The command that shows, from another terminal, where a study stands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from scalewise.lab.watching import Status, Watched

EVERY_SECONDS = 2.0
COLUMNS = ("arm", "size", "params", "runs", "bracketed", "edge", "now at", "train loss", "best loss")


def watch(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that `scalewise train --into` names.")],
    once: Annotated[bool, typer.Option("--once", help="Print where it stands and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print where it stands as JSON and end.")] = False,
) -> None:
    """Show where a study stands while it is trained: per size runs, search and losses, and how much is left."""
    from rich.console import Console

    from scalewise.lab.watching import Watched

    watched = Watched(directory)
    if as_json:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps(asdict(watched.look()), indent=1))
        return
    console = Console(highlight=False)
    if once or not console.is_terminal:
        status = watched.look()
        console.print(_table(status))
        console.print(_line(status, ""))
        return
    _follow(watched, console)


def _follow(watched: "Watched", console: "Console") -> None:
    import time

    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    from scalewise.lab.locks import trainer

    began, first = time.monotonic(), watched.look().done
    with Live(console=console, auto_refresh=False) as live:
        while True:
            trained = trainer(watched.directory) is not None
            status = watched.look()
            rate = (status.done - first) / max(1e-9, time.monotonic() - began)
            left = f", about {(1 - status.done) / rate / 60:.0f} min left" if rate > 0 and trained else ""
            note = left if trained else "; nobody is training into this folder"
            live.update(Group(_table(status), Text(_line(status, note))), refresh=True)
            if not trained:
                return
            time.sleep(EVERY_SECONDS)


def _table(status: "Status") -> "Table":
    from rich.table import Table

    table = Table(box=None, header_style="")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "arm" else "right")
    for size in status.sizes:
        table.add_row(
            size.arm,
            f"{size.width}x{size.depth}",
            f"{size.params:,}",
            f"{size.ended}/{max(size.runs, size.ended)}" + (f" +{size.training}" if size.training else ""),
            f"{size.bracketed}/{size.cells}",
            str(size.at_edge or ""),
            f"{size.budget:.3g}" if size.budget else "",
            f"{size.train_loss:.3f}" if size.train_loss is not None else "",
            f"{size.loss:.3f}" if size.loss is not None else "",
        )
    return table


def _line(status: "Status", note: str) -> str:
    mfu = f", {100 * status.mfu:.0f} % of the fastest product here" if status.mfu is not None else ""
    return f"{100 * status.done:.0f} % of the work done{mfu}{note}"
