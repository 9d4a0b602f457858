"""What a person sees while a model is asked: a bar with cost and time left on a terminal, else now and then a line."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

LINE_EVERY_SECONDS = 15.0


class CallProgress:
    """Counts calls; those that the cache answers, or that are not needed, count as done."""

    def __init__(self, calls: int) -> None:
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("asking"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[cost]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("asking", total=calls, cost="")
        self._calls, self._done = calls, 0
        self._began = self._said = time.monotonic()

    def __enter__(self) -> "CallProgress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def skip(self) -> None:
        self._done += 1
        self._bar.update(self._task, completed=self._done)

    def advance(self, spent: float) -> None:
        self._done += 1
        cost = f"{spent:.2f} dollars" if spent else ""
        self._bar.update(self._task, completed=self._done, cost=cost)
        now = time.monotonic()
        if not self._console.is_terminal and now - self._said > LINE_EVERY_SECONDS:
            self._said = now
            left = (now - self._began) * (self._calls - self._done) / self._done
            self._console.print(f"{self._done:,} of {self._calls:,} calls, about {left:.0f} s left {cost}".rstrip())
