"""Does the optimum bend with compute: is its path a power of compute, or curved on log axes?"""

import numpy as np

from scalewise.laws import compare, fit_law
from scalewise.laws.families import LOG_QUADRATIC, LOGARITHM
from scalewise.laws.residual import PLAIN_SQUARES
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.model_size.isoflop import IsoflopOptima
from scalewise.questions.model_size.methods import AVERAGED_METHODS

FEWEST_BUDGETS = 5
"""A parabola through fewer has no error to be judged by."""
STRAIGHT = 0.05
"""A change of the exponent per decade of compute that is too small to matter: over three decades it moves the optimum
by a factor 1.7."""
CHANCE = 0.05
LN10 = float(np.log(10.0))


def bend(isoflop: tuple[IsoflopOptima, ...], resamples: int, seed: int) -> list[Finding]:
    """A straight line and a parabola of log size over log compute, through the optima of each method.

    Those of a parabola per budget are left out: its bias changes with the design, which looks like a bend.
    """
    rows: list[tuple[Cell, ...]] = []
    for optima in isoflop:
        if optima.method not in AVERAGED_METHODS or np.unique(optima.flops).size < FEWEST_BUDGETS:
            continue
        logs = np.log(optima.params)
        fits = [
            fit_law(f, optima.flops, logs, None, resamples, PLAIN_SQUARES, seed=seed)
            for f in (LOGARITHM, LOG_QUADRATIC)
        ]
        if not all(fit.ok for fit in fits):
            continue
        pair = compare(fits, seed=seed).pairs[0]
        curvature = fits[1].parameters()["c"]
        change = [2 * LN10 * v for v in (curvature.value, curvature.low, curvature.high)]
        rows.append((optima.method, *change, pair.p_first, pair.power, _verdict(pair.p_first, change), len(logs)))
    if not rows:
        return []
    return [
        Finding(
            "Does the optimum bend?",
            ("isoFLOP method", *with_interval("exponent_change_per_decade"), "p_straight", "power", "bends", "budgets"),
            tuple(rows),
            "p straight: how often a power law would look as curved as this, by simulation; power: how often a bend "
            f"like the fitted one would show. No: any change of the exponent is below {STRAIGHT:g} per decade.",
        )
    ]


def _verdict(p_straight: float, change: list[float]) -> str:
    _, low, high = change
    if p_straight <= CHANCE:
        return "yes"
    return "no" if low >= -STRAIGHT and high <= STRAIGHT else "the data cannot tell"
