"""Was the learning rate tuned at every size, and was the best rate inside the grid that was tried?"""

from scalewise.checks.caution import Caution, Evidence
from scalewise.runs.table import listed
from scalewise.runs.tuned import with_cells


def untuned_rate(evidence: Evidence) -> Caution | None:
    """A size counts as tuned when some cell of equal size and compute holds more than one rate."""
    import polars as pl

    runs = evidence.runs
    if "params" not in runs.table.columns or runs.table["params"].n_unique() < 2:
        return None
    if not runs.has("lr"):
        return Caution(
            "untuned-rate", "the table has no learning rates, so whether each size was tuned cannot be checked."
        )
    rates = runs.table["lr"].drop_nulls()
    if rates.n_unique() == 1:
        return Caution(
            "untuned-rate",
            f"every size was trained at the same learning rate ({rates[0]:g}); the best rate changes with size, so "
            "some sizes are handicapped.",
        )
    cells = with_cells(runs.ended).group_by("group", "params", "cell").agg(pl.col("lr").drop_nulls().n_unique())
    sizes = cells.group_by("group", "params").agg(pl.col("lr").max()).sort("group", "params")
    untuned = sizes.filter(pl.col("lr") < 2)
    if untuned.height == 0:
        return None
    return Caution(
        "untuned-rate",
        f"at {untuned.height} of {sizes.height} sizes no two runs of equal compute differ in learning rate (params "
        f"{listed(f'{p:.4g}' for p in untuned['params'])}); nothing shows that theirs is the best.",
        tuple(sorted(runs.ended.join(untuned, on=["group", "params"], how="semi")["run"].unique())),
    )


def rate_at_edge(evidence: Evidence) -> Caution | None:
    """Looks at cells of equal size and compute in which several rates were tried; one that diverged was tried too."""
    import polars as pl

    if not evidence.runs.has("params", "lr", "loss"):
        return None
    chosen = evidence.compared.select("run", pl.col("lr").alias("_chosen")).unique()
    cells = (
        with_cells(evidence.runs.ended)
        .join(chosen, on="run", how="left")
        .group_by("cell")
        .agg(
            pl.col("params").first(),
            pl.col("_chosen").max(),
            pl.col("lr").min().alias("lowest"),
            pl.col("lr").max().alias("highest"),
        )
        .filter((pl.col("lowest") < pl.col("highest")) & pl.col("_chosen").is_not_null())
    )
    edge = cells.filter((pl.col("_chosen") == pl.col("lowest")) | (pl.col("_chosen") == pl.col("highest")))
    if edge.height == 0:
        return None
    sizes = listed(f"{p:.4g}" for p in edge["params"].unique().sort())
    return Caution(
        "rate-at-edge",
        f"in {edge.height} of {cells.height} tuned cells the best learning rate is at the edge of the grid (params "
        f"{sizes}); a better rate may lie outside.",
    )
