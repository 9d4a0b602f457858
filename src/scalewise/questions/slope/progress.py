"""Efficiency over time: how fast the compute for the same loss falls from one method to the next, against hardware."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.laws import Estimate
from scalewise.laws.fit import estimate
from scalewise.questions.metric import column_of
from scalewise.questions.slope.contrasts import Multiplier
from scalewise.questions.slope.samples import Ends
from scalewise.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
DAYS_PER_YEAR = 365.2425


@dataclass(frozen=True)
class Progress:
    """Doublings of efficiency per year, with their refits (refits,), and the groups they are from."""

    per_year: Estimate
    draws: Floats
    groups: tuple[str, ...]
    first: float
    last: float

    @property
    def doubling(self) -> tuple[float | None, float | None, float | None]:
        """Years per doubling: value, low and high; None where efficiency may not rise at all."""
        rate = self.per_year
        return tuple(1 / r if r > 0 else None for r in (rate.value, rate.high, rate.low))  # type: ignore[return-value]

    def faster_than(self, years: float) -> float:
        """The probability that efficiency doubles in less than this many years."""
        return float(np.mean(self.draws > 1 / years))


def group_dates(runs: Runs, ends: Ends, column: str) -> Floats:
    """The median date of each group's runs, in years (groups,). Raises QuestionError for what is no date."""
    name = column_of(runs, column, "--date")
    years = _years(ends.rows, name, runs.source)
    return np.array([np.median(years[ends.sample.member == g]) for g in range(len(ends.sample.names))])


def _years(rows: "pl.DataFrame", name: str, source: str) -> Floats:
    import polars as pl

    given = rows[name]
    if given.null_count():
        run = rows["run"][int(given.is_null().arg_true()[0])]
        raise QuestionError(f"{source}: column '{name}' is empty for run {run}; every compared run needs its date.")
    if given.dtype.is_numeric():
        return np.asarray(given.cast(pl.Float64).to_numpy())
    years = []
    for run, value in zip(rows["run"], given.cast(pl.String), strict=True):
        try:
            years.append(_year(value))
        except ValueError:
            raise QuestionError(
                f"{source}: column '{name}' is '{value}' for run {run}; write years (2023.5) or ISO dates (2023-07-01)."
            ) from None
    return np.array(years)


def _year(value: str) -> float:
    """2023.5, or a day such as 2023-07-01 with or without a time."""
    try:
        return float(value)
    except ValueError:
        day = date.fromisoformat(value[:10])
        return day.year + (day - date(day.year, 1, 1)).days / DAYS_PER_YEAR


def progress(multipliers: list[Multiplier], dates: Floats, names: tuple[str, ...], seed: int) -> Progress | None:
    """A line through log2 of the multipliers against the dates of their groups, the baseline's being 0.

    Its scatter about the line counts as well as the refits, because methods do not come at an even pace. None where
    fewer than two dates differ or no multiplier is known.
    """
    groups = [0, *(m.group for m in multipliers)]
    times = dates[groups]
    if np.ptp(times) <= 0:
        return None
    doublings = np.stack(
        [np.zeros_like(multipliers[0].log), *(np.clip(m.log, -50, 50) for m in multipliers)], axis=1
    ) / np.log(2)
    away = times - times.mean()
    square = float(away @ away)
    rates = (doublings - doublings.mean(axis=1, keepdims=True)) @ away / square
    draws, spare = rates[1:], len(groups) - 2
    if spare > 0:
        missed = doublings[0] - doublings[0].mean() - rates[0] * away
        scatter = np.sqrt(float(missed @ missed) / spare / square)
        draws = draws + scatter * np.random.default_rng([seed, 2]).standard_t(spare, draws.size)
    return Progress(
        estimate(float(rates[0]), draws),
        draws,
        tuple(names[g] for g in groups),
        float(times.min()),
        float(times.max()),
    )
