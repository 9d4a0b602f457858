"""What a size that was trained less would reach with the same compute: one forecast per size, under every law."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import CHINCHILLA, Estimate, Fit, fit_law, forecast
from scalewise.laws.forecast import Forecast
from scalewise.questions.equal_compute.measured import Size
from scalewise.questions.observations import at_most, clusters_of

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

REACH_BACK = 100.0
"""A forecast is fitted to the last factor of 100 of a training curve: what came before is warm-up and transients."""
BINS = 200
"""A curve is thinned to this many medians, evenly spaced in log compute."""
BLOCKS = 20
"""Neighbouring points of one curve share their errors; this many blocks are resampled whole."""
FEWEST_POINTS = 4


@dataclass(frozen=True)
class Curve:
    """One size's loss against compute, thinned."""

    size: Size
    compute: Floats
    loss: Floats
    blocks: NDArray[np.int64]


def curve_of(rows: "pl.DataFrame", axis: str, size: Size) -> Curve:
    """All observations of one size, as medians in narrow bins of log compute."""
    compute, loss = rows[axis].to_numpy(), rows["loss"].to_numpy()
    if rows["run"].n_unique() < rows.height:
        late = compute >= compute.max() / REACH_BACK
        compute, loss = compute[late], loss[late]
    distinct = np.unique(np.round(np.log(compute), 6))
    if distinct.size <= BINS:
        blocks = np.searchsorted(distinct, np.round(np.log(compute), 6))
        if distinct.size > 2 * BLOCKS:
            blocks = blocks * BLOCKS // distinct.size
        return Curve(size, compute, loss, blocks.astype(np.int64))
    edges = np.linspace(np.log(compute.min()), np.log(compute.max()) + 1e-9, BINS + 1)
    bins = np.digitize(np.log(compute), edges) - 1
    filled = np.unique(bins)
    medians = np.array([np.median(loss[bins == b]) for b in filled])
    centres = np.array([np.exp(np.log(compute[bins == b]).mean()) for b in filled])
    return Curve(size, centres, medians, (np.arange(filled.size) * BLOCKS // filled.size).astype(np.int64))


def catch_up(curve: Curve, target: float, resamples: int, seed: int) -> Forecast | None:
    """The size's loss at `target` compute, or None when it has too few points for any law."""
    if np.unique(curve.compute).size < FEWEST_POINTS:
        return None
    return forecast(curve.compute, curve.loss, target, curve.blocks, resamples=resamples, seed=seed)


@dataclass(frozen=True)
class JointLaw:
    """One law of size and data fitted to all runs together."""

    fit: Fit

    def at(self, params: float, tokens: float) -> Estimate:
        return self.fit.predict(np.array([[params, tokens]]))[0]

    def matches(self, small: tuple[float, float], big: tuple[float, float]) -> float:
        """Share of refits in which the small model's loss is as low as the big one's; each is (params, tokens)."""
        losses = self.fit.curves(np.array([small, big]))[1:]
        return float(np.mean(losses[:, 0] <= losses[:, 1]))


def joint_law(observed: "pl.DataFrame", resamples: int, seed: int) -> JointLaw | None:
    """Chinchilla's law over all curves, thinned alike; None when it cannot be fitted, or groups are mixed."""
    import polars as pl

    if observed["group"].n_unique() > 1 or observed["params"].n_unique() < 3:
        return None
    if "tokens" not in observed.columns or observed["tokens"].null_count():
        return None
    last = pl.col("tokens").max().over("run")
    late = observed.filter(pl.col("tokens") >= last / REACH_BACK)
    binned = late.with_columns((pl.col("tokens").log() * 20).round().alias("bin"))
    thinned = binned.group_by("group", "run", "bin").agg(pl.col("params", "tokens").mean(), pl.col("loss").median())
    thinned, _ = at_most(thinned.sort("run", "bin"), [], seed)
    x = thinned.select(pl.col("params", "tokens").cast(pl.Float64)).to_numpy()
    fit = fit_law(CHINCHILLA, x, thinned["loss"].to_numpy(), clusters_of(thinned), resamples, seed=seed)
    return JointLaw(fit) if fit.ok else None
