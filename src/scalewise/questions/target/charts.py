"""What the figures of a target answer show."""

from collections.abc import Mapping

import numpy as np

from scalewise.questions import wording
from scalewise.questions.answer import CERTAIN, Chart, Row
from scalewise.questions.target.findings import finite
from scalewise.questions.target.reach import Reach
from scalewise.questions.target.several import Several

MOST_POINTS = 600
FARTHEST = 100.0
"""Times the largest x that is drawn at most: beyond it, a linear axis shows nothing of the data."""


def outcomes(x: str, y: str, within: float, by_group: Mapping[str, Reach | str]) -> Chart:
    """The points, the average of the laws in its band, and each law where there is one group."""
    found = {group: reach for group, reach in by_group.items() if isinstance(reach, Reach)}
    alone = len(found) == 1
    points: list[Row] = []
    curves: list[Row] = []
    for group, reach in found.items():
        share = max(1, len(found) * reach.curve.y.size // MOST_POINTS)
        rows = zip(reach.curve.x[::share, 0], reach.curve.y[::share], strict=True)
        points += [{"x": float(a), "y": float(b), "label": "measured" if alone else group} for a, b in rows]
        most = reach.curve.largest * _drawn(reach, within)
        xs, (middle, low, high) = reach.band(most)
        label = "average of the laws, 95 %" if alone else group
        for a, m, lo, hi in zip(xs, middle, low, high, strict=True):
            drawn = finite(m, lo, hi)
            if None not in drawn:
                curves.append({"x": float(a), "y": drawn[0], "low": drawn[1], "high": drawn[2], "label": label})
        if alone:
            for law in sorted(reach.laws, key=lambda law: -law.weight):
                values = reach.aim.fitted(law.fit.curves(xs[:, None])[0])
                curves += [
                    {"x": float(a), "y": float(v), "low": None, "high": None, "label": law.fit.family.name}
                    for a, v in zip(xs, values, strict=True)
                    if np.isfinite(v)
                ]
    levels: list[Row] = [
        {"y": level, "label": f"level {level:g}"} for level in sorted({r.aim.level for r in found.values()})
    ]
    return Chart(
        "outcome_curves",
        f"{y} against {x}, and the level",
        f"{y} against {x} with the average of the laws in its 95 % band, and the level to reach, on a linear and on a "
        "log axis.",
        {"axes": [{"x": x, "y": y}], "points": points, "curves": curves, "levels": levels},
    )


def _drawn(reach: Reach, within: float) -> float:
    """How many times the largest x is drawn."""
    if reach.inside:
        return 1.0
    median = reach.average.quantile(0.5)
    wanted = max(within, 0.0 if median is None else 1.2 * median / reach.curve.largest)
    return min(max(wanted, 1.0), FARTHEST)


def chances(x: str, within: float, by_group: Mapping[str, Reach | str]) -> Chart:
    """How sure it is that the level is reached by any x."""
    curves: list[Row] = []
    for group, reach in by_group.items():
        if isinstance(reach, Reach):
            drawn = reach.x[reach.x <= reach.curve.largest * max(within, FARTHEST)]
            curves += [
                {"x": float(at), "y": reach.average.by(float(at)), "low": None, "high": None, "label": group}
                for at in drawn
            ]
    return Chart(
        "outcome_curves",
        f"How sure it is that the level is reached by this {x}",
        f"Probability that the level is reached by any {x}, on a linear and on a log axis, with the probabilities from "
        "which the answer is yes or no.",
        {
            "axes": [{"x": x, "y": "P(reached)"}],
            "points": [],
            "curves": curves,
            "levels": [{"y": p, "label": wording.share(p)} for p in (1 - CERTAIN, CERTAIN)],
        },
    )


def routes(several: Several, y: str, within: float) -> Chart:
    """The outcome as one scale grows, or all of them, from the largest of every scale."""
    curves: list[Row] = []
    aim = several.aim
    for route in several.routes:
        keep = (route.factors >= 1) & (route.factors <= max(within, FARTHEST))
        order = np.argsort(route.curves[:, keep], axis=0)
        passed = np.cumsum(route.crossing.shares[order], axis=0)
        ordered = np.take_along_axis(route.curves[:, keep], order, axis=0)
        ends = [
            aim.fitted(np.take_along_axis(ordered, np.argmax(passed >= q * passed[-1], axis=0)[None], axis=0)[0])
            for q in (0.5, 0.025, 0.975)
        ]
        for at, m, lo, hi in zip(route.factors[keep], *ends, strict=True):
            banded = route is several.together
            curves.append(
                {
                    "x": float(at),
                    "y": float(m),
                    "low": float(lo) if banded else None,
                    "high": float(hi) if banded else None,
                    "label": route.name,
                }
            )
    return Chart(
        "outcome_curves",
        f"{y} as each scale grows, and as all do",
        f"{y} as each scale grows from the largest of all, alone and together, with the 95 % band of all together and "
        "the level, on a linear and on a log axis.",
        {
            "axes": [{"x": "times the largest", "y": y}],
            "points": [],
            "curves": curves,
            "levels": [{"y": aim.level, "label": f"level {aim.level:g}"}],
        },
    )
