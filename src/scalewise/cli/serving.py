"""The command that opens the page."""

from contextlib import suppress
from typing import Annotated

import typer


def serve(
    directory: Annotated[
        str | None,
        typer.Argument(metavar="[DIR]", help="A store or a folder of tables; answers are kept there. Default: 'smol'."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port to serve on. Default: a free one.", min=0, max=65535)] = 0,
    host: Annotated[str, typer.Option(help="Address to serve on; others than this machine can then reach it.")] = (
        "127.0.0.1"
    ),
    workers: Annotated[int | None, typer.Option(help="Questions worked on at once. Default: one per core.", min=1)] = (
        None
    ),
    show: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
) -> None:
    """Open a local page: drop a table, ask questions, watch a suite being trained."""
    from importlib.util import find_spec

    from scalewise.errors import MissingExtraError
    from scalewise.lab.places.here import cores

    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise MissingExtraError("Starlette and Uvicorn", "web", "the page")
    from scalewise.web.server import serve as serve_page

    def ready(url: str) -> None:
        typer.echo(f"The page is at {url}\nCtrl-C ends it. Whoever has this address can use the page.")
        if show:
            import webbrowser

            webbrowser.open(url)

    with suppress(KeyboardInterrupt):
        serve_page(directory, host, port, workers or max(2, cores()), ready)
