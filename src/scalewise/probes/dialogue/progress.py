"""What a person sees while a model is asked: a bar with cost and time left on a terminal, else now and then a line."""

from types import TracebackType

from scalewise.runs.progress import Bar

LINE_EVERY_SECONDS = 15.0


class CallProgress:
    """Counts calls; those that the cache answers, or that are not needed, count as done."""

    def __init__(self, calls: int) -> None:
        self._bar = Bar("answers", calls, LINE_EVERY_SECONDS)

    def __enter__(self) -> "CallProgress":
        self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)

    def skip(self) -> None:
        self._bar.skip(1)

    def advance(self, spent: float) -> None:
        self._bar.advance(1, f"{spent:.2f} dollars" if spent else "")
