"""The losses at which models of several sizes were observed: only there can size and loss be told apart."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError, TableError
from scalewise.laws.residual import PLAIN_SQUARES, Binomial, Residual, Squares
from scalewise.questions.observations import Points
from scalewise.questions.outcomes import outcomes
from scalewise.runs.table import Runs, listed

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Observed:
    """Points (points,) with a loss, an outcome y and a size; `run` and `size` number them from 0, sizes rising.

    `sizes` (sizes,) are the sizes themselves, `rows` the rows of the table, in the order of the points.
    """

    loss: Floats
    y: Floats
    size: NDArray[np.int64]
    run: NDArray[np.int64]
    sizes: Floats
    residual: Residual
    rows: "pl.DataFrame"
    notes: tuple[str, ...]

    def where(self, kept: Mask) -> "Observed":
        """Only these points; the sizes keep their numbers."""
        rows = [int(i) for i in np.flatnonzero(kept)]
        return replace(
            self,
            loss=self.loss[kept],
            y=self.y[kept],
            size=self.size[kept],
            run=self.run[kept],
            residual=self.residual.at(np.flatnonzero(kept)),
            rows=self.rows[rows],
        )

    @property
    def inputs(self) -> Floats:
        """(points, 2): loss and size."""
        return np.column_stack([self.loss, self.sizes[self.size]])

    def ranges(self) -> Floats:
        """Lowest and highest loss of every size, not numbers where it has no point: (sizes, 2)."""
        found = np.full((self.sizes.size, 2), np.nan)
        for i in np.unique(self.size):
            mine = self.loss[self.size == i]
            found[i] = mine.min(), mine.max()
        return found


def observed(
    runs: Runs, loss: str, y: str, size: str, items: str | None, errors: str | None, points: Points
) -> Observed:
    """The points at which all three are known. Raises QuestionError or TableError when they cannot be compared."""
    import polars as pl

    sized = runs.where(pl.col(size).is_not_null(), f"'{size}' is known")
    found = outcomes(sized, loss, y, items, errors, points)
    order = ["run", loss, *(c for c in ("tokens", "flops", "step") if c in found.rows.columns)]
    place = found.rows.with_row_index("_place").sort(order, maintain_order=True)["_place"].to_numpy()
    rows = found.rows[[int(i) for i in place]]
    if not rows.height:
        raise QuestionError(f"{runs.source}: no row of a run that trained through has {loss}, {y} and {size}.")
    losses, sizes = found.x[place], np.asarray(rows[size].cast(pl.Float64).to_numpy())
    for name, values in ((loss, losses), (size, sizes)):
        if (wrong := np.flatnonzero(~(np.isfinite(values) & (values > 0)))).size:
            bad = listed(rows["run"][[int(i) for i in wrong]].unique().sort())
            raise TableError(f"{runs.source}: '{name}' must be greater than 0; it is not for run {bad}.")
    distinct, number = np.unique(sizes, return_inverse=True)
    if distinct.size < 2:
        raise QuestionError(f"{runs.source}: every model has {size} {distinct[0]:.4g}; matched-loss compares sizes.")
    if np.ptp(found.y) == 0:
        raise QuestionError(f"{runs.source}: {y} is {found.y[0]:g} everywhere; there is nothing to compare.")
    notes = [sized.reading[-1]] if len(sized) < len(runs) else []
    if found.left_out:
        notes.append(f"{found.left_out:,} rows lack {loss} or {y} and are left out")
    residual = _weights(found.residual, found.y).at(place)
    run = np.unique(rows["run"].to_numpy(), return_inverse=True)[1]
    return Observed(losses, found.y[place], number, run, distinct, residual, rows, tuple(notes))


def _weights(residual: Residual | None, y: Floats) -> Residual:
    """Squares in units of the errors that are known; the share of so many items errs as a binomial does."""
    if isinstance(residual, Binomial):
        share = (y * residual.items + 1) / (residual.items + 2)  # keeps 0 of 10 from being certain
        return Squares("linear", np.sqrt(share * (1 - share) / residual.items))
    return residual or PLAIN_SQUARES


def overlapping(all_points: Observed) -> tuple[Observed, list[int]]:
    """Points at losses that another size was observed at too, and which sizes these are.

    Sizes that overlap each other directly or through others are comparable; of several such sets the one with the
    most sizes, then points, is kept. No point is kept where no two sizes overlap.
    """
    sizes = range(all_points.sizes.size)
    shared = {(a, b): window for a in sizes for b in sizes[a + 1 :] if (window := _shared(all_points, a, b))}
    sets: list[set[int]] = []
    for pair in shared:
        touching = [s for s in sets if s & set(pair)]
        sets = [s for s in sets if not s & set(pair)] + [set(pair).union(*touching)]
    if not sets:
        return all_points.where(np.zeros(all_points.loss.size, dtype=bool)), []
    largest = max(sets, key=lambda s: (len(s), int(np.isin(all_points.size, list(s)).sum())))
    kept = np.zeros(all_points.loss.size, dtype=bool)
    for (a, b), (low, high) in shared.items():
        if a in largest:
            mine = (all_points.size == a) | (all_points.size == b)
            kept |= mine & (all_points.loss >= low) & (all_points.loss <= high)
    return all_points.where(kept), sorted(int(i) for i in largest)


def _shared(points: Observed, a: int, b: int) -> tuple[float, float] | None:
    """The losses at which both sizes were observed; None where one has no point there."""
    ours, theirs = points.loss[points.size == a], points.loss[points.size == b]
    low, high = max(ours.min(), theirs.min()), min(ours.max(), theirs.max())
    if not (any((ours >= low) & (ours <= high)) and any((theirs >= low) & (theirs <= high))):
        return None
    return float(low), float(high)


def between(points: Observed, a: int, b: int) -> Observed:
    """The points of two sizes at losses that both were observed at."""
    low, high = _shared(points, a, b) or (np.inf, -np.inf)
    mine = (points.size == a) | (points.size == b)
    return points.where(mine & (points.loss >= low) & (points.loss <= high))
