"""Sizes whose runs end at different compute are not compared by their final losses."""

from scalewise.checks.caution import Caution, Evidence
from scalewise.runs.levels import EQUAL_WITHIN


def unequal_compute(evidence: Evidence) -> Caution | None:
    import polars as pl

    ended = evidence.runs.trained
    if evidence.by_law or not {"params", evidence.axis} <= set(ended.columns) or ended["params"].n_unique() < 2:
        return None
    most = ended.group_by("params").agg(pl.col(evidence.axis).max().alias("most"))["most"].drop_nulls().to_numpy()
    if most.size < 2 or most.max() <= most.min() * (1 + EQUAL_WITHIN):
        return None
    return Caution(
        "unequal-compute",
        "the sizes were given different amounts of compute: the most any size got is "
        f"{most.max() / most.min():.3g} times the most another got; their final losses alone settle nothing.",
    )
