"""Where several learning rates were tried at one size and one compute, which one speaks for that size."""

from typing import TYPE_CHECKING

import numpy as np

from scalewise.runs.levels import compute_levels

if TYPE_CHECKING:
    import polars as pl

BATCH = ("batch_tokens", "batch_sequences")
"""With the learning rate, these are a run's setting."""


def with_cells(ended: "pl.DataFrame") -> "pl.DataFrame":
    """The ended runs with a column `cell`: one number per group, size and level of compute. Runs whose compute is not
    known are cells of their own."""
    import polars as pl

    levels = -1 - np.arange(ended.height)
    axis = compute_axis(ended)
    if axis:
        known = ended[axis].is_not_null().to_numpy()
        levels[known] = compute_levels(ended[axis].drop_nulls().to_numpy())
    return ended.with_columns(pl.Series("level", levels)).with_columns(
        pl.struct("group", "params", "level").rank("dense").alias("cell")
    )


def compute_axis(ended: "pl.DataFrame") -> str | None:
    """The column in which the runs' compute is known, if there is one."""
    planned = "flops_budget" in ended.columns and ended["flops_budget"].null_count() == 0
    if planned:  # a run that diverged half-way still belongs to the budget it was meant for
        return "flops_budget"
    return next((c for c in ("flops", "gpu_hours") if c in ended.columns and ended[c].count()), None)


def at_best_rate(ended: "pl.DataFrame") -> tuple["pl.DataFrame", str | None]:
    """The ended runs at each cell's best rate, all seeds of it, and a sentence when that left something out.

    Rates are compared on the seeds that all of them have, so that a rate with more seeds is not judged by another
    draw of luck; runs without a rate, and cells with one rate, are kept as they are. Where batch sizes are known, a
    rate at another batch size is another setting, not a repeat.
    """
    import polars as pl

    if "lr" not in ended.columns or compute_axis(ended) is None or ended["lr"].drop_nulls().n_unique() < 2:
        return ended, None
    seed = pl.col("seed") if "seed" in ended.columns else pl.lit("0")
    batch = [pl.col(c) for c in BATCH if c in ended.columns]
    setting = pl.when(pl.col("lr").is_not_null()).then(pl.struct("lr", *batch).rank("dense"))
    cells = with_cells(ended).with_columns(seed.fill_null("0").alias("_seed"), setting.alias("_setting"))
    rates = pl.col("_setting").n_unique().over("cell")
    shared = (pl.col("_setting").n_unique().over("cell", "_seed") == rates).alias("_shared")
    cells = cells.with_columns(shared)
    judged = pl.when(pl.col("_shared").any().over("cell")).then(pl.col("_shared")).otherwise(True)
    means = (
        cells.filter(judged & pl.col("loss").is_finite())
        .group_by("cell", "_setting")
        .agg(pl.col("loss").mean().alias("_mean"))
        .sort("cell", "_mean", "_setting")
        .group_by("cell", maintain_order=True)
        .first()
        .select("cell", pl.col("_setting").alias("_best"))
    )
    joined = cells.join(means, on="cell", how="left", maintain_order="left")
    keep = (joined["_setting"] == joined["_best"]).fill_null(True)
    kept = ended.filter(keep)
    dropped = ended.height - kept.height
    if dropped == 0:
        return kept, None
    several = int(np.unique(joined.filter(~keep)["cell"].to_numpy()).size)
    return kept, (
        f"several learning rates were tried at equal size and compute ({several:,} such cells); the best one (compared "
        f"on shared seeds) speaks for each with all of its seeds, and the others' runs ({dropped:,}) are only evidence "
        "of tuning. "
        "The seeds on which rates were compared are counted too, which flatters noisy sizes a little"
    )
