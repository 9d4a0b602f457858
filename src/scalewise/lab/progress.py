"""What a person sees of a study: a table of its sizes and, below it, how far it is; live on a terminal while it is
trained."""

import time
from types import TracebackType
from typing import TYPE_CHECKING

from scalewise.lab.status import SizeStatus, Status, Watched
from scalewise.runs.numerals import brief
from scalewise.runs.progress import duration, in_words

if TYPE_CHECKING:
    from rich.console import Group

EVERY_SECONDS = 1.0
COLUMNS = ("arm", "size", "params", "runs", "tuned", "edge", "now", "train", "best", "MFU", "left")
"""With `train` and `best` losses; so short that a line has room on a terminal of 80 columns."""


class LiveStatus:
    """The table of a study that this process trains, on standard error; quiet where that is not a terminal."""

    def __init__(self, watched: Watched) -> None:
        from rich.console import Console
        from rich.live import Live

        self._watched = watched
        self._console = Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._shown = -EVERY_SECONDS

    def __enter__(self) -> "LiveStatus":
        self._watched.begin()
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            if kind is None:
                self._live.update(shown(self._watched.look()), refresh=True)
            self._live.stop()

    def refresh(self) -> None:
        """Show where it stands now, at most once a second."""
        if self._live and time.monotonic() - self._shown > EVERY_SECONDS:
            self._live.update(shown(self._watched.look()), refresh=True)
            self._shown = time.monotonic()

    def say(self, sentence: str) -> None:
        self._console.print(f"scalewise: {sentence}", soft_wrap=True)


def shown(status: Status, note: str = "") -> "Group":
    """For a terminal."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="", pad_edge=False, collapse_padding=True)
    columns = [name for name in COLUMNS if name != "edge" or any(size.at_edge for size in status.sizes)]
    for name in columns:
        table.add_column(name, justify="left" if name in ("arm", "now") else "right")
    for size in status.sizes:
        cells = _cells(size)
        table.add_row(*(cells[name] for name in columns))
    return Group(table, Text(_line(status) + note))


def _cells(size: SizeStatus) -> dict[str, str]:
    runs = f"{size.ended}/{max(size.runs, size.ended + size.training)}"
    return {
        "arm": size.arm,
        "size": f"{size.width}x{size.depth}",
        "params": f"{size.params:,}",
        "runs": runs + (f" +{size.training}" if size.training else ""),
        "tuned": f"{size.bracketed}/{size.cells}",
        "edge": str(size.at_edge or ""),
        "now": size.search + (f" {brief(size.budget, 3)}" if size.budget else ""),
        "train": f"{size.train_loss:.3f}" if size.train_loss is not None else "",
        "best": f"{size.loss:.3f}" if size.loss is not None else "",
        "MFU": f"{100 * size.mfu:.0f} %" if size.mfu is not None else "",
        "left": duration(size.seconds_left) if size.seconds_left else "",
    }


def _line(status: Status) -> str:
    parts = [f"{100 * status.done:.0f} % of the work done"] if status.done is not None else []
    parts += [f"{100 * status.mfu:.0f} % of the fastest product here"] if status.mfu is not None else []
    parts += [f"{count} {name}" for count, name in ((status.diverged, "diverged"), (status.failed, "failed")) if count]
    parts += [in_words(status.seconds_left)] if status.seconds_left is not None else []
    return ", ".join(parts)
