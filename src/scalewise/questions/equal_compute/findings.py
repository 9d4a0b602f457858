"""The tables of an equal-compute answer: measured first, extrapolated second."""

from typing import TYPE_CHECKING

import numpy as np

from scalewise.laws.forecast import DEGREES
from scalewise.questions import wording
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.equal_compute.catch_up import JointLaw
from scalewise.questions.equal_compute.contest import Entrant, beats_probability, best_probabilities, gap
from scalewise.questions.equal_compute.measured import Spreads, entrants, measured_at
from scalewise.questions.equal_compute.standings import Standing, Standings

if TYPE_CHECKING:
    import polars as pl

AVERAGE = "average of its own curves"


def measured(rows: "pl.DataFrame", axis: str, levels: list[float], spreads: Spreads, seed: int) -> list[Finding]:
    """Who wins at each amount of compute, and every size there, the most compute first."""
    winners: list[tuple[Cell, ...]] = []
    everyone: list[tuple[Cell, ...]] = []
    for level in reversed(levels):
        known = measured_at(rows, axis, level)
        entered = entrants(known, spreads)
        found = best_probabilities(entered, seed)
        chances: list[float | None] = list(found) if found else [None] * len(entered)
        first, second = np.argsort([e.log_loss for e in entered])[:2]
        best = known[first]
        lead = gap(entered[first], entered[second], seed)
        winners.append((level, best.size.group, best.size.params, best.mean, *lead, chances[first]))
        big = max(range(len(known)), key=lambda i: known[i].size.params)
        for i, (m, e) in enumerate(zip(known, entered, strict=True)):
            place = "at its end" if m.at_end else "inside its run"
            matches = None if i == big else beats_probability(e, entered[big], seed)
            loss = (m.mean, *e.interval())
            everyone.append((level, m.size.group, m.size.params, *loss, m.losses.size, place, matches, chances[i]))
    if not winners:
        return []
    spread = "a new seed" if spreads else "reading one curve, not of a new seed"
    return [
        Finding(
            "Measured winners at equal compute",
            (axis, "group", "params", "loss", *with_interval("lead"), "P(best)"),
            tuple(winners),
            f"lead: nats below the runner-up at the same compute. Intervals and P hold the spread of {spread}.",
        ),
        Finding(
            "Measured losses at equal compute",
            (axis, "group", "params", *with_interval("loss"), "runs", "point", "P(matches largest)", "P(best)"),
            tuple(everyone),
            "the median of each run's points within 2 % of the compute, averaged over runs.",
        ),
    ]


def how_much_longer(standings: Standings) -> Finding:
    rows = []
    for s in standings.all:
        longer = standings.target / s.spent
        tokens = None if s.tokens is None else s.tokens * longer
        rows.append((s.size.group, s.size.params, s.spent, longer, s.tokens, tokens))
    return Finding(
        "How much longer each size must train",
        ("group", "params", standings.axis, "times_longer", "tokens", "tokens_at_equal_compute"),
        tuple(rows),
        f"to reach {wording.amount(standings.target, standings.axis)}; the cost of a token is taken to stay the same.",
    )


def extrapolated(standings: Standings, joint: JointLaw | None, seed: int) -> list[Finding]:
    """What each size that was trained less would reach, under every law that fits, and P(it matches the largest)."""
    big = standings.largest
    rows: list[tuple[Cell, ...]] = []
    for s, entrant, forecast in standings.forecasts:
        who = (s.size.group, s.size.params)
        for law in forecast.laws:
            alone = Entrant(float(np.log(law.value.value)), law.spread, DEGREES)
            wins = _matches(s, alone, big, seed)
            value = law.value
            rows.append((*who, law.fit.family.formula, value.value, value.low, value.high, law.backtest, wins))
        if joint is not None and s.tokens is not None and big.tokens is not None:
            here = (s.size.params, s.tokens * standings.target / s.spent)
            there = (big.size.params, big.tokens * standings.target / big.spent)
            value, wins = joint.at(*here), None if s is big else joint.matches(here, there)
            rows.append((*who, joint.fit.family.formula, value.value, value.low, value.high, None, wins))
        value = forecast.interval()
        rows.append((*who, AVERAGE, value.value, value.low, value.high, None, _matches(s, entrant, big, seed)))
    if not rows:
        return []
    return [
        Finding(
            "Extrapolated to equal compute",
            ("group", "params", "law", *with_interval("loss"), "backtest_error", "P(matches largest)"),
            tuple(rows),
            "one law: bootstrap interval of its curve. The average is widened by noise, backtest error and the spread "
            "between laws. backtest_error: relative error at the curve's end when fitted as far before it as the "
            "target lies beyond it; - where the curve is too short for that.",
        )
    ]


def _matches(standing: Standing, entrant: Entrant, big: Standing, seed: int) -> float | None:
    if standing is big or big.entrant is None:
        return None
    return beats_probability(entrant, big.entrant, seed)
