"""The figures of trend: the outcome and the averaged laws by level on both axes, and the changes as a forest."""

import numpy as np

from scalewise.questions.answer import Chart, Row
from scalewise.questions.trend.level import Level, Stretch

GRID = 60


def outcome(levels: list[Level], x: str, y: str) -> Chart:
    points: list[Row] = []
    curves: list[Row] = []
    for level in levels:
        points += [
            {"x": float(a), "y": float(b), "label": level.name}
            for a, b in zip(level.points.x, level.points.y, strict=True)
        ]
        grid = np.geomspace(level.points.x.min(), level.points.x.max(), GRID)
        pooled = level.average.curves(grid)
        low, high = pooled.quantiles((0.025, 0.975))
        curves += [
            {"x": float(a), "y": float(m), "low": float(lo), "high": float(hi), "label": level.name}
            for a, m, lo, hi in zip(grid, pooled.best, low, high, strict=True)
        ]
    names = ", ".join(level.name for level in levels)
    return Chart(
        figure="outcome_curves",
        title=f"{y} against {x}",
        description=f"{y} against {x} on a linear and on a log axis, with averaged laws and 95 % bands, for {names}.",
        layers={"axes": [{"x": x, "y": y}], "points": points, "curves": curves, "levels": []},
    )


def forest(levels: list[Level], stretch: Stretch, x: str, y: str) -> Chart:
    rows: list[Row] = []
    for level in levels:
        whole = level.change(stretch)
        value, low, high = (v / stretch.tenfolds for v in (whole.value, whole.low, whole.high))
        rows.append({"label": level.name, "value": value, "low": low, "high": high})
    return Chart(
        figure="intervals",
        title=f"Change of {y} per tenfold of {x}",
        description=f"Change of {y} per tenfold of {x} at {len(rows)} levels, with 95 % intervals, against no change.",
        layers={
            "axes": [{"x": f"change of {y} per tenfold of {x}"}],
            "rows": rows,
            "reference": [{"value": 0.0}],
        },
    )
