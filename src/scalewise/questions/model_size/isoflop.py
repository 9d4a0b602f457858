"""Optima read off isoFLOP budgets, where runs form such: the second opinion beside a fitted surface."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.valley import FEWEST_POINTS, Method, PowerLine, find_valley, power_line
from scalewise.questions.observations import SurfacePoints
from scalewise.runs.levels import compute_levels

Floats = NDArray[np.float64]
METHODS: tuple[Method, ...] = ("cubic", "akima", "parabola")
"""Akima is the spline of Porian et al. 2024, the parabola Hoffmann et al. 2022's approach 2."""
MOST_BUDGETS = 200


@dataclass(frozen=True)
class IsoflopOptima:
    """The interior lowest points of all budgets by one method, and the power law through them if there are three."""

    method: Method
    flops: Floats
    params: Floats
    line: PowerLine | None


def isoflop_optima(data: SurfacePoints, loss: Floats | None = None) -> tuple[IsoflopOptima, ...]:
    """Optima by each method, of the runs' losses or of others (points,) at the same places.

    Empty when the runs do not form budgets of at least four sizes.
    """
    levels = compute_levels(data.flops)
    numbers, counts = np.unique(levels, return_counts=True)
    budgets = numbers[counts >= FEWEST_POINTS]
    if budgets.size == 0 or budgets.size > MOST_BUDGETS:
        return ()
    losses = data.loss if loss is None else loss
    found = []
    for method in METHODS:
        optima = []
        for level in budgets:
            here = levels == level
            valley = find_valley(data.params[here], losses[here], method)
            if valley is not None:
                optima.append((float(np.median(data.flops[here])), valley.x))
        if optima:
            flops, params = np.array(optima).T
            found.append(IsoflopOptima(method, flops, params, power_line(flops, params)))
    return tuple(found)


def line_of(isoflop: tuple[IsoflopOptima, ...], method: Method) -> PowerLine | None:
    """The power law through the optima by this method, if there is one."""
    return next((optima.line for optima in isoflop if optima.method == method), None)
