"""Was the learning rate tuned at every size, and was the best rate inside the grid that was tried?"""

from scalewise.checks.caution import Caution, Evidence
from scalewise.runs.table import listed
from scalewise.runs.tuned import with_cells


def untuned_rate(evidence: Evidence) -> Caution | None:
    import polars as pl

    runs = evidence.runs
    if runs.table["params"].n_unique() < 2:
        return None
    if not runs.has("lr"):
        return Caution(
            "untuned-rate", "the table has no learning rates, so whether each size was tuned cannot be checked."
        )
    if runs.table["lr"].drop_nulls().n_unique() == 1:
        return Caution(
            "untuned-rate",
            f"every size was trained at the same learning rate ({runs.table['lr'].drop_nulls()[0]:g}); the best rate "
            "changes with size, so some sizes are handicapped.",
        )
    tried = runs.ended.group_by("params").agg(pl.col("lr").n_unique().alias("rates"))
    single = tried.filter(tried["rates"] == 1)["params"].sort().to_list()
    if not single:
        return None
    return Caution(
        "untuned-rate",
        f"only one learning rate was tried at {len(single)} of {tried.height} sizes (params "
        f"{listed(f'{p:.4g}' for p in single)}); nothing shows that it is the best for them.",
    )


def rate_at_edge(evidence: Evidence) -> Caution | None:
    """Looks at the cells of equal size and compute in which several rates were tried."""
    import polars as pl

    if not evidence.runs.has("lr", "loss"):
        return None
    tried = with_cells(evidence.runs.ended).filter(pl.col("loss").is_finite())
    chosen = evidence.compared.select("run", pl.col("lr").alias("chosen"))
    cells = (
        tried.join(chosen, on="run", how="left")
        .group_by("cell")
        .agg(
            pl.col("params").first(),
            pl.col("chosen").max(),
            pl.col("lr").min().alias("lowest"),
            pl.col("lr").max().alias("highest"),
        )
        .filter((pl.col("lowest") < pl.col("highest")) & pl.col("chosen").is_not_null())
    )
    edge = cells.filter((pl.col("chosen") == pl.col("lowest")) | (pl.col("chosen") == pl.col("highest")))
    if edge.height == 0:
        return None
    sizes = listed(f"{p:.4g}" for p in edge["params"].unique().sort())
    return Caution(
        "rate-at-edge",
        f"in {edge.height} of {cells.height} tuned cells the best learning rate is at the edge of the grid (params "
        f"{sizes}); a better rate may lie outside.",
    )
