"""The command that shows, from another terminal, where a study stands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from scalewise.lab.status import Watched

EVERY_SECONDS = 2.0


def watch(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that `scalewise train --into` names.")],
    once: Annotated[bool, typer.Option("--once", help="Print where it stands and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print where it stands as JSON and end.")] = False,
) -> None:
    """Show where a study stands while it is trained: per size runs, search and losses, and how much is left."""
    from rich.console import Console

    from scalewise.lab.progress import shown
    from scalewise.lab.status import Watched, planned

    watched = Watched(directory, planned(directory))
    if as_json:
        import json
        from dataclasses import asdict

        typer.echo(json.dumps(asdict(watched.look()), indent=1))
        return
    console = Console(highlight=False)
    if once or not console.is_terminal:
        console.print(shown(watched.look()))
        return
    _follow(watched, console)


def _follow(watched: "Watched", console: "Console") -> None:
    import time

    from rich.live import Live

    from scalewise.lab.progress import shown

    with Live(console=console, auto_refresh=False) as live:
        while True:
            status = watched.look()
            note = "" if status.being_trained else "; nobody is training into this folder"
            live.update(shown(status, note), refresh=True)
            if not status.being_trained:
                return
            time.sleep(EVERY_SECONDS)
