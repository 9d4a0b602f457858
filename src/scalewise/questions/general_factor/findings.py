"""The tables of a general-factor answer."""

import numpy as np

from scalewise.laws.fit import Estimate
from scalewise.laws.jackknife import Jackknifed
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.general_factor.factor import Compute, Factor, squared
from scalewise.questions.general_factor.scores import Scores

LEAST_SHOWN = 3
"""Components shown at least."""
MOST_PAIRS = 6


def components(factor: Factor) -> Finding:
    """The variance of each component beside what unrelated tasks would show."""
    shown = min(max(LEAST_SHOWN, factor.count + 1), len(factor.tasks))
    rows = []
    for i in range(shown):
        share = Jackknifed.of(factor.components.shares[:, i], "share").estimate()
        variance, unrelated = float(factor.components.variances[0, i]), float(factor.unrelated[i])
        rows.append((i + 1, *_cells(share), variance, unrelated, "yes" if i < factor.count else "no"))
    return Finding(
        "Components of the scores",
        ("component", *with_interval("share_of_variance"), "variance", "of_unrelated_tasks", "a_factor"),
        tuple(rows),
        "a factor varies more than the component of its rank does in 95 % of tables of unrelated tasks (parallel "
        "analysis).",
    )


def tasks(factor: Factor, compute: Compute | None) -> Finding:
    """Each task: how it goes with the factor, with the other tasks, and with compute."""
    rows: list[tuple[Cell, ...]] = []
    for i, task in enumerate(factor.tasks):
        loading = Jackknifed.of(factor.components.loadings[:, i], "correlation").estimate()
        row: tuple[Cell, ...] = (task, *_cells(loading), *_cells(factor.rest[i].estimate()))
        rows.append((*row, *_cells(squared(compute.by_task[i]))) if compute else row)
    columns = ("task", *with_interval("loading", "r_with_the_rest"))
    return Finding(
        "Tasks",
        (*columns, *with_interval("R2_of_compute")) if compute else columns,
        tuple(rows),
        "loading: correlation with the first component; r with the rest: with the sum of the other tasks.",
    )


def least_pairs(factor: Factor) -> Finding:
    """The pairs of tasks that correlate least, and the mean of all."""
    matrix = factor.correlation[0]
    pairs = sorted(zip(*np.triu_indices(len(factor.tasks), 1), strict=True), key=lambda ab: matrix[ab])
    rows: list[tuple[Cell, ...]] = [
        (factor.tasks[a], factor.tasks[b], *_cells(factor.pair(int(a), int(b)))) for a, b in pairs[:MOST_PAIRS]
    ]
    mean = factor.mean_correlation.estimate()
    return Finding(
        "Tasks that correlate least",
        ("task", "with", *with_interval("r")),
        tuple(rows),
        f"the mean of all {len(pairs):,} pairs is {mean.value:.2f} [{mean.low:.2f}, {mean.high:.2f}].",
    )


def explained(compute: Compute, x: str, by: str) -> Finding:
    """What a scale explains of the factor, and what is left without it."""
    rows: list[tuple[str, float, float, float]] = [
        (f"r of the first component with log {x}", *_cells(compute.r.estimate())),
        (f"share of that component explained by log {x}", *_cells(squared(compute.r))),
    ]
    if compute.within:
        rows.append((f"the same r inside one {by}", *_cells(compute.within.estimate())))
    for what, factor in (("scores", compute.before), ("remainder", compute.after)):
        rows.append((f"share of the first component of the {what}", *_cells(factor.share.estimate())))
        rows.append((f"mean correlation of two tasks in the {what}", *_cells(factor.mean_correlation.estimate())))
    return Finding(
        "What compute explains",
        ("what", *with_interval("value")),
        tuple(rows),
        f"over the {compute.models:,} of them whose {x} is known; remainder: each task without a straight line in log "
        f"{x}.",
    )


def scores_used(scores: Scores) -> Finding:
    """The scores themselves, task by task."""
    rows = tuple(
        (task, float(column.min()), float(column.mean()), float(column.max()), float(column.std(ddof=1)))
        for task, column in zip(scores.tasks, scores.values.T, strict=True)
    )
    note = f"{scores.described} with a score on every task."
    return Finding("Scores", ("task", "lowest", "mean", "highest", "sd"), rows, note)


def _cells(e: Estimate) -> tuple[float, float, float]:
    return e.value, e.low, e.high
