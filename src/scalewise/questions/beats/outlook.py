"""What more pairs would bring: power here, pairs needed, and the run to do next."""

import math
from dataclasses import dataclass

import numpy as np

from scalewise.questions import wording
from scalewise.questions.answer import Cell, Finding
from scalewise.questions.beats.contest import Comparison, Contest
from scalewise.questions.beats.findings import unit_of
from scalewise.questions.beats.pairs import Pairs
from scalewise.questions.power import MOST_PAIRS, pairs_needed, power_at, visible


@dataclass(frozen=True)
class Outlook:
    """The comparison on which the verdict hangs, and what it would take to settle it.

    `effect` is the advantage seen beyond the margin, without its sign; `deviation` how much pairs differ in it, `lost`
    the degrees of freedom spent on means, `level` the one-sided level at which it counts.
    """

    comparison: Comparison
    effect: float
    deviation: float
    lost: int
    level: float

    @property
    def needed(self) -> int | None:
        """The pairs for 80 % power to see `effect`, in all; None where that is more than anyone runs."""
        return self.pairs_for(self.effect)

    def error(self, units: int) -> float:
        return self.deviation / math.sqrt(units)

    def half_width(self, units: int) -> float:
        from scipy.special import stdtrit

        return float(stdtrit(max(1, units - self.lost), 0.975)) * self.error(units)

    def power(self, units: int, effect: float) -> float:
        return power_at(effect, self.error(units), max(1, units - self.lost), self.level)

    def pairs_for(self, effect: float) -> int | None:
        return pairs_needed(effect, self.deviation, self.lost, self.level)


def outlook(pairs: Pairs, found: Contest, margin: float) -> Outlook | None:
    """None where no comparison has a spread."""
    known = [c for c in found.settling if c.p_better is not None and c.difference.error]
    if not known:
        return None
    hangs = (max if found.any_will_do else min)(known, key=lambda c: c.p_better or 0.0)
    strata = np.unique(pairs.stratum[np.concatenate(hangs.cells)]).size
    effect = abs(hangs.difference.value - margin)
    deviation = (hangs.difference.error or 0.0) * math.sqrt(hangs.difference.units)
    return Outlook(hangs, effect, deviation, strata, found.level)


def table(pairs: Pairs, seen: Outlook) -> Finding:
    """How many pairs it takes, if the truth is what was seen, and if it is half of that."""
    units = seen.comparison.difference.units
    rows: list[tuple[Cell, ...]] = []
    for what, share in (("what was seen", 1.0), ("half of it", 0.5)):
        effect = share * seen.effect
        rows.append((what, effect, seen.power(units, effect), seen.pairs_for(effect)))
    smallest = visible(seen.error(units), max(1, units - seen.lost), seen.level)
    return Finding(
        f"{unit_of(pairs).capitalize()} needed",
        ("true_advantage", "size", "power", "for_80_%_power"),
        tuple(rows),
        f"Of {_names(pairs, seen)}, now with {units:,} {counted(pairs)}: the smallest advantage that so many settle "
        f"with 80 % power is {smallest:.3g}. A - stands for more than {MOST_PAIRS:,}.",
    )


def next_run(pairs: Pairs, found: Contest, seen: Outlook | None, margin: float, budget: float | None) -> str:
    """One sentence: how many more pairs, what they cost, and what they are expected to bring."""
    if seen is None:
        return _without_spread(pairs, found, margin)
    units = seen.comparison.difference.units
    cost = _cost_of_one(pairs, seen.comparison)
    beyond = " beyond the margin" if margin else ""
    advantage = f"the true advantage of {_names(pairs, seen)} is the {seen.effect:.3g} seen{beyond}"
    if seen.needed is None:
        least = seen.half_width(4 * units)
        return (
            f"no affordable number of {counted(pairs)} tells an advantage as small as the one seen; say with --margin "
            f"how small is too small to matter: {3 * units:,} more would narrow the interval to +-{least:.2g}."
        )
    more = max(1, seen.needed - units)
    what = f"{more:,} more {counted(pairs, more)}"
    promise = f"80 % power to settle it if {advantage}, and an interval of +-{seen.half_width(units + more):.2g}"
    if cost is None:
        return f"{what}: {promise}."
    if budget is None or more * cost <= budget:
        return f"{what} ({wording.flops(more * cost)} flops): {promise}."
    fewer = int(budget // cost)
    if fewer == 0:
        return f"nothing within {wording.flops(budget)} flops: one more costs {wording.flops(cost)} flops."
    return (
        f"{fewer:,} more {counted(pairs, fewer)} ({wording.flops(fewer * cost)} flops): "
        f"{wording.probability(seen.power(units + fewer, seen.effect))} power if {advantage}, and an interval of "
        f"+-{seen.half_width(units + fewer):.2g}; 80 % power takes {more:,} ({wording.flops(more * cost)} flops)."
    )


def _without_spread(pairs: Pairs, found: Contest, margin: float) -> str:
    """Where all differences are equal only their signs tell: n of one sign have a chance of 2^-n."""
    fewest = min(found.settling, key=lambda c: c.difference.units)
    if fewest.difference.error is None:
        return f"at least two {counted(pairs)} in every task: a single one shows no spread."
    if fewest.difference.value == margin:
        return "none: the two are equal in all that was measured."
    wanted = math.ceil(-math.log2(found.level))
    more = max(1, wanted - fewest.difference.units)
    return (
        f"{more} more {counted(pairs, more)}: where all differences are equal only their signs tell, and {wanted} of "
        "one sign settle it."
    )


def counted(pairs: Pairs, number: int = 2) -> str:
    """What the data are more or fewer of: `1 pair (seed)`, `2 pairs (seed)`, without the number."""
    many = "" if number == 1 else "s"
    if not pairs.paired:
        return f"row{many} of each"
    fewest = min(range(len(pairs.crossed)), key=lambda i: np.unique(pairs.clusters[i]).size)
    return f"pair{many} ({pairs.crossed[fewest]})"


def _names(pairs: Pairs, seen: Outlook) -> str:
    c = seen.comparison
    under = f" ({pairs.rules[c.rule]})" if pairs.rules[c.rule] else ""
    return f"{pairs.methods[c.first]} over {pairs.methods[c.second]}{under}"


def _cost_of_one(pairs: Pairs, c: Comparison) -> float | None:
    """Operations of one more pair (of one more row of each method)."""
    costs = [pairs.flops[method][np.isfinite(pairs.flops[method])] for method in (c.first, c.second)]
    if any(known.size == 0 for known in costs):
        return None
    cells = max(1.0, c.cells[0].size / max(1, c.difference.units)) if pairs.paired else 1.0
    return float(sum(known.mean() for known in costs)) * cells
