"""The run that would settle an equal-compute comparison, what it costs, and the width of the gap it would leave."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from scalewise.questions import wording
from scalewise.questions.answer import judge
from scalewise.questions.equal_compute.contest import Entrant, gap
from scalewise.questions.equal_compute.measured import READING_DEGREES, Size, Spreads
from scalewise.questions.equal_compute.standings import Standing, Standings, is_beyond
from scalewise.questions.next_run import proposal

if TYPE_CHECKING:
    import polars as pl

MORE_SEEDS = (1, 2, 3, 5, 8, 13, 20)
LEAST_FURTHER = 1.1
"""A run that ends less than this beyond the size's last one teaches nothing."""


def next_run(
    standings: Standings,
    rows: "pl.DataFrame",
    spreads: Spreads,
    probability: float | None,
    budget: float | None,
    seed: int,
) -> str | None:
    """Where the data cannot tell: measure what was extrapolated, or repeat what was measured."""
    if judge(probability) != "the data cannot tell":
        return None
    at = wording.amount(standings.target, standings.axis)
    if len(standings.entered) < 2 or standings.largest.entrant is None:
        return f"losses of every size at {at}."
    pair = rivals(standings)
    beyond = [s for s in pair if s.measured is None and s.outlook is not None]
    if beyond:
        trained = max(beyond, key=lambda s: (s.entrant.width if s.entrant else None) or 0.0)
        return _train(trained, pair, standings, rows, spreads, budget, seed)
    return _repeat(pair, standings, rows, spreads, budget, seed)


def rivals(standings: Standings) -> tuple[Standing, Standing]:
    """The size with the lowest loss, and the largest; or the next best where the largest has the lowest."""
    (winner, _), (runner_up, _) = standings.entered[:2]
    return winner, (runner_up if winner is standings.largest else standings.largest)


def flops_of(standing: Standing, compute: float, rows: "pl.DataFrame", axis: str) -> float | None:
    """Training operations that an amount of compute is for this size, None if not known."""
    import polars as pl

    if axis == "flops":
        return compute
    own = rows.filter((pl.col("group") == standing.size.group) & (pl.col("params") == standing.size.params))
    known = own.drop_nulls("flops") if "flops" in own.columns else own.clear()
    if not known.height:
        return None
    return float(known["flops"].to_numpy().max() / known[axis].to_numpy().max()) * compute


def _train(
    trained: Standing,
    pair: tuple[Standing, Standing],
    standings: Standings,
    rows: "pl.DataFrame",
    spreads: Spreads,
    budget: float | None,
    seed: int,
) -> str:
    """Train a size up to the target, or as far as the budget goes."""
    target = standings.target
    cost = flops_of(trained, target, rows, standings.axis)
    compute = target
    if budget is not None and cost is not None and cost > budget >= LEAST_FURTHER * cost * trained.spent / target:
        compute, cost = target * budget / cost, budget
    before = _half_width(pair, {}, seed)
    after = _half_width(pair, {trained.size: _after(trained, compute, target, spreads)}, seed)
    how = "train" if is_beyond(trained, target) else "another run of"
    what = (
        f"{how} the {standings.label(trained.size)} model with {wording.amount(compute, standings.axis)} "
        f"({wording.times(compute / trained.spent)} what it had)"
    )
    narrower = "the measured loss replaces the extrapolation" if compute == target else "its forecast reaches less far"
    promise = f"{narrower}; the gap between the two, now {_known_to(before)}, would be {_known_to(after)} nats"
    return proposal(what, cost, 1, promise, budget)


def _after(trained: Standing, compute: float, target: float, spreads: Spreads) -> Entrant | None:
    """The size's loss at the target once it has had this much: measured there, or forecast from nearer.

    What a forecast's error is beyond the noise shrinks with the log distance that is left.
    """
    now = trained.entrant
    if now is None:
        return None
    if compute < target:
        return replace(now, missed=now.missed * float(np.log(target / compute) / np.log(target / trained.spent)))
    sd, degrees = spreads.get(trained.size, (_scatter(trained), READING_DEGREES))
    return Entrant(now.log_loss, sd, degrees)


def _scatter(standing: Standing) -> float | None:
    """How far the points of a size's curve lie from its laws, log loss."""
    return standing.outlook.own.noise if standing.outlook and standing.outlook.own else None


def _repeat(
    pair: tuple[Standing, Standing],
    standings: Standings,
    rows: "pl.DataFrame",
    spreads: Spreads,
    budget: float | None,
    seed: int,
) -> str:
    """More seeds of both: as few as would make the interval narrower than the gap, or as many as the budget pays."""
    costs = [flops_of(s, standings.target, rows, standings.axis) for s in pair]
    cost = None if None in costs else sum(c for c in costs if c is not None)
    at = wording.amount(standings.target, standings.axis)
    what = f"the {standings.label(pair[0].size)} and the {standings.label(pair[1].size)} models at {at}"
    seeds = [k for k in MORE_SEEDS if budget is None or cost is None or k * cost <= budget] or [MORE_SEEDS[0]]
    if not all(s.size in spreads for s in pair):
        few = seeds[min(1, len(seeds) - 1)]
        return proposal(f"more seeds: {few} each of {what}", _times(cost, few), 1, _UNKNOWN, budget)
    lead, before = abs(_gap(pair, {}, seed)[0]), _half_width(pair, {}, seed)
    tried = [(k, _half_width(pair, {s.size: _repeated(s, k, spreads) for s in pair}, seed)) for k in seeds]
    few, after = next(((k, half) for k, half in tried if half < lead), tried[-1])
    settles = "" if after < lead else ", still more than the gap itself"
    promise = f"the gap of {lead:.3f} nats, now {_known_to(before)}, would be {_known_to(after)}{settles}"
    return proposal(f"more seeds: {few} each of {what}", _times(cost, few), 1, promise, budget)


_UNKNOWN = "how much seeds differ is not known yet, and the gap has no interval without it"


def _repeated(standing: Standing, more: int, spreads: Spreads) -> Entrant | None:
    if standing.entrant is None or standing.measured is None:
        return standing.entrant
    sd, degrees = spreads[standing.size]
    return replace(standing.entrant, scale=sd / np.sqrt(standing.measured.losses.size + more), degrees=degrees + more)


def _times(cost: float | None, count: int) -> float | None:
    return None if cost is None else cost * count


Known = dict[Size, Entrant | None]
"""Losses that are taken to be known otherwise than they are now."""


def _gap(pair: tuple[Standing, Standing], instead: Known, seed: int) -> tuple[float, float | None, float | None]:
    first, second = (instead.get(s.size) or s.entrant for s in pair)
    if first is None or second is None:
        return 0.0, None, None
    return gap(first, second, seed)


def _half_width(pair: tuple[Standing, Standing], instead: Known, seed: int) -> float:
    """Half the 95 % interval of the gap in nats, infinite where there is none."""
    _, low, high = _gap(pair, instead, seed)
    return np.inf if low is None or high is None else (high - low) / 2


def _known_to(half_width: float) -> str:
    return f"known to ±{half_width:.2g}" if np.isfinite(half_width) else "without an interval"
