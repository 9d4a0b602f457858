"""Few sizes cannot show the form of a law; one seed cannot show whether a difference is luck."""

from scalewise.checks.caution import Caution, Evidence

FEWEST_SIZES = 4
FEWEST_SEEDS = 2


def few_sizes(evidence: Evidence) -> Caution | None:
    sizes = evidence.compared["params"].n_unique()
    if sizes >= FEWEST_SIZES:
        return None
    return Caution(
        "few-sizes", f"only {sizes} {'size is' if sizes == 1 else 'sizes are'} compared; a trend needs four or more."
    )


def few_seeds(evidence: Evidence) -> Caution | None:
    """Counts repeats: runs that share group, size and compute."""
    import polars as pl

    compared = evidence.compared
    if evidence.axis not in compared.columns:
        return None
    cells = compared.group_by("group", "params", pl.col(evidence.axis).log().round(2)).agg(
        pl.col("run").n_unique().alias("runs")
    )
    if int((cells["runs"] >= FEWEST_SEEDS).sum()) * 2 >= cells.height:
        return None
    return Caution(
        "few-seeds",
        "most sizes were trained once at each amount of compute: how much a new seed would change a loss is not known "
        "from these runs, and no interval here contains it.",
    )
