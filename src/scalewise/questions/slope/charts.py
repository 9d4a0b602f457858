"""What the figures of a slope answer show."""

from functools import partial

import numpy as np

from scalewise.questions import wording
from scalewise.questions.answer import Chart, Row
from scalewise.questions.slope.contrasts import Contrast
from scalewise.questions.slope.curves import Average, Curves
from scalewise.questions.slope.samples import Sample

CURVE_POINTS = 41


def curves(average: Average, sample: Sample, x: str, y: str, title: str) -> Chart:
    """Every group's points, and its averaged curve over the x of its own points."""
    points: list[Row] = [
        {"x": float(a), "y": float(b), "label": sample.names[g]}
        for a, b, g in zip(sample.x, sample.y, sample.member, strict=True)
    ]
    lines: list[Row] = []
    for group, name in enumerate(sample.names):
        grid = np.geomspace(*sample.span(group), CURVE_POINTS)
        drawn = np.exp(average.of(partial(Curves.log_y, group=group, x=grid)))
        low, high = np.percentile(drawn[1:], [2.5, 97.5], axis=0)
        lines += [
            {"x": float(grid[i]), "y": float(drawn[0, i]), "low": float(low[i]), "high": float(high[i]), "label": name}
            for i in range(CURVE_POINTS)
        ]
    return Chart(
        "outcome_curves",
        title,
        f"{y} against {x} for {', '.join(sample.names)}, each with the average of its laws in its 95 % band, on a "
        "linear and on a log axis.",
        {"axes": [{"x": x, "y": y}], "points": points, "curves": lines, "levels": []},
    )


def ratios(average: Average, contrasts: list[Contrast], names: tuple[str, ...]) -> Chart:
    """Exponents as a share of the baseline's, under every law and averaged."""
    rows: list[Row] = []
    for contrast in contrasts:
        name = names[contrast.group]
        for law in average.laws:
            share = law.curves.exponent[:, contrast.group] / law.curves.exponent[:, 0]
            low, high = np.percentile(share[1:], [2.5, 97.5])
            label = f"{name}, {law.name} ({wording.probability(law.weight)})"
            rows.append({"label": label, "value": float(share[0]), "low": float(low), "high": float(high)})
        r = contrast.ratio
        rows.append({"label": f"{name}, averaged", "value": r.value, "low": r.low, "high": r.high})
    return Chart(
        "intervals",
        f"Exponents as a share of {names[0]}'s",
        f"The exponent of each group as a share of {names[0]}'s, with its 95 % interval under every law "
        "(with its weight) and averaged; at 1 the slopes are the same.",
        {"axes": [{"x": f"exponent / exponent of {names[0]}"}], "rows": rows, "reference": [{"value": 1.0}]},
    )
