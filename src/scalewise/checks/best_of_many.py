"""The best of many settings, each trained once, is lucky as well as good."""

from scalewise.checks.caution import Caution, Evidence
from scalewise.runs.tuned import with_cells

MANY = 8
"""The lowest of eight equal settings lies 1.4 standard deviations of a seed below their mean."""


def best_of_many(evidence: Evidence) -> Caution | None:
    """Looks at the cells of equal size and compute from which one run each is compared."""
    import polars as pl

    if not evidence.runs.has("params", "lr", "loss"):
        return None
    compared = evidence.compared.select("run").unique().with_columns(pl.lit(True).alias("_compared"))
    cells = (
        with_cells(evidence.runs.trained)
        .join(compared, on="run", how="left")
        .group_by("cell")
        .agg(pl.col("run").n_unique().alias("tried"), pl.col("_compared").sum().alias("compared"))
        .filter(pl.col("compared") == 1)
    )
    many = cells.filter(pl.col("tried") >= MANY)
    if many.height * 2 <= cells.height or many.height == 0:
        return None
    most = int(many["tried"].to_numpy().max())
    return Caution(
        "best-of-many",
        f"at {many.height:,} of {cells.height:,} amounts of size and compute the loss is the lowest of {MANY} or more "
        f"(up to {most:,}) runs with other settings, each trained once: such a loss is lower than the "
        "setting would give again, most where most were tried.",
    )
