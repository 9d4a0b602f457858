"""Where each size stands at the compute asked about: measured there, or forecast from less."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scalewise.laws.forecast import DEGREES, Forecast
from scalewise.questions import wording
from scalewise.questions.equal_compute.catch_up import Curve, catch_up, curve_of
from scalewise.questions.equal_compute.contest import Entrant, best_probabilities
from scalewise.questions.equal_compute.measured import Measured, Size, Spreads, entrants, measured_at, sizes_of

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Standing:
    """One size. `spent` is the most compute any of its runs had, `tokens` what that run read; `entrant` is its loss at
    the compute asked about, None when nothing can be said about it."""

    size: Size
    spent: float
    tokens: float | None
    curve: Curve | None
    measured: Measured | None
    entrant: Entrant | None
    forecast: Forecast | None


@dataclass(frozen=True)
class Standings:
    """All sizes at one compute, `target`, counted in the column `axis`."""

    axis: str
    target: float
    all: tuple[Standing, ...]

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
    def forecasts(self) -> list[tuple[Standing, Entrant, Forecast]]:
        return [(s, s.entrant, s.forecast) for s in self.all if s.forecast is not None and s.entrant is not None]

    def best_probability(self, params: float, seed: int) -> float | None:
        """P(a model of this size, of whatever group, has the lowest loss of all at the target)."""
        known = [(s, s.entrant) for s in self.all if s.entrant is not None]
        found = best_probabilities([entrant for _, entrant in known], seed)
        if found is None:
            return None
        return sum(p for p, (s, _) in zip(found, known, strict=True) if s.size.params == params)

    def label(self, size: Size) -> str:
        """The size, with its group where there are several."""
        label = wording.count(size.params)
        return label if len({s.size.group for s in self.all}) == 1 else f"{size.group} {label}"


def has_losses(rows: "pl.DataFrame") -> bool:
    return "loss" in rows.columns and rows["loss"].null_count() < rows.height


def rows_of(rows: "pl.DataFrame", size: Size) -> "pl.DataFrame":
    import polars as pl

    return rows.filter((pl.col("group") == size.group) & (pl.col("params") == size.params))


def standings_at(
    rows: "pl.DataFrame", axis: str, at: float | None, spreads: Spreads, resamples: int, seed: int
) -> Standings:
    """Every size at `at` compute, or at what the largest was given."""
    sizes = sizes_of(rows)
    largest = max(sizes, key=lambda size: size.params)
    target = at or _most(rows_of(rows, largest), axis)
    measured = {m.size: m for m in (measured_at(rows, axis, target) if has_losses(rows) else [])}
    known = dict(zip(measured, entrants(list(measured.values()), spreads), strict=True))
    standings = []
    for size in sizes:
        own = rows_of(rows, size)
        spent = _most(own, axis)
        tokens = _most(own, "tokens") if "tokens" in own.columns and own["tokens"].null_count() < own.height else None
        curve = curve_of(own, axis, size) if has_losses(own) else None
        entrant, predicted = known.get(size), None
        if entrant is None and curve is not None and target > curve.compute.min():
            predicted = catch_up(curve, target, resamples, seed)
            if predicted is not None:
                entrant = Entrant(predicted.log_value, predicted.scale, DEGREES)
        standings.append(Standing(size, spent, tokens, curve, measured.get(size), entrant, predicted))
    return Standings(axis, target, tuple(standings))


def _most(rows: "pl.DataFrame", column: str) -> float:
    return float(rows[column].drop_nulls().to_numpy().max())
