"""What a further run would cost, and the words for it: the cheapest one that is expected to settle a question."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalewise.questions import wording
from scalewise.runs.table import Runs

WANTED = 0.8
"""A run is good enough when its chance to settle the question is this high."""


@dataclass(frozen=True)
class NewRun:
    """`seeds` runs at `x` settle the question with probability `chance`; what one costs in training flops, if known.

    `x` is a value of the scale, or a multiple of its largest.
    """

    x: float
    seeds: int
    chance: float
    flops: float | None

    @property
    def dearness(self) -> float:
        """Flops, or where they are not known something that grows as they do."""
        return self.seeds * (self.x if self.flops is None else self.flops)


def best_run(tried: Sequence[NewRun], budget: float | None) -> NewRun:
    """The cheapest that is good enough, or else the best there is; of those within the budget where some are."""
    affordable = [run for run in tried if budget is None or run.flops is None or run.flops * run.seeds <= budget]
    enough = [run for run in affordable or tried if run.chance >= WANTED]
    if enough:
        return min(enough, key=lambda run: run.dearness)
    return max(affordable or tried, key=lambda run: (round(run.chance, 2), -run.dearness))


def flops_at(runs: Runs, column: str, value: float) -> float | None:
    """Training operations of a run at this value of a column, from those of the runs there are; None if unknown.

    A straight line through log flops against log of the column, over the ends of runs.
    """
    if column == "flops":
        return value
    ends = runs.trained
    if not {column, "flops"} <= set(ends.columns):
        return None
    known = ends.select(column, "flops").drop_nulls()
    x, flops = (np.log(known[name].to_numpy()) for name in (column, "flops"))
    if np.unique(x).size < 2:
        return None
    slope, level = np.polyfit(x, flops, 1)
    return float(np.exp(level + slope * np.log(value)))


def proposal(what: str, flops: float | None, seeds: int, promise: str, budget: float | None) -> str:
    """One sentence: the run, what it costs, what it is expected to bring, and whether the budget allows it."""
    runs = what if seeds == 1 else f"{seeds} seeds of {what}"
    if flops is None:
        return f"{runs}: {promise}."
    cost = flops * seeds
    if budget is not None and cost > budget:
        return f"nothing within {wording.flops(budget)} flops would; {runs} ({wording.flops(cost)} flops): {promise}."
    return f"{runs} ({wording.flops(cost)} flops): {promise}."
