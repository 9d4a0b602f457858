"""What the figures of a matched-loss answer show."""

import numpy as np

from scalewise.laws.fit import Estimate
from scalewise.questions import wording
from scalewise.questions.answer import Chart, Row
from scalewise.questions.matched_loss.effect import Effect, Gap
from scalewise.questions.matched_loss.overlap import Observed

MOST_LABELS = 6
"""Sizes are shown in at most so many bins; the two curves take a colour each."""
MOST_DRAWN = 80
"""Points drawn per bin."""
GRID = 60
MOST_GAPS = 24


def against_loss(everything: Observed, effect: Effect | None, loss: str, y: str) -> Chart:
    """Every point, and the law at the smallest and the largest size."""
    points: list[Row] = []
    for sizes in np.array_split(np.unique(everything.size), min(MOST_LABELS, np.unique(everything.size).size)):
        mine = np.flatnonzero(np.isin(everything.size, sizes))
        mine = mine[np.argsort(everything.loss[mine], kind="stable")]
        drawn = mine[np.unique(np.linspace(0, mine.size - 1, MOST_DRAWN).astype(int))]
        label = _label(everything, sizes[[0, -1]])
        points += [{"x": float(everything.loss[i]), "y": float(everything.y[i]), "label": label} for i in drawn]
    curves: list[Row] = []
    if effect:
        used = effect.points
        for i in (used.size.min(), used.size.max()):
            mine = used.loss[used.size == i]
            grid = np.geomspace(mine.min(), mine.max(), GRID)
            label = f"law at {wording.count(used.sizes[i])}"
            curves += [
                {"x": float(a), "y": float(b), "low": None, "high": None, "label": label}
                for a, b in zip(grid, effect.curve(grid, float(used.sizes[i])), strict=True)
            ]
    first, last = wording.count(everything.sizes[0]), wording.count(everything.sizes[-1])
    ending = (
        "with the law at the smallest and the largest size; where loss is all that matters the two lie on each other."
        if effect
        else "no two of which were observed at one loss."
    )
    return Chart(
        "outcome_curves",
        f"{y} against {loss}",
        f"{y} against {loss}, for sizes from {first} to {last}, {ending}",
        {"axes": [{"x": loss, "y": y}], "points": points, "curves": curves, "levels": []},
    )


def forest(gaps: list[Gap], points: Observed, overall: Estimate | float, y: str) -> Chart:
    """The gap of every two neighbouring sizes, and of the largest over the smallest under the law of all."""
    ends = points.sizes[[points.size.min(), points.size.max()]]
    rows: list[Row] = [
        _row(f"{wording.count(points.sizes[g.smaller], 5)} to {wording.count(points.sizes[g.larger], 5)}", g.gap)
        for g in gaps[:MOST_GAPS]
    ]
    rows.append(_row(f"law of all: {wording.count(ends[0])} to {wording.count(ends[1])}", overall))
    return Chart(
        "intervals",
        "Gap of a larger over a smaller size, at equal loss",
        f"How much higher {y} is for the larger of two neighbouring sizes at equal loss, and for the largest over the "
        "smallest under the law of all sizes, with 95 % intervals; 0 means that loss is all that matters.",
        {"axes": [{"x": f"gap in {y}"}], "rows": rows, "reference": [{"value": 0.0}]},
    )


def _row(label: str, e: Estimate | float) -> Row:
    if isinstance(e, Estimate) and np.isfinite(e.low):
        return {"label": label, "value": e.value, "low": e.low, "high": e.high}
    return {"label": label, "value": e.value if isinstance(e, Estimate) else e, "low": None, "high": None}


def _label(points: Observed, ends: np.ndarray) -> str:
    first, last = (wording.count(points.sizes[i]) for i in ends)
    return first if first == last else f"{first} to {last}"
