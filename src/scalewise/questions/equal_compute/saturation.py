"""Is a curve saturated: does the next doubling of compute gain less than could be noticed?"""

import numpy as np

from scalewise.questions.answer import Cell, Finding, judge, with_interval
from scalewise.questions.equal_compute.measured import Spreads
from scalewise.questions.equal_compute.outlook import AVERAGE
from scalewise.questions.equal_compute.standings import Standing, Standings


def saturation(standings: Standings, spreads: Spreads, tolerance: float | None) -> list[Finding]:
    """What each size gains by twice the compute it had, and P(that is less than `tolerance`, else than the noise)."""
    rows: list[tuple[Cell, ...]] = []
    for s in standings.all:
        if s.outlook is None:
            continue
        paths = s.outlook.paths[AVERAGE]
        end = int(np.searchsorted(paths.x, s.spent * (1 - 1e-9)))
        twice = int(np.searchsorted(paths.x, 2 * s.spent * (1 - 1e-9)))
        gains = paths.values[:, end] - paths.values[:, twice]
        least = _noise(s, spreads) if tolerance is None else tolerance
        chance = None if least is None else float(np.mean(gains < least))
        gain = (float(x) for x in np.percentile(gains, [50, 2.5, 97.5]))
        rows.append((s.size.group, s.size.params, s.spent, *gain, least, chance, judge(chance)))
    if not rows:
        return []
    of = "the tolerance" if tolerance is not None else "the spread of seeds" if spreads else "the scatter of its curve"
    unit = "GPU-hours" if standings.axis == "gpu_hours" else "flops"
    return [
        Finding(
            "Is each curve saturated",
            ("group", "params", standings.axis, *with_interval("doubling_gains"), "noise", "P(saturated)", "saturated"),
            tuple(rows),
            f"doubling_gains: nats that twice the {unit} would gain. Saturated: that is less than {of}, `noise`.",
        )
    ]


def _noise(standing: Standing, spreads: Spreads) -> float | None:
    """Nats by which seeds differ, or else by which the points of a curve scatter about it."""
    level = standing.ended.loss if standing.ended else 1.0
    if standing.size in spreads:
        return spreads[standing.size][0] * level
    if standing.outlook is None or standing.outlook.own is None:
        return None
    return standing.outlook.own.noise * level
