"""What a further run would cost, and the words for it: the cheapest one that is expected to settle a question."""

import numpy as np

from scalewise.questions import wording
from scalewise.runs.table import Runs


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
