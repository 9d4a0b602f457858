"""Clustered standard errors of means and contrasts of responses.

Responses of one cluster err together (Liang and Zeger 1986, with the small-sample factor G / (G - 1)). A contrast of
two conditions uses the same formula on both at once, so that what they share cancels where they share clusters.
"""

import math
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    import polars as pl

ROUNDING = 1e-12
"""Smaller deviations than this are none."""


@overload
def flat_error(clusters: float) -> float: ...
@overload
def flat_error(clusters: "pl.Expr") -> "pl.Expr": ...
def flat_error(clusters: "float | pl.Expr") -> "float | pl.Expr":
    """The standard error of a share, or a difference of shares, in which so many clusters agree exactly.

    None of them departs from the rest, and by Agresti and Coull 1998 that is an estimate of 2 / (clusters + 4).
    """
    estimate = 2 / (clusters + 4)
    return (estimate * (1 - estimate) / (clusters + 4)) ** 0.5


def half_width(se: float | None, clusters: int) -> float:
    """Half a 95 % interval of a mean over so many clusters, by Student's t; infinite with one of them."""
    from scipy.special import stdtrit

    return math.inf if se is None or clusters < 2 else float(stdtrit(clusters - 1, 0.975)) * se


def _sums(table: "pl.DataFrame", keys: list[str]) -> "pl.DataFrame":
    """For every key and cluster: its sum of deviations from the key's mean, as a share of the key's responses."""
    import polars as pl

    valued = table.filter(pl.col("parsed"))
    mean, count = pl.col("value").mean().over(keys), pl.len().over(keys)
    return (
        valued.with_columns(mean.alias("mean"), count.alias("n_items"))
        .group_by([*keys, "cluster"], maintain_order=True)
        .agg(
            pl.col("mean").first(),
            pl.col("n_items").first(),
            ((pl.col("value") - pl.col("mean")).sum() / pl.col("n_items").first()).alias("share"),
            pl.col("value").is_in([0.0, 1.0]).all().alias("binary"),
        )
    )


def _clustered() -> "pl.Expr":
    import polars as pl

    groups = pl.len().cast(pl.Float64)
    variance = (pl.col("share") ** 2).sum() * groups / (groups - 1)
    flat = pl.col("binary").all() & (pl.col("share").abs().max() < ROUNDING)
    return pl.when(groups > 1).then(pl.when(flat).then(flat_error(groups)).otherwise(variance.sqrt()))


def means(table: "pl.DataFrame", keys: list[str]) -> "pl.DataFrame":
    """For every key the `mean` of its parsed responses, its `se`, `n_items`, `n_clusters` and the share `parsed`."""
    import polars as pl

    found = (
        _sums(table, keys)
        .group_by(keys, maintain_order=True)
        .agg(
            pl.col("mean").first(),
            _clustered().alias("se"),
            pl.col("n_items").first(),
            pl.len().alias("n_clusters"),
        )
    )
    parsed = table.group_by(keys).agg(pl.col("parsed").mean())
    return parsed.join(found, on=keys, how="left", nulls_equal=True).with_columns(
        pl.col("n_items").fill_null(0), pl.col("n_clusters").fill_null(0)
    )


def contrasts(table: "pl.DataFrame", keys: list[str], against: str) -> "pl.DataFrame":
    """Every condition minus one, with the columns of `means`: deviations of both are summed within clusters and then
    squared."""
    import polars as pl

    keys = [*keys, *(["condition"] if "condition" not in keys else [])]
    shared = [key for key in keys if key not in ("condition", "group")] + (["group"] if "group" in keys else [])
    sums = _sums(table, keys)
    base = sums.filter(pl.col("condition") == against).drop("condition")
    others = sums.filter(pl.col("condition") != against)
    cells = others.select(*keys).unique()
    both = cells.join(base, on=shared, how="inner", nulls_equal=True).select(
        *keys,
        "cluster",
        pl.col("mean").alias("base"),
        pl.col("share").alias("base_share"),
        pl.col("binary").alias("base_binary"),
    )
    paired = others.join(both, on=[*keys, "cluster"], how="full", coalesce=True, nulls_equal=True)
    paired = paired.with_columns(
        pl.col("share").fill_null(0) - pl.col("base_share").fill_null(0),
        pl.col("binary").fill_null(True) & pl.col("base_binary").fill_null(True),
    )
    found = (
        paired.sort([*keys, "cluster"])
        .group_by(keys, maintain_order=True)
        .agg(
            (pl.col("mean").drop_nulls().first() - pl.col("base").drop_nulls().first()).alias("mean"),
            _clustered().alias("se"),
            pl.col("n_items").drop_nulls().first(),
            pl.len().alias("n_clusters"),
            (pl.col("mean").is_not_null() & pl.col("base").is_not_null()).sum().alias("n_clusters_shared"),
        )
    )
    parsed = table.filter(pl.col("condition") != against).group_by(keys).agg(pl.col("parsed").mean())
    return parsed.join(found, on=keys, how="left", nulls_equal=True).filter(pl.col("mean").is_not_null())
