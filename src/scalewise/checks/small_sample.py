"""Few sizes cannot show the form of a law, few runs its uncertainty, and one seed whether a difference is luck."""

from scalewise.checks.caution import Caution, Evidence
from scalewise.runs.levels import compute_levels

FEWEST_SIZES = 4
FEWEST_SEEDS = 2
FEWEST_RUNS_PER_PARAMETER = 3


def few_sizes(evidence: Evidence) -> Caution | None:
    if "params" not in evidence.compared.columns:
        return None
    sizes = evidence.compared["params"].n_unique()
    if sizes >= FEWEST_SIZES:
        return None
    return Caution(
        "few-sizes", f"only {sizes} {'size is' if sizes == 1 else 'sizes are'} compared; a trend needs four or more."
    )


def few_runs(evidence: Evidence) -> Caution | None:
    """A bootstrap of few independent runs is too narrow, however it is corrected."""
    for fit in evidence.fits:
        needed = FEWEST_RUNS_PER_PARAMETER * len(fit.family.parameters)
        if fit.ok and fit.clusters < needed:
            return Caution(
                "few-runs",
                f"{fit.family.formula} has {len(fit.family.parameters)} parameters and rests on {fit.clusters} "
                f"independent runs; below {needed} its intervals are too narrow.",
            )
    return None


def few_seeds(evidence: Evidence) -> Caution | None:
    """Counts repeats: runs that share group, size and compute."""
    import polars as pl

    known = evidence.compared
    if not {"params", evidence.axis} <= set(known.columns) or known[evidence.axis].count() == 0:
        return None
    known = known.filter(pl.col(evidence.axis).is_not_null())
    levels = pl.Series("_level", compute_levels(known[evidence.axis].to_numpy()))
    cells = known.with_columns(levels).group_by("group", "params", "_level").agg(pl.col("run").n_unique())
    if int((cells["run"] >= FEWEST_SEEDS).sum()) * 2 >= cells.height:
        return None
    return Caution(
        "few-seeds",
        "most sizes were trained once at each amount of compute: how much a new seed would change a loss is known from "
        "the scatter about a law at best.",
    )
