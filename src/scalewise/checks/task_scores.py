"""A table of scores: are there enough models for its tasks, and can every task still tell models apart?"""

from scalewise.checks.caution import Caution, Evidence
from scalewise.runs.table import listed

MODELS_PER_TASK = 3
CEILING, MANY = 0.95, 0.25
"""Scores above the ceiling are nearly all there is to get; this share of the models is many."""


def few_models(evidence: Evidence) -> Caution | None:
    models, tasks = evidence.compared.height, len(evidence.tasks)
    if models >= MODELS_PER_TASK * tasks:
        return None
    return Caution(
        "few-models",
        f"only {models:,} models have a score on all {tasks} tasks; below {MODELS_PER_TASK * tasks:,} the components "
        "are shaped by chance.",
    )


def task_at_ceiling(evidence: Evidence) -> Caution | None:
    import polars as pl

    scores = evidence.compared
    full = [t for t in evidence.tasks if (scores[t] > CEILING).sum() > MANY * scores.height and (scores[t] <= 1).all()]
    if not full:
        return None
    above = scores.filter(pl.any_horizontal(pl.col(full) > CEILING))
    return Caution(
        "task-at-ceiling",
        f"more than a quarter of the models score above {CEILING:g} on {listed(full)}: there the task no longer tells "
        "models apart, which weakens its correlations.",
        tuple(sorted(above["run"].unique())),
    )
