"""The points of every group: one per run, at its end, and which runs lie far off what the others show."""

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError, TableError, did_you_mean
from scalewise.laws import POWER, fit_law
from scalewise.laws.families import Grouped
from scalewise.laws.residual import LOG_HUBER
from scalewise.questions.metric import column_of
from scalewise.questions.outcomes import outcomes
from scalewise.runs.table import Runs, listed
from scalewise.runs.tuned import at_best_rate

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

FEWEST_X = 3
"""Fewer distinct x in a group show a slope, but not how sure it is."""
FAR_SD, FAR_SHARE = 8.0, 0.10
"""A run this many robust standard deviations and this share of y on the wrong side of its group's law is far off."""


@dataclass(frozen=True)
class Sample:
    """Points of several groups: x and y (points,), which group each belongs to, and the groups' names, the baseline's
    first. `errors` (points,) are standard errors of log y, where something says how far each point may be off."""

    x: Floats
    y: Floats
    member: NDArray[np.int64]
    names: tuple[str, ...]
    errors: Floats | None = None

    @property
    def inputs(self) -> Floats:
        """(points, 2): x and the number of the group."""
        return np.stack([self.x, self.member.astype(np.float64)], axis=1)

    @property
    def clusters(self) -> NDArray[np.int64]:
        """Repeats at one x of one group are off their law together."""
        _, number = np.unique(self.inputs, axis=0, return_inverse=True)
        return number.astype(np.int64)

    def of(self, group: int) -> "tuple[Floats, Floats]":
        """x and y of one group."""
        mine = self.member == group
        return self.x[mine], self.y[mine]

    def span(self, group: int) -> tuple[float, float]:
        """The smallest and the largest x of one group."""
        x, _ = self.of(group)
        return float(x.min()), float(x.max())

    def kept(self, keep: NDArray[np.bool_]) -> "Sample":
        errors = None if self.errors is None else self.errors[keep]
        return replace(self, x=self.x[keep], y=self.y[keep], member=self.member[keep], errors=errors)


@dataclass(frozen=True)
class Ends:
    """The ended runs that are compared: their `rows`, in the order of the sample's points, and what was decided."""

    rows: "pl.DataFrame"
    sample: Sample
    notes: tuple[str, ...]


def grouped_by(runs: Runs, by: str) -> Runs:
    """The runs with their group taken from the column `by`, rows that say nothing there left out.

    Raises QuestionError when there is no such column or a run has several values of it.
    """
    import polars as pl

    name = column_of(runs, by, "--by")
    table = runs.table.with_columns(pl.col(name).cast(pl.String).alias("group")).filter(pl.col("group").is_not_null())
    several = table.group_by("run").agg(pl.col("group").n_unique().alias("n")).filter(pl.col("n") > 1)
    if several.height:
        raise QuestionError(
            f"{runs.source}: run '{several['run'].sort()[0]}' has several values of '{name}'; what is compared must be "
            "the same throughout a run."
        )
    return replace(runs, table=table)


def ends(runs: Runs, x: str, y: str, baseline: str | None, best_rate: bool = True) -> Ends:
    """One point per run that trained through, at its end; with `best_rate` at the best learning rate of its size.

    Raises QuestionError or TableError for columns that cannot be used, and when fewer than two groups are left.
    """
    rows, notes = runs.trained, []
    if best_rate and runs.has("loss", "params"):
        rows, note = at_best_rate(rows)
        notes += [note] if note else []
    if runs.has_curves:
        notes.append("one point per run is used, at its end")
    at_end = replace(runs, table=rows)
    points = outcomes(at_end, x, y)
    if points.left_out:
        notes.append(f"{points.left_out:,} runs lack {x} or {y} and are left out")
    known = rows.drop_nulls([x, y])
    for name, values in ((x, points.x), (y, points.y)):
        if (wrong := np.flatnonzero(~(np.isfinite(values) & (values > 0)))).size:
            raise TableError(
                f"{runs.source}: column '{name}' is {values[wrong[0]]:g} for run {known['run'][int(wrong[0])]}; a "
                "power law needs numbers greater than 0: leave such rows out with --where."
            )
    names, short = _groups(known["group"].to_list(), points.x)
    if short:
        notes.append(f"groups with fewer than {FEWEST_X} distinct {x} are left out: {listed(short)}")
    names = _with_baseline(names, short, baseline, runs.source)
    if len(names) < 2:
        raise QuestionError(
            f"{runs.source}: two groups with at least {FEWEST_X} distinct {x} each are needed, and there is "
            f"{'one (' + names[0] + ')' if names else 'none'}; name the column that tells them apart with --by."
        )
    number = {name: i for i, name in enumerate(names)}
    member = np.array([number.get(group, -1) for group in known["group"].to_list()])
    keep = np.flatnonzero(member >= 0)
    sample = Sample(points.x[keep], points.y[keep], member[keep], names)
    if np.ptp(sample.y) <= 1e-9 * sample.y.max():
        raise QuestionError(f"{runs.source}: every {y} is {sample.y[0]:g}; there is no effect of {x} to fit.")
    return Ends(known[keep.tolist()], sample, tuple(notes))


def _groups(members: list[str], x: Floats) -> tuple[tuple[str, ...], list[str]]:
    """The groups with enough distinct x, in their natural order, and those without."""
    of = np.array(members)
    found: dict[bool, list[str]] = {True: [], False: []}
    for name in sorted(set(members), key=_natural):
        found[np.unique(x[of == name]).size >= FEWEST_X].append(name)
    return tuple(found[True]), found[False]


def _natural(name: str) -> tuple[tuple[int, float, str], ...]:
    """Sorts 2 before 10, alone or within a name."""
    parts = re.split(r"(\d+(?:\.\d+)?)", name)
    return tuple((0, float(part), "") if i % 2 else (1, 0.0, part) for i, part in enumerate(parts) if part)


def _with_baseline(names: tuple[str, ...], short: list[str], baseline: str | None, source: str) -> tuple[str, ...]:
    if baseline is None or baseline in names[:1]:
        return names
    if baseline in short:
        raise QuestionError(f"{source}: the baseline '{baseline}' has fewer than {FEWEST_X} distinct x.")
    if baseline not in names:
        raise QuestionError(
            f"{source}: there is no group '{baseline}'{did_you_mean(baseline, names)}; there are {listed(names)}."
        )
    return (baseline, *(name for name in names if name != baseline))


def far_off(sample: Sample) -> NDArray[np.bool_]:
    """Which points lie far on the wrong side of their group's power law, as diverged runs do: (points,)."""
    law = Grouped(POWER, len(sample.names), ("A", "alpha"))
    fit = fit_law(law, sample.inputs, sample.y, resamples=0, residual=LOG_HUBER)
    if fit.bound is None:
        return np.zeros(sample.x.size, dtype=bool)
    falls = np.cov(np.log(sample.x), np.log(sample.y))[0, 1] < 0
    wrong_way = fit.residuals if falls else -fit.residuals
    return np.asarray(wrong_way > max(FAR_SD * fit.noise, np.log1p(FAR_SHARE)))
