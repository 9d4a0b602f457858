"""Losses that were measured at equal compute: each size read off its own runs at one amount of compute."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.questions.equal_compute.contest import Entrant
from scalewise.runs.levels import EQUAL_WITHIN, compute_levels

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
FEWEST_DEGREES = 4
READING_DEGREES = 5
"""Degrees of freedom given to a loss read off a single noisy curve."""


@dataclass(frozen=True)
class Size:
    """What is compared: one size of one group."""

    group: str
    params: float


@dataclass(frozen=True)
class Measured:
    """One size's loss at one amount of compute: one value per run (seed), and how many ended there."""

    size: Size
    losses: Floats
    at_end: bool
    reading_sd: float | None
    """Spread of log loss within the window, for a loss read off a single curve."""

    @property
    def mean(self) -> float:
        return float(self.losses.mean())


Spreads = dict[Size, tuple[float, int]]
"""Standard deviation of log loss between seeds of a size, and its degrees of freedom."""


def sizes_of(observed: "pl.DataFrame") -> list[Size]:
    rows = observed.select("group", "params").unique().sort("group", "params").rows()
    return [Size(group, params) for group, params in rows]


MOST_LEVELS = 40
"""Measured losses are compared at this many amounts of compute, the largest."""


def measured_levels(observed: "pl.DataFrame", axis: str) -> tuple[list[float], bool]:
    """The amounts of compute at which some run ended and two sizes or more were observed, ascending.

    The largest MOST_LEVELS of them, and whether there are more.
    """
    import polars as pl

    ends = observed.group_by("run").agg(pl.col(axis).max(), pl.col("params").first())
    levels = compute_levels(ends[axis].to_numpy())
    centres = ends.with_columns(pl.Series("level", levels)).group_by("level").agg(pl.col(axis).max()).sort("level")
    found: list[float] = []
    for centre in centres[axis].to_list()[::-1]:
        if within(observed, axis, centre)["params"].n_unique() < 2:
            continue
        if len(found) == MOST_LEVELS:
            return found[::-1], True
        found.append(float(centre))
    return found[::-1], False


def measured_at(observed: "pl.DataFrame", axis: str, level: float) -> list[Measured]:
    """Every size that was observed within 2 % of this compute: the median of each run's points there.

    `observed` comes from `with_ends`.
    """
    import polars as pl

    window = within(observed, axis, level)
    per_run = (
        window.group_by("group", "params", "run")
        .agg(
            pl.col("loss").median(),
            pl.col("loss").log().std().alias("sd"),
            pl.col("_end").first() <= level * (1 + EQUAL_WITHIN),
        )
        .sort("group", "params", "run")
    )
    measured = []
    for (group, params), runs in per_run.group_by(["group", "params"], maintain_order=True):
        sd = runs["sd"][0] if runs.height == 1 else None
        measured.append(
            Measured(Size(str(group), float(params)), runs["loss"].to_numpy(), bool(runs["_end"].all()), sd)
        )
    return measured


def seed_spreads(observed: "pl.DataFrame", axis: str) -> Spreads:
    """How much seeds of each size differ: pooled over all amounts of compute at which the size was repeated.

    Sizes can differ several-fold in this, so they are pooled together only for a size that has
    fewer than FEWEST_DEGREES of its own, or was never repeated. Empty when no size was.
    """
    import polars as pl

    ends = observed.sort(axis, maintain_order=True).group_by("run", maintain_order=True).last()
    ends = ends.with_columns(pl.Series("_level", compute_levels(ends[axis].to_numpy())), pl.col("loss").log())
    cell = ["group", "params", "_level"]
    cells = ends.group_by(cell, maintain_order=True).agg(pl.len().alias("runs"), pl.col("loss").var().alias("variance"))
    cells = cells.filter(pl.col("runs") > 1).with_columns((pl.col("runs") - 1).alias("degrees"))
    square = (pl.col("variance") * pl.col("degrees")).sum().alias("square")
    by_size = (
        cells.sort(cell)
        .group_by("group", "params", maintain_order=True)
        .agg(square, pl.col("degrees").sum())
        .sort("group", "params")
    )
    whole = by_size.select(pl.col("square", "degrees").sum()).row(0)
    if by_size.height == 0:
        return {}
    own = {Size(g, p): (s, d) for g, p, s, d in by_size.rows() if d >= FEWEST_DEGREES}
    known = {size: own.get(size, whole) for size in sizes_of(observed)}
    return {size: (float(np.sqrt(squares / degrees)), int(degrees)) for size, (squares, degrees) in known.items()}


def entrants(measured: list[Measured], spreads: Spreads) -> list[Entrant]:
    """Measured losses with their uncertainty: the spread of seeds, or else of reading a single curve.

    A curve with one point there is read as well as the others are in the median.
    """
    read = [m.reading_sd for m in measured if m.reading_sd is not None]
    usual = float(np.median(read)) if read else None
    result = []
    for m in measured:
        log_loss = float(np.log(m.losses).mean())
        if m.size in spreads:
            sd, degrees = spreads[m.size]
            result.append(Entrant(log_loss, float(sd / np.sqrt(m.losses.size)), degrees))
        else:
            result.append(Entrant(log_loss, usual if m.reading_sd is None else m.reading_sd, READING_DEGREES))
    return result


def with_ends(rows: "pl.DataFrame", axis: str) -> "pl.DataFrame":
    """The rows with a column `_end`: the most compute that the row's run had."""
    import polars as pl

    return rows.with_columns(pl.col(axis).max().over("run").alias("_end"))


def within(observed: "pl.DataFrame", axis: str, level: float) -> "pl.DataFrame":
    """The rows whose compute equals this level."""
    return observed.filter(observed[axis].is_between(level / (1 + EQUAL_WITHIN), level * (1 + EQUAL_WITHIN)))
