"""The tables of emergence."""

import numpy as np

from scalewise.laws import Comparison
from scalewise.laws.residual import Binomial
from scalewise.questions.answer import Cell, Finding, judge, with_interval
from scalewise.questions.emergence.case import Case
from scalewise.questions.emergence.contest import rejections
from scalewise.questions.emergence.definitions import DEFINITIONS, MEANING
from scalewise.questions.outcomes import Outcomes

Z = 1.96


def definitions(case: Case) -> Finding:
    rows = []
    for name in DEFINITIONS:
        p = case.probability(name)
        rows.append((name, MEANING[name].format(steeper=case.shape.steeper), p, judge(p)))
    note = (
        "Read on the raw axis. A threshold stays within 5 % of its change for a third of the way to half of it; a "
        "straight line does for a tenth. A steep logistic passes for any jump between two neighbouring x."
    )
    columns = ("definition", "the_outcome", "probability", "verdict")
    return Finding("Which definitions of emergent hold", columns, tuple(rows), note)


def laws(case: Case, found: Comparison | None) -> Finding:
    """Every law that was fitted: its weight, how fast it leaves its base, and which rival rejects it."""
    rejected = rejections(found)
    fits = {fit.family.name: fit for fit in case.average.fits}
    rows: list[tuple[Cell, ...]] = []
    for name, weight in case.average.all_weights.items():
        power = case.exponent(fits[name]) if name in fits else None
        rival, p = rejected.get(name, ("none" if found and name in found.families else None, None))
        ends = (power.value, power.low, power.high) if power else (None, None, None)
        rows.append((name, case.families[name].formula, weight, *ends, rival, p))
    columns = ("law", "formula", "weight", *with_interval("power_of_x"), "rejected_by", "p")
    note = (
        "Laws are averaged by how much the points speak for them (a Bayes factor); p is how often the rival would look "
        "so much better by luck."
    )
    reasons = dict.fromkeys(case.average.left_out.values())
    for why in reasons:
        names = ", ".join(name for name, reason in case.average.left_out.items() if reason == why)
        note += f" Left out: {names} ({why})."
    return Finding("Laws on the raw axis", columns, tuple(rows), note)


def shapes(named: dict[str, Case]) -> Finding:
    """The same verdicts for other scales or metrics, side by side."""
    rows: list[tuple[Cell, ...]] = []
    for name, case in named.items():
        power = case.averaged_exponent
        ends = (power.value, power.low, power.high) if power and np.isfinite(power.high) else (None, None, None)
        rows.append((name, case.x.size, *(case.probability(d) for d in DEFINITIONS), *ends))
    columns = ("outcome", "runs", *DEFINITIONS, *with_interval("power_of_x"))
    note = "The probability of each definition for each outcome."
    return Finding("The outcome, counted otherwise", columns, tuple(rows), note)


def per_token(case: Case, points: Outcomes) -> Finding:
    """What accuracy of one token each exact match implies, with Wilson's interval where the items are known."""
    items = points.residual.items if isinstance(points.residual, Binomial) else None
    rows: list[tuple[Cell, ...]] = []
    for i in np.argsort(case.x, kind="stable"):
        y = float(case.y[i])
        low, high = (None, None) if items is None else wilson(y, float(items[i]))
        one = [None if v is None else float(v ** (1 / case.tokens)) for v in (y, low, high)]
        rows.append((float(case.x[i]), y, *one))
    note = (
        f"The accuracy of one token is y^(1/{case.tokens:g}) if {case.tokens:g} tokens must be right, each by itself."
    )
    if items is not None:
        blind = float(np.median(items)) ** (-1 / case.tokens)
        note += (
            f" With {np.median(items):,.0f} items an exact match of 0 says only that one token is right less often "
            f"than about {blind:.2f}: below that exact match sees nothing."
        )
    return Finding("Implied accuracy of one token", ("x", "y", *with_interval("one_token")), tuple(rows), note)


def wilson(share: float, items: float) -> tuple[float, float]:
    """The 95 % interval of a share of items (Wilson 1927)."""
    centre = (share + Z * Z / (2 * items)) / (1 + Z * Z / items)
    half = Z / (1 + Z * Z / items) * np.sqrt(share * (1 - share) / items + Z * Z / (4 * items**2))
    return (0.0 if share == 0 else float(centre - half)), (1.0 if share == 1 else float(centre + half))
