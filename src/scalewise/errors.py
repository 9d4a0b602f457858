"""The errors a user can cause. Each is one sentence: what is wrong, where, and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches


class ScalewiseError(Exception):
    """Base of every error raised for bad input; the command line prints it without a traceback."""


class TableError(ScalewiseError):
    """A table of runs cannot be used as it stands: file, row and column are named."""


class StudyError(ScalewiseError):
    """A study file is wrong; all of its errors are listed at once."""


class DiskFullError(ScalewiseError):
    """There is no room for what has to be written; what was written before is whole."""


class QuestionError(ScalewiseError):
    """A question cannot be asked of these runs, or its options contradict each other."""


class MissingExtraError(ScalewiseError):
    """An optional dependency is needed and not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}, which is not installed; run: pip install 'scalewise[{extra}]'.")
        self._parts = package, extra, purpose

    def __reduce__(self) -> tuple[type["MissingExtraError"], tuple[str, str, str]]:
        return type(self), self._parts  # a worker's error goes to another process


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'tokens'?)` for a near miss, else an empty string."""
    close = get_close_matches(word.lower(), list(known), n=1, cutoff=0.75)
    return f" (did you mean '{close[0]}'?)" if close else ""


def first_line(error: BaseException) -> str:
    """What another library's error says, as part of a sentence; its kind where it says nothing."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
