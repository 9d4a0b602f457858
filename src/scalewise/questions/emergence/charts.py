"""The figures of emergence: the outcome and the averaged laws, on the raw axis and on a log axis."""

import numpy as np

from scalewise.questions.answer import Chart, Row
from scalewise.questions.emergence.case import Case
from scalewise.questions.emergence.definitions import levels

GRID = 120
MOST_LABELS = 8
AVERAGE = "laws, averaged"


def outcome(case: Case, groups: list[str], x: str, y: str, chance: float | None) -> Chart:
    """Points by group where there are few; the band is where 95 % of all refits run."""
    labels = groups if len(set(groups)) <= MOST_LABELS else ["runs"] * len(groups)
    points: list[Row] = [
        {"x": float(a), "y": float(b), "label": label}
        for a, b, label in zip(case.x, case.shown(case.y), labels, strict=True)
    ]
    levels_: list[Row] = [] if chance is None else [{"y": chance, "label": "chance"}]
    return Chart(
        figure="outcome_curves",
        title=f"{y} against {x}, on the raw axis and on a log axis",
        description=(
            f"{y} of {case.x.size} runs against {x} on a linear and on a log axis, with the averaged laws and their "
            "95 % band: a straight line on the left bends upwards on the right."
        ),
        layers={"axes": [{"x": x, "y": y}], "points": points, "curves": _band(case), "levels": levels_},
    )


def one_token(case: Case, x: str) -> Chart:
    """The implied accuracy of one token."""
    points: list[Row] = [
        {"x": float(a), "y": float(b ** (1 / case.tokens)), "label": f"y^(1/{case.tokens:g})"}
        for a, b in zip(case.x, case.y, strict=True)
    ]
    return Chart(
        figure="outcome_curves",
        title=f"Implied accuracy of one token against {x}",
        description=(
            f"The accuracy of one token that {case.x.size} exact matches of {case.tokens:g} tokens imply, with the "
            "laws of one token, averaged; an exact match of 0 implies nothing but a low one."
        ),
        layers={
            "axes": [{"x": x, "y": "accuracy of one token"}],
            "points": points,
            "curves": _band(case),
            "levels": [],
        },
    )


def _band(case: Case) -> list[Row]:
    low, high = case.x.min(), case.x.max()
    grid = np.unique(np.concatenate([np.linspace(low, high, GRID), np.geomspace(low, high, GRID)]))
    pooled = case.average.ask(lambda fit: levels(fit, grid))
    bounds = pooled.quantiles((0.025, 0.975))
    ends = np.sort(case.shown(bounds) if case.tokens == 1 else bounds, axis=0)
    middle = case.shown(pooled.best)
    return [
        {"x": float(a), "y": float(m), "low": float(lo), "high": float(hi), "label": AVERAGE}
        for a, m, lo, hi in zip(grid, middle, *ends, strict=True)
    ]
