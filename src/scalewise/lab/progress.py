"""What a person sees while a suite trains: a bar with an ETA on a terminal, and one line per ended run.

The same is left in a file beside the runs once a second, for whoever watches from elsewhere.
"""

import json
import time
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from scalewise.runs.files import write_text

PROGRESS_FILE = "progress.json"
WRITE_SECONDS = 1.0


class SuiteProgress:
    """Work is counted in estimated operations, so that a large run weighs more than a small one."""

    def __init__(self, expected_work: float, path: Path) -> None:
        self._path = path
        self._written = -WRITE_SECONDS
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[eta]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("training", total=expected_work, eta="")
        self._expected = expected_work
        self._skipped = 0.0
        self._ended = 0.0
        self._runs: dict[str, tuple[float, float]] = {}
        self._began = time.monotonic()

    def __enter__(self) -> "SuiteProgress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        if kind is None:  # a full disk, say, must keep its own message
            self._write()

    def warn(self, sentence: str) -> None:
        self._console.print(f"scalewise: {sentence}", highlight=False, soft_wrap=True)

    def begin(self, name: str, work: float) -> None:
        self._runs[name] = (work, 0.0)

    def skip(self, work: float) -> None:
        """A run that had ended before this start."""
        self._skipped += work

    def update(self, name: str, share: float) -> None:
        """A stack has done this share of its work."""
        if name in self._runs:
            self._runs[name] = (self._runs[name][0], share)
            self._draw()

    def finish(self, name: str, outcomes: list[tuple[str, str]]) -> None:
        """A stack has ended: of each of its runs, the name and how it ended."""
        work, _ = self._runs.pop(name)
        self._ended += work
        self._draw()
        for run, outcome in outcomes:
            self._console.print(f"{run}  {outcome}  {self._eta()}", highlight=False)

    def _done(self) -> float:
        return self._ended + sum(work * share for work, share in self._runs.values())

    def _completed(self) -> float:
        """Of the expected work, with that of earlier starts; a search that grew adds nothing to it."""
        return min(self._expected, self._skipped + self._done())

    def _seconds_left(self) -> float | None:
        done = self._done()
        left = max(0.0, self._expected - self._skipped - done)
        return (time.monotonic() - self._began) * left / done if done else None

    def _eta(self) -> str:
        seconds = self._seconds_left()
        if seconds is None:
            return ""
        return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"

    def _draw(self) -> None:
        self._bar.update(self._task, completed=self._completed(), eta=self._eta())
        if time.monotonic() - self._written > WRITE_SECONDS:
            self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        share = self._completed() / self._expected if self._expected else 1.0
        write_text(self._path, json.dumps({"share": share, "seconds_left": self._seconds_left()}))
