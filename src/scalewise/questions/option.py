"""An option of a question: what the command line, the page and the documentation say of it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Option:
    """Stands beside the type of a question's argument: `level: Annotated[float, Option("Loss to reach.")]`.

    `least` and `most` are the smallest and the largest value allowed.
    """

    help: str
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Declared:
    """An option as a question declares it: what may be given, what it means, and what holds without it."""

    name: str
    kind: Any
    option: Option
    default: Any

    @property
    def for_programs(self) -> bool:
        """Not shown to people: too few refits make intervals that are none."""
        return self.name == "resamples"


GROUP = Option("Only this group of runs, where the table has several.")
RESAMPLES = Option("Refits behind each interval.", least=20)
"""Fewer resamples than this are no interval."""
SEED = Option("Seed of everything random.", least=0)
X = Option("The column of scale, for example params, tokens or flops.")
Y = Option("The column of the outcome, for example loss or accuracy.")
BUDGET = Option("The most training flops that the next run may cost.", least=1)
