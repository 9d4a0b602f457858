"""A bar with the time left, on a terminal, for work whose size is known before it is done."""

from collections.abc import Callable, Iterable, Iterator
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
