"""One size's loss against compute, thinned to what a law needs of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.questions.equal_compute.measured import Size

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

REACH_BACK = 100.0
"""A law is fitted to the last factor of 100 of a training curve: what came before is warm-up and transients."""
MOST_POINTS = 40
"""A curve is thinned to this many medians, evenly spaced in log x: neighbours say the same, and fits cost time."""


@dataclass(frozen=True)
class Curve:
    """One size's loss against compute, thinned."""

    size: Size
    compute: Floats
    loss: Floats


def curve_of(rows: "pl.DataFrame", axis: str, size: Size) -> Curve:
    """All observations of one size; of training curves the late part."""
    compute, loss = rows[axis].to_numpy(), rows["loss"].to_numpy()
    if rows["run"].n_unique() < rows.height:
        late = compute >= compute.max() / REACH_BACK
        compute, loss = compute[late], loss[late]
    return Curve(size, *thinned(compute, loss))


def thinned(
    x: Floats, y: Floats, most: int = MOST_POINTS, ends: tuple[float, float] | None = None
) -> tuple[Floats, ...]:
    """x > 0 and y, as they are where there are few distinct x, else as medians in even bins of log x.

    `ends` are the first and the last edge of the bins, by default the lowest and the highest x.
    """
    z = np.log(x)
    if np.unique(np.round(z, 6)).size <= most:
        return x, y
    low, high = np.log(ends) if ends else (z.min(), z.max())
    bins = np.clip(np.floor((z - low) / (high - low) * most), 0, most - 1).astype(np.int64)
    filled = np.unique(bins)
    centres = np.array([np.exp(z[bins == b].mean()) for b in filled])
    return centres, np.array([np.median(y[bins == b]) for b in filled])
