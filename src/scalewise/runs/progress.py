"""What a terminal shows of long work: a bar with the time left where its size is known, else that it goes on."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TypeVar

Part = TypeVar("Part")


class Bar:
    """A bar on standard error for work of `total`, in whatever unit; quiet where that is not a terminal, or with a line
    every so many seconds."""

    def __init__(self, what: str, total: float, line_every_seconds: float | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        self.console = Console(stderr=True)
        self._bar = Progress(
            TextColumn(what),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._task = self._bar.add_task(what, total=total, note="")
        self._what, self._total, self._line_every = what, total, line_every_seconds
        self.done = self._skipped = 0.0
        self._began = self._said = time.monotonic()

    def __enter__(self) -> "Bar":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def skip(self, amount: float) -> None:
        """What need not be done counts as done, but says nothing of how fast the rest will be."""
        self._skipped += amount
        self._show(self.done + amount, "")

    def advance(self, amount: float, note: str = "") -> None:
        self._show(self.done + amount, note)

    def reach(self, done: float) -> None:
        """So much is done in all."""
        self._show(done, "")

    def _show(self, done: float, note: str) -> None:
        self.done = done
        now = time.monotonic()
        told = f"{in_words(self._seconds_left(now))}  {note}".strip()
        self._bar.update(self._task, completed=done, note=told)
        if not self.console.is_terminal and self._line_every and now - self._said > self._line_every:
            self._said = now
            self.console.print(f"{self._what}: {done:,.0f} of {self._total:,.0f}  {told}", highlight=False)

    def _seconds_left(self, now: float) -> float | None:
        own = self.done - self._skipped
        return (now - self._began) * max(0.0, self._total - self.done) / own if own > 0 else None


def tracked(parts: Iterable[Part], total: float, what: str, size: Callable[[Part], float]) -> Iterator[Part]:
    """The parts one by one, while a bar says how much of `total` is done."""
    with Bar(what, total) as bar:
        for part in parts:
            yield part
            bar.advance(size(part))


@contextmanager
def going_on(what: str) -> Iterator[None]:
    """A sign of life on standard error, gone when the work is done."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(what):
        yield


def in_words(seconds_left: float | None) -> str:
    """`about 3 min left`; nothing where it is not known."""
    return "" if seconds_left is None else f"about {duration(seconds_left)} left"


def duration(seconds: float) -> str:
    """`42 s`, `12 min`, `3.4 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
