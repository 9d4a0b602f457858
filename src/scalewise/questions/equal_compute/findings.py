"""The tables of an equal-compute answer: measured first, extrapolated second."""

from typing import TYPE_CHECKING

import numpy as np

from scalewise.questions import wording
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.equal_compute.contest import Contest, Entrant
from scalewise.questions.equal_compute.measured import Spreads, entrants, measured_at
from scalewise.questions.equal_compute.outlook import JOINT, OWN
from scalewise.questions.equal_compute.standings import Standing, Standings, is_beyond

if TYPE_CHECKING:
    import polars as pl


def measured(rows: "pl.DataFrame", axis: str, levels: list[float], spreads: Spreads, seed: int) -> list[Finding]:
    """Who wins at each amount of compute, and every size there, the most compute first."""
    winners: list[tuple[Cell, ...]] = []
    everyone: list[tuple[Cell, ...]] = []
    for level in reversed(levels):
        known = measured_at(rows, axis, level)
        entered = entrants(known, spreads)
        contest = Contest(entered, seed)
        chances = contest.best()
        first, second = (int(i) for i in np.argsort([e.log_loss for e in entered])[:2])
        best = known[first]
        lead = contest.gap(first, second)
        winners.append((level, best.size.group, best.size.params, best.mean, *lead, chances[first]))
        big = max(range(len(known)), key=lambda i: known[i].size.params)
        for i, (m, e) in enumerate(zip(known, entered, strict=True)):
            place = "at its end" if m.at_end else "inside its run"
            wins = None if i == big else contest.beats(i, big)
            loss = (m.mean, *e.interval())
            everyone.append((level, m.size.group, m.size.params, *loss, m.losses.size, place, wins, chances[i]))
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
            (axis, "group", "params", *with_interval("loss"), "runs", "point", "P(small wins)", "P(best)"),
            tuple(everyone),
            "the median of each run's points within 2 % of the compute, averaged over runs. P(small wins): the "
            "probability of a lower loss than the largest size's there.",
        ),
    ]


def all_sizes(standings: Standings, seed: int) -> list[Finding]:
    """Every size at the compute asked about, however its loss there is known, against the largest."""
    known = [(s, s.entrant) for s in standings.all if s.entrant is not None]
    if len(known) < 2:
        return []
    contest = Contest([entrant for _, entrant in known], seed)
    big = next((i for i, (s, _) in enumerate(known) if s is standings.largest), None)
    rows: list[tuple[Cell, ...]] = []
    for i, ((s, entrant), best) in enumerate(zip(known, contest.best(), strict=True)):
        against = big is not None and i != big
        above = contest.gap(big, i) if big is not None and against else (None, None, None)
        wins = contest.beats(i, big) if big is not None and against else None
        loss = (entrant.loss, *entrant.interval())
        rows.append((s.size.group, s.size.params, how_known(s, standings.target), *loss, *above, wins, best))
    return [
        Finding(
            "All sizes at the compute asked about",
            ("group", "params", "point", *with_interval("loss", "above_largest"), "P(small wins)", "P(best)"),
            tuple(rows),
            f"at {wording.amount(standings.target, standings.axis)}. above_largest: nats more than the largest size. "
            "P(small wins): the probability of a lower loss than the largest size's.",
        )
    ]


def how_known(standing: Standing, target: float) -> str:
    if standing.measured is not None:
        return "measured"
    return "extrapolated" if is_beyond(standing, target) else "interpolated"


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


def extrapolated(standings: Standings, seed: int) -> list[Finding]:
    """What each size that was trained less would reach: by its own curve, by the law of all sizes, and averaged."""
    big = standings.largest
    backtest = standings.joint.backtest if standings.joint else None
    rows: list[tuple[Cell, ...]] = []
    laws: list[tuple[Cell, ...]] = []
    for s, _, outlook in standings.forecasts:
        who = (s.size.group, s.size.params)
        own = outlook.own.backtest if outlook.own else None
        missed = {OWN: own.error if own else None, JOINT: backtest.error if backtest else None}
        for way, (share, entrant) in outlook.ways.items():
            loss = (entrant.loss, *entrant.interval())
            rows.append((*who, way, share, *loss, missed.get(way), _wins(s, entrant, big, seed)))
        if outlook.own is not None:
            for law, weight in outlook.own.weights.items():
                value = float(outlook.own.by_family[law][0])
                laws.append((*who, OWN, law, weight * (1 - outlook.share), value))
        if outlook.joint is not None and standings.joint is not None:
            laws.append((*who, JOINT, standings.joint.fit.family.formula, outlook.share, outlook.joint.loss))
    if not rows:
        return []
    return [
        Finding(
            "Extrapolated to equal compute",
            ("group", "params", "by", "weight", *with_interval("loss"), "backtest_error", "P(small wins)"),
            tuple(rows),
            "intervals hold the noise, the spread of laws and refits, and how far backtests missed per unit of log "
            "distance. weight: 1 / (noise + backtest error at this distance); what cannot be backtested counts only "
            "if nothing can. backtest_error: relative error at the end of curves that was not fitted; - where they "
            "are too short.",
        ),
        Finding(
            "Laws behind the extrapolation",
            ("group", "params", "by", "law", "weight", "loss"),
            tuple(laws),
            "the loss at equal compute under each law, and what it counts for in the average.",
        ),
    ]


def _wins(standing: Standing, entrant: Entrant, big: Standing, seed: int) -> float | None:
    if standing is big or big.entrant is None:
        return None
    return Contest([entrant, big.entrant], seed).beats(0, 1)
