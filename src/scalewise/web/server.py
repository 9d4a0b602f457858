"""Binds a port and serves the page until it is interrupted."""

import socket
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import uvicorn

from scalewise.errors import ScalewiseError
from scalewise.web.app import make_app
from scalewise.web.guard import LOCAL_NAMES, Door
from scalewise.web.punctual import Punctual
from scalewise.web.shelf import Shelf

LOCAL = "127.0.0.1"
EVERYWHERE = ("0.0.0.0", "::")
MOST_CONNECTIONS = 512
STOP_SECONDS = 2


def serve(directory: str | None, host: str, port: int, fitters: int, on_ready: Callable[[str], None]) -> None:
    """Serve a folder (or only the embedded suite) until interrupted. `on_ready` is told the address with its token.

    Raises ScalewiseError when the folder or the port cannot be used.
    """
    with ExitStack() as held:
        listening = held.enter_context(_listen(host, port))
        door = Door(listening.getsockname()[1], _names(host), any_address=host != LOCAL)
        app = make_app(_shelf(directory, held), door, fitters)
        config = uvicorn.Config(
            app,
            http=Punctual,
            ws="none",
            log_level="error",
            access_log=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=STOP_SECONDS,
            server_header=False,
        )
        _Server(config, lambda: on_ready(door.url)).run(sockets=[listening])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def _names(host: str) -> tuple[str, ...]:
    """What a person may type for the host, the name to be printed first."""
    if host == LOCAL:
        return LOCAL_NAMES
    here = socket.gethostname()
    if host in EVERYWHERE:  # no address that another machine could type
        return (here, *LOCAL_NAMES)
    return (f"[{host}]" if ":" in host else host, *LOCAL_NAMES, here)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ScalewiseError(f"{host}:{port} cannot be served: {error.strerror or error}.") from None
    return listening


def _shelf(directory: str | None, held: ExitStack) -> Shelf:
    if directory is None:
        return Shelf(Path(held.enter_context(tempfile.TemporaryDirectory(prefix="scalewise-"))), None, lasting=False)
    path = Path(directory)
    if not path.is_dir():
        raise ScalewiseError(f"{directory}: is not a folder; give a store or a folder of tables, or nothing at all.")
    return Shelf(path, directory, lasting=True)
