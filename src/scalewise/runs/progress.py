"""What a terminal shows of long work: a bar with the time left where its size is known, else that it goes on."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Part = TypeVar("Part")


def tracked(parts: Iterable[Part], total: float, what: str, size: Callable[[Part], float]) -> Iterator[Part]:
    """The parts one by one, while a bar on standard error says how much of `total` is done."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        for part in parts:
            yield part
            bar.advance(task, size(part))


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
