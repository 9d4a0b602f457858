"""Where each size stands at the compute asked about: measured there, or forecast from less."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scalewise.laws.families import Family
from scalewise.questions import wording
from scalewise.questions.equal_compute.contest import Contest, Entrant
from scalewise.questions.equal_compute.curves import Curve, curve_of
from scalewise.questions.equal_compute.joint import JointLaw, joint_law
from scalewise.questions.equal_compute.measured import (
    READING_DEGREES,
    Measured,
    Size,
    Spreads,
    entrants,
    measured_at,
    sizes_of,
)
from scalewise.questions.equal_compute.outlook import (
    MANY_CURVES,
    MOST_CURVES,
    MOST_REFITS,
    QUICK,
    Outlook,
    is_curve,
    outlook,
)
from scalewise.runs.levels import EQUAL_WITHIN

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Standing:
    """One size. `spent` is the most compute any of its runs had, `tokens` what that run read.

    `entrant` is its loss at the compute asked about, None when nothing can be said about it; `ended` its loss at the
    end of its longest run. `outlook` is what it would reach with the compute asked about if it had less, else with
    twice what it had.
    """

    size: Size
    spent: float
    tokens: float | None
    curve: Curve | None
    measured: Measured | None
    entrant: Entrant | None
    ended: Entrant | None
    outlook: Outlook | None


@dataclass(frozen=True)
class Standings:
    """All sizes at one compute, `target`, counted in the column `axis`, and the law of all of them if there is one."""

    axis: str
    target: float
    all: tuple[Standing, ...]
    joint: JointLaw | None
    curves: int
    """How many sizes have a curve that could be continued."""

    @property
    def largest(self) -> Standing:
        """The largest size; of several groups that have it, the one with the lowest loss."""
        most = max(s.size.params for s in self.all)
        tied = [s for s in self.all if s.size.params == most]
        return min(tied, key=lambda s: s.entrant.log_loss if s.entrant else np.inf)

    @property
    def left_out(self) -> list[Standing]:
        """Sizes about whose loss at the target nothing can be said."""
        return [s for s in self.all if s.entrant is None]

    @property
    def entered(self) -> list[tuple[Standing, Entrant]]:
        """The sizes whose loss at the target is known or forecast, the best first."""
        pairs = [(s, s.entrant) for s in self.all if s.entrant is not None]
        return sorted(pairs, key=lambda pair: pair[1].log_loss)

    @property
    def forecasts(self) -> list[tuple[Standing, Entrant, Outlook]]:
        """The sizes that were not measured at the target."""
        return [
            (s, s.entrant, s.outlook) for s in self.all if s.measured is None and s.outlook and s.entrant is not None
        ]

    def best_probability(self, params: float, seed: int, group: str | None = None) -> float | None:
        """P(a model of this size, of one group or of whatever group, has the lowest loss of all at the target)."""
        known = [(s, s.entrant) for s in self.all if s.entrant is not None]
        found = Contest([entrant for _, entrant in known], seed).best()
        own = [
            p
            for p, (s, _) in zip(found, known, strict=True)
            if s.size.params == params and group in (None, s.size.group) and p is not None
        ]
        return sum(own) if own else None

    def label(self, size: Size) -> str:
        """The size, with its group where there are several."""
        label = wording.count(size.params)
        return label if len({s.size.group for s in self.all}) == 1 else f"{size.group} {label}"


def has_losses(rows: "pl.DataFrame") -> bool:
    return "loss" in rows.columns and rows["loss"].null_count() < rows.height


def standings_at(
    rows: "pl.DataFrame", axis: str, at: float | None, spreads: Spreads, resamples: int, seed: int
) -> Standings:
    """Every size at `at` compute, or at what the largest was given."""
    sizes = sizes_of(rows)
    own = {size: _rows_of(rows, size) for size in sizes}
    spent = {size: _most(own[size], axis) for size in sizes}
    target = at or spent[max(sizes, key=lambda size: size.params)]
    known = has_losses(rows)
    measured = {m.size: m for m in (measured_at(rows, axis, target) if known else [])}
    entered = dict(zip(measured, entrants(list(measured.values()), spreads), strict=True))
    refits = min(resamples, MOST_REFITS)
    joint = joint_law(rows, float(np.log(max(2.0, target / min(spent.values())))), refits, seed) if known else None
    curves = {size: curve_of(own[size], axis, size) for size in sizes} if known else {}
    ended = {size: _ended(own[size], axis, spent[size], spreads) for size in curves}
    tokens = {size: _tokens(own[size]) for size in sizes}
    families = _families(curves, ended, joint, tokens, {size: target / spent[size] for size in sizes})
    standings = []
    for size in sizes:
        curve, found = curves.get(size), None
        if curve is not None:
            ahead = target if size not in measured and target > curve.compute.min() else 2 * spent[size]
            read = tokens[size]
            per_compute = read / spent[size] if read else None
            found = outlook(curve, joint, ahead, per_compute, families[size], refits, seed)
        entrant = _scattered(entered.get(size), found)
        if entrant is None and found is not None and found.at == target:
            entrant = found.entrant
        place = (
            spent[size],
            tokens[size],
            curve,
            measured.get(size),
            entrant,
            _scattered(ended.get(size), found),
            found,
        )
        standings.append(Standing(size, *place))
    continued = sum(is_curve(curve) for curve in curves.values())
    return Standings(axis, target, tuple(standings), joint, continued)


def _scattered(measured: Entrant | None, outlook: Outlook | None) -> Entrant | None:
    """A measured loss that nothing else shows the uncertainty of is as uncertain as its curve's points scatter."""
    own = outlook.own if outlook else None
    if measured is None or measured.scale is not None or own is None or own.backtest is None:
        return measured
    return Entrant(measured.log_loss, own.noise, READING_DEGREES)


def _families(
    curves: dict[Size, Curve],
    ended: dict[Size, Entrant],
    joint: JointLaw | None,
    tokens: dict[Size, float | None],
    longer: dict[Size, float],
) -> dict[Size, Sequence[Family] | None]:
    """Which laws continue each size's own curve: None is all of them.

    Of too many curves only those in contention are continued: the lowest at the target under the law of all sizes, or
    where there is none the lowest at their end.
    """
    continued = [size for size, curve in curves.items() if is_curve(curve)]
    if len(continued) <= MANY_CURVES:
        return dict.fromkeys(curves, None)

    def rank(size: Size) -> float:
        read = tokens[size]
        if joint is None or size not in joint.offsets or not read:
            return ended[size].loss
        return float(joint.losses(size, np.array([read * longer[size]]))[0, 0])

    chosen = set(sorted(continued, key=rank)[:MOST_CURVES])
    return {size: QUICK if size in chosen else () for size in curves}


def is_beyond(standing: Standing, target: float) -> bool:
    """Whether a size had less compute than the target, and would have to train longer."""
    return standing.spent < target / (1 + EQUAL_WITHIN)


def _ended(rows: "pl.DataFrame", axis: str, spent: float, spreads: Spreads) -> Entrant:
    """A size's loss at the end of its longest run."""
    return entrants(measured_at(rows, axis, spent), spreads)[0]


def _rows_of(rows: "pl.DataFrame", size: Size) -> "pl.DataFrame":
    import polars as pl

    return rows.filter((pl.col("group") == size.group) & (pl.col("params") == size.params))


def _tokens(rows: "pl.DataFrame") -> float | None:
    return _most(rows, "tokens") if "tokens" in rows.columns and rows["tokens"].null_count() < rows.height else None


def _most(rows: "pl.DataFrame", column: str) -> float:
    return float(rows[column].drop_nulls().to_numpy().max())
