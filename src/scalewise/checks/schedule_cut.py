"""Points inside a learning-rate schedule have not cooled down; they look worse than a run that ends there.

A constant rate has no end to be short of.
"""

from scalewise.checks.caution import Caution, Evidence
from scalewise.runs.table import listed

FINISHED = 0.98
"""A run at this share of its schedule counts as finished."""


def schedule_cut(evidence: Evidence) -> Caution | None:
    import polars as pl

    compared = evidence.compared
    if "schedule" in compared.columns:
        compared = compared.filter(pl.col("schedule").fill_null("") != "constant")
    if {"schedule_tokens", "tokens"} <= set(compared.columns) and compared["schedule_tokens"].count():
        cut = compared.filter(pl.col("tokens") < FINISHED * pl.col("schedule_tokens"))
        why = ""
    elif evidence.runs.has_curves and (axis := _length(evidence)):
        ends = evidence.runs.ended.select("run", pl.col(axis).alias("_end"))
        joined = compared.join(ends, on="run", how="left")
        cut = joined.filter(pl.col(axis) < FINISHED * pl.col("_end"))
        why = "; no column schedule_tokens says otherwise"
    else:
        return None
    if cut.height == 0:
        return None
    runs = tuple(sorted(cut["run"].unique()))
    return Caution(
        "schedule-cut",
        f"{cut.height:,} of {compared.height:,} compared points lie inside a run ({listed(runs)}), not at its end: "
        f"finished and unfinished learning-rate schedules are being compared, which favours the finished{why}.",
        runs,
    )


def _length(evidence: Evidence) -> str | None:
    """The column that says how far a run has come: the compute, or else tokens or steps."""
    return next((c for c in (evidence.axis, "tokens", "step") if c in evidence.compared.columns), None)
