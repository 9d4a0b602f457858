"""Which rows of a Runs table an answer rests on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.runs.table import Runs
from scalewise.runs.tuned import at_best_rate

if TYPE_CHECKING:
    import polars as pl

MOST_POINTS = 20_000
Points = Literal["ended", "all"]
"""One point per run, at its end; or every logged point, resampled by run."""


def trained_points(runs: Runs, points: Points) -> "pl.DataFrame":
    """The end, or every row, of each run that neither diverged nor failed."""
    import polars as pl

    if points == "ended":
        return runs.trained
    return runs.table.filter(~pl.col("run").is_in(runs.failed["run"].unique().implode()))


def observed(runs: Runs, points: Points) -> tuple["pl.DataFrame", list[str]]:
    """Rows with a finite loss from runs that trained through, at each cell's best rate, and what was decided.

    Raises QuestionError when nothing is left.
    """
    import polars as pl

    runs.require("loss", purpose="this question")
    notes = []
    best, note = at_best_rate(runs.trained)
    if note:
        notes.append(note)
    rows = best if points == "ended" else runs.table.filter(pl.col("run").is_in(best["run"].implode()))
    rows = in_order(rows.filter(pl.col("loss").is_finite()))
    if rows.height == 0:
        why = "every run diverged or failed" if runs.failed.height else "no row has a loss"
        raise QuestionError(f"{runs.source}: there is nothing to compare: {why}.")
    if runs.has_curves and points == "ended":
        notes.append("one point per run is used, at its end")
    return rows, notes


ORDER = ("group", "params", "seed", "tokens", "flops", "gpu_hours", "lr", "loss", "run")


def in_order(rows: "pl.DataFrame") -> "pl.DataFrame":
    """The rows in an order of their own, so that nothing random depends on how the table was sorted."""
    return rows.sort([c for c in ORDER if c in rows.columns], nulls_last=True)


def at_most(
    rows: "pl.DataFrame", notes: list[str], seed: int, most: int = MOST_POINTS
) -> tuple["pl.DataFrame", list[str]]:
    """A random sample of the rows where there are more than a fit needs: parameters are long settled, time is not."""
    if rows.height <= most:
        return rows, notes
    chosen = np.sort(np.random.default_rng(seed).choice(rows.height, most, replace=False))
    return rows[chosen], [*notes, f"a random {most:,} of {rows.height:,} points is used (--seed chooses which)"]


@dataclass(frozen=True)
class SurfacePoints:
    """Points of a loss surface: params, tokens and flops (points,), losses, and what is resampled together."""

    params: NDArray[np.float64]
    tokens: NDArray[np.float64]
    flops: NDArray[np.float64]
    loss: NDArray[np.float64]
    clusters: NDArray[np.int64]

    @property
    def inputs(self) -> NDArray[np.float64]:
        """(points, 2): params and tokens."""
        return np.stack([self.params, self.tokens], axis=1)

    def subset(self, keep: NDArray[np.bool_]) -> "SurfacePoints":
        return SurfacePoints(
            self.params[keep], self.tokens[keep], self.flops[keep], self.loss[keep], self.clusters[keep]
        )


def clusters_of(rows: "pl.DataFrame") -> NDArray[np.int64]:
    """What is resampled together, numbered from 0: (rows,).

    Points of one run are one cluster; so are repeats (seeds) of one size and length, because what a law misses there
    it misses for every seed.
    """
    import polars as pl

    length = pl.col("tokens").max().over("run").alias("length")
    keys = rows.select("group", "params", length)
    return keys.select(pl.struct(pl.all()).rank("dense") - 1).to_series().to_numpy().astype(np.int64)


def surface_points(rows: "pl.DataFrame", source: str) -> SurfacePoints:
    """Arrays for a surface fit.

    Raises QuestionError when sizes or tokens are not known.
    """
    import polars as pl

    if "flops" not in rows.columns or "tokens" not in rows.columns:
        raise QuestionError(f"{source}: a law of size and data needs a column 'tokens' or 'flops'.")
    if empty := rows["flops"].null_count() + rows["tokens"].null_count():
        raise QuestionError(f"{source}: {empty:,} rows with a loss have neither tokens nor flops; add one of them.")
    if rows["params"].n_unique() < 2:
        size = rows["params"][0]
        raise QuestionError(
            f"{source}: all runs have one size ({size:.4g} params); a law of size needs at least two, better five."
        )
    if rows["run"].n_unique() < 2:
        raise QuestionError(f"{source}: there is only one run; a law needs several.")
    losses = rows["loss"].to_numpy()
    if losses.max() <= losses.min() * (1 + 1e-9):
        raise QuestionError(f"{source}: every loss is {losses[0]:g}; there is no effect of size or data to fit.")
    params, tokens, flops, loss = (rows[c].cast(pl.Float64).to_numpy() for c in ("params", "tokens", "flops", "loss"))
    return SurfacePoints(params, tokens, flops, loss, clusters_of(rows))
