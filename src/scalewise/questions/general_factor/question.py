"""Does scale lift all tasks together? How much of all scores is one factor, and how much of that is compute."""

from typing import Annotated

import numpy as np

from scalewise.checks import Caution, Evidence, cautions
from scalewise.laws.fit import Estimate
from scalewise.questions import wording
from scalewise.questions.answer import Answer, judge
from scalewise.questions.general_factor import charts, findings
from scalewise.questions.general_factor.components import Scaling
from scalewise.questions.general_factor.factor import Compute, Factor, compute_of, factor_of, squared
from scalewise.questions.general_factor.scores import Columns, Scores, scores_of
from scalewise.questions.observations import Points
from scalewise.questions.option import GROUP, SEED, Option
from scalewise.questions.power import POWER, power_at
from scalewise.questions.repeat import repeat
from scalewise.runs.table import Runs

MORE = (1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 80, 100, 150, 200, 300, 500, 1000)
"""How many more independent models are considered."""
ABOUT_SCORES = ("diverged-runs", "few-models", "task-at-ceiling")
"""Warnings that concern a table of scores; the others are about losses at equal compute."""


def general_factor(
    runs: Runs,
    task: Annotated[
        list[str] | None,
        Option("A column of scores; may be repeated. Default: all between 0 and 1. In a long table, a task's name."),
    ] = None,
    task_column: Annotated[str | None, Option("In a long table, the column that names the task.")] = None,
    y: Annotated[str | None, Option("In a long table, the column of the score.")] = None,
    x: Annotated[str | None, Option("The column of compute. Default: flops, where the table has them.")] = None,
    by: Annotated[
        str | None,
        Option("Column of what models are related by, such as family. Default: group where there are ten, else run."),
    ] = None,
    scores: Annotated[Scaling, Option("Every task counts alike, or by its variance.")] = "standardised",
    points: Annotated[Points, Option("One point per run at its end, or every logged point.")] = "ended",
    group: Annotated[str | None, GROUP] = None,
    seed: Annotated[int, SEED] = 0,
) -> Answer:
    """Take a matrix of scores, models by tasks, apart into components; and what log compute explains of the first.

    A wide table has one column per task (`task`, by default every column of numbers between 0 and 1 that is none of
    ours), a long one a column that names the task (`task_column`) and one with its score (`y`). Models that lack a
    score are left out. Standard errors come from leaving out the models of each value of `by` in turn.
    Raises QuestionError for fewer than three tasks or five such values.
    """
    runs = runs.of_group(group)
    used = scores_of(runs, Columns(task, task_column, y, x, by), points)
    rng = np.random.default_rng(seed)
    factor = factor_of(used, scores, rng)
    compute = compute_of(used, scores, rng)
    probability = factor.probability
    return Answer(
        question="general-factor",
        claim=(
            "one factor lifts all tasks: the first component explains more than half of the variance, and every task "
            "rises with the sum of the others"
        ),
        verdict=judge(probability),
        probability=probability,
        sentence=_sentence(used, factor, compute, scores),
        findings=(
            findings.components(factor),
            findings.tasks(factor, compute),
            findings.least_pairs(factor),
            *([findings.explained(compute, str(used.x_name), used.by)] if compute else []),
            findings.scores_used(used),
        ),
        charts=(
            charts.loadings(factor),
            *([charts.against_scale(used, compute, scores, seed)] if compute else []),
        ),
        assumptions=_assumptions(used, compute, scores),
        warnings=_warnings(used),
        next_run=_next(used, factor, probability),
        reading=(*runs.reading, *used.notes),
        repeat=repeat(
            "general-factor",
            runs,
            seed,
            {
                "task": task,
                "task_column": task_column,
                "y": y,
                "x": x,
                "by": by,
                "scores": scores,
                "points": points,
                "group": group,
            },
        ),
    )


def _sentence(used: Scores, factor: Factor, compute: Compute | None, scaling: Scaling) -> str:
    a, b = factor.least
    share, least = factor.share.estimate(), factor.pair(a, b)
    many = {0: "no factor", 1: "one factor"}.get(factor.count, f"{factor.count} factors")
    text = (
        f"Of {len(used.tasks)} tasks over {used.described}, parallel analysis finds {many}; the first "
        f"component explains {_percent(share)} of the {scaling} scores, and the smallest correlation of two tasks is "
        f"{least.value:.2f} [{least.low:.2f}, {least.high:.2f}] ({used.tasks[a]} with {used.tasks[b]})"
    )
    if judge(factor.probability) != "yes" and factor.weakest is not None:
        rest = factor.rest[factor.weakest].estimate()
        text += (
            f"; {used.tasks[factor.weakest]} correlates {rest.value:.2f} [{rest.low:.2f}, {rest.high:.2f}] with the "
            "sum of the other tasks"
        )
    if compute is None:
        return f"{text}; without a column of compute nothing is said of what it explains."
    after = compute.after.share.estimate()
    return (
        f"{text}. A straight line in log {used.x_name} explains {_percent(squared(compute.r))} of that component; of "
        f"what it leaves of the scores, the first component is {_percent(after)}."
    )


def _percent(e: Estimate) -> str:
    return f"{100 * e.value:.0f} % [{100 * e.low:.0f}, {100 * e.high:.0f}]"


def _assumptions(used: Scores, compute: Compute | None, scaling: Scaling) -> tuple[str, ...]:
    count = "counts alike" if scaling == "standardised" else "counts by its variance"
    lines = [
        f"every task {count}, whatever its number of items",
        f"what differs in {used.by} is independent, what shares it is not",
        "the probability is that of the least certain part of the claim, so that a verdict errs as rarely as one test",
        f"parallel analysis compares with unrelated normal tasks of {used.count:,} models, as many as there "
        f"are different values of {used.by}",
    ]
    if compute:
        lines.append(f"{used.x_name} acts on a score in a straight line with its log")
    return tuple(lines)


def _warnings(used: Scores) -> tuple[Caution, ...]:
    found = cautions(Evidence(used.runs, used.rows, by_law=True, tasks=used.tasks))
    return tuple(caution for caution in found if caution.code in ABOUT_SCORES)


def _next(used: Scores, factor: Factor, probability: float) -> str | None:
    """How many more independent models are expected to settle it, if they are like these."""
    if judge(probability) != "the data cannot tell":
        return None
    what = "models" if used.by == "run" else f"models, each of another {used.by},"
    for more in MORE:
        power = _power(factor, more)
        if power >= POWER:
            grown = np.sqrt(factor.share.clusters / (factor.share.clusters + more))
            half = (factor.share.estimate().high - factor.share.estimate().low) / 2 * grown
            return (
                f"score {more:,} more {what} on these tasks (no training): if they are like those here, that settles "
                f"it with {wording.probability(power)} power, and the share is known to +-{100 * half:.0f} %."
            )
    return (
        f"no number of further models up to {MORE[-1]:,} is expected to settle it, if they are like those here: some "
        "part of the claim lies too close to its border; other tasks would ask another question."
    )


def _power(factor: Factor, more: int) -> float:
    """The chance of a verdict with so many more clusters, if the estimates are the truth."""
    clusters = factor.share.clusters + more
    yes, no = 1.0, 0.0
    for part, threshold in factor.parts:
        error = part.error * np.sqrt(part.clusters / clusters)
        yes = min(yes, power_at(part.above(threshold), error, clusters - 1))
        no = max(no, power_at(-part.above(threshold), error, clusters - 1))
    return max(yes, no)
