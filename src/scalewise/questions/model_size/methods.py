"""The optimum at one budget by several methods, and what they say together.

The surface fitted to all runs alike can be far off beyond them: every law misses small runs in its own way. On 261
withheld isoFLOP budgets of public data sets its optimum was off by a factor 2.1 in the middle, and its 95 % interval
held 20 % of them. Four methods averaged were off by 1.11, and an interval from their spread held 99.6 %
(`bench/surfaces.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import Estimate
from scalewise.laws.extrapolate import DEGREES
from scalewise.laws.extrapolate_surface import TAIL_WEIGHTS, AveragedSurface
from scalewise.laws.families import CHINCHILLA, COUPLED
from scalewise.laws.valley import Method
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.model_size.allocation import Budget, OneLaw
from scalewise.questions.model_size.choice import EDGE, Case, Choice, exponential, triple
from scalewise.questions.model_size.isoflop import IsoflopOptima

Floats = NDArray[np.float64]

AVERAGED_LAWS = (CHINCHILLA, COUPLED)
AVERAGED_METHODS: tuple[Method, ...] = ("cubic", "akima")
FEWEST_BUDGETS = 4
"""A line through three has an interval too wide to be averaged with."""
FLATNESS = 0.05
"""A valley's lowest point is known no better than this, in log size, however well its methods agree."""


@dataclass(frozen=True)
class Together:
    """The mean of several methods' log optimum, a Student t; `agree` says whether it holds the surface's optimum."""

    params: Estimate
    agree: bool


def by_method(
    case: Case, choice: Choice, average: AveragedSurface | None, isoflop: tuple[IsoflopOptima, ...]
) -> tuple[Finding, Together | None]:
    """The table of all methods, and what four of them say together."""
    flops = choice.budget.flops
    laws = _top_weighted(case, average, flops)
    lines = {optima.method: optima.line.at(flops) for optima in isoflop if optima.line is not None}
    enough = {o.method: lines[o.method] for o in isoflop if o.method in lines and o.flops.size >= FEWEST_BUDGETS}
    whole = _together(choice, laws, enough)
    rows: list[tuple[Cell, ...]] = [("surface, as answered", *triple(exponential(choice.optimum)))]
    rows += [(f"{name} law, weighted to large runs", float(np.exp(log)), None, None) for name, log in laws.items()]
    rows += [(f"isoFLOP: {method} per budget, and a line", *triple(e)) for method, e in lines.items()]
    if whole:
        rows.append(("together", *triple(whole.params)))
    note = (
        "together: the mean of the two weighted laws and the cubic and akima lines; its interval holds their spread."
        if whole
        else "nothing is averaged: that takes both weighted laws and isoFLOP lines through four budgets."
    )
    return Finding("The optimum by method", ("method", *with_interval("params")), tuple(rows), note), whole


def _top_weighted(case: Case, average: AveragedSurface | None, flops: float) -> dict[str, float]:
    """The log optimum under each law that gives more weight to the runs of much compute, where it has one."""
    found: dict[str, float] = {}
    if average is None:
        return found
    stiffest = max(member.prior_weight for member in average.members)
    for member in average.members:
        chosen = member.prior_weight == stiffest and member.tail_weight == TAIL_WEIGHTS[0]
        if chosen and member.bound.family in AVERAGED_LAWS:
            budget = Budget(OneLaw(member.bound, member.theta[None]), case.cost, flops)
            optimum = budget.optimum()
            if optimum[0] > EDGE and budget.log_tokens(optimum)[0] > EDGE:
                found[member.bound.family.name] = float(optimum[0])
    return found


def _together(choice: Choice, laws: dict[str, float], lines: dict[Method, Estimate]) -> Together | None:
    """Two top-weighted laws and two isoFLOP lines; None unless all four are there."""
    from scipy.special import stdtrit

    averaged = [lines[method] for method in AVERAGED_METHODS if method in lines]
    if len(laws) < len(AVERAGED_LAWS) or len(averaged) < len(AVERAGED_METHODS):
        return None
    logs = np.array([*laws.values(), *(np.log(e.value) for e in averaged)])
    own = float(np.mean([(np.log(e.high / e.low) / 4) ** 2 for e in averaged])) / logs.size
    half = float(stdtrit(DEGREES, 0.975) * np.sqrt(logs.var(ddof=1) + FLATNESS**2 + own))
    value, low, high = (float(np.exp(logs.mean() + shift)) for shift in (0.0, -half, half))
    return Together(Estimate(value, low, high), low <= float(np.exp(choice.optimum[0])) <= high)
