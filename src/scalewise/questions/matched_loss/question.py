"""At the same pretraining loss, does a bigger model still transfer better, or is loss all that matters?"""

from typing import Annotated

import numpy as np

from scalewise.checks import Caution, Evidence, cautions
from scalewise.errors import QuestionError
from scalewise.laws.fit import Estimate
from scalewise.laws.jackknife import Jackknifed
from scalewise.questions import wording
from scalewise.questions.answer import Answer, judge
from scalewise.questions.matched_loss import charts, findings, plan
from scalewise.questions.matched_loss.effect import Cluster, Effect, effect_of, gaps, pieces_for
from scalewise.questions.matched_loss.overlap import Observed, observed, overlapping
from scalewise.questions.metric import BETTER, Direction, Metric, metric_of, numeric_column
from scalewise.questions.observations import Points
from scalewise.questions.option import BUDGET, GROUP, SEED, Option
from scalewise.questions.repeat import repeat
from scalewise.runs.table import Runs, listed

AT_EQUAL_LOSS = ("schedule-cut", "few-sizes", "few-seeds", "diverged-runs", "repeated-data")
"""Warnings that concern models of equal loss; the others are about losses at equal compute."""


def matched_loss(
    runs: Runs,
    loss: Annotated[str, Option("The column of the pretraining loss (or perplexity).")] = "loss",
    y: Annotated[str, Option("The column of the downstream outcome.")] = "accuracy",
    size: Annotated[str, Option("The column of size.")] = "params",
    better: Annotated[Direction | None, BETTER] = None,
    least: Annotated[float, Option("The smallest gain per tenfold size that counts, in units of y.", least=0)] = 0.0,
    items: Annotated[
        str | None, Option("Items behind each y, a share answered right: a number, or a column of numbers.")
    ] = None,
    errors: Annotated[str | None, Option("Column of standard errors of y.")] = None,
    cluster: Annotated[Cluster, Option("What errs by itself, and is left out in turn: whole sizes, or runs.")] = "size",
    points: Annotated[Points, Option("One point per run at its end, or every logged point.")] = "all",
    group: Annotated[str | None, GROUP] = None,
    budget: Annotated[float | None, BUDGET] = None,
    seed: Annotated[int, SEED] = 0,
) -> Answer:
    """What size adds to a downstream outcome at equal pretraining loss, where several sizes had the same losses.

    `y` is a smooth curve in log loss and a straight line in log size; `least` is the gain per tenfold size that the
    claim asks for. Standard errors come from leaving out whole sizes (or runs) in turn. Where no two sizes were
    observed at one loss, the data cannot tell. Raises QuestionError for a single size, for several groups, or where
    the columns cannot be used.
    """
    runs = _one_group(runs, group)
    loss, size = numeric_column(runs, loss, "--loss"), numeric_column(runs, size, "--size")
    metric = metric_of(runs, y, better)
    everything = observed(runs, loss, metric.name, size, items, errors, points)
    kept, sizes = overlapping(everything)
    effect = effect_of(kept, cluster, pieces_for(kept.loss.size), seed) if sizes else "no two sizes overlap"
    options = {
        "loss": loss,
        "y": y,
        "size": size,
        "better": better,
        "least": least,
        "items": items,
        "errors": errors,
        "cluster": cluster,
        "points": points,
        "group": group,
        "budget": budget,
    }
    claim = f"at the same {loss} a bigger model has the {metric.best} {metric.name}"
    claim += f", by at least {least:g} per tenfold {size}" if least else ""
    again = repeat("matched-loss", runs, seed, options)
    notes = (*runs.reading, *everything.notes)
    if isinstance(effect, str):
        return Answer(
            question="matched-loss",
            claim=claim,
            verdict=judge(None),
            probability=None,
            sentence=_no_law(effect, kept, loss) if sizes else _apart(everything, loss, size),
            findings=(findings.ranges(everything, kept),),
            charts=(charts.against_loss(everything, None, loss, metric.name),),
            assumptions=("only models of the same loss are compared: no law carries one size to another's losses",),
            warnings=_warnings(runs, everything),
            next_run=_more_points(kept, loss) if sizes else plan.checkpoints(everything, loss),
            reading=notes,
            repeat=again,
        )
    pairs = gaps(effect, everything, sizes, cluster, seed)
    advantage = _advantage(effect, metric)
    probability = advantage.probability_above(least) if advantage else None
    overall = _overall(effect)
    return Answer(
        question="matched-loss",
        claim=claim,
        verdict=judge(probability),
        probability=probability,
        sentence=_sentence(effect, metric, loss, size),
        findings=(
            findings.rise(effect, overall, cluster, seed),
            *([findings.neighbours(pairs, kept)] if pairs else []),
            findings.left_over(effect, seed),
            findings.sensitivity(effect, cluster, seed),
            findings.ranges(everything, kept),
        ),
        charts=(
            charts.against_loss(everything, effect, loss, metric.name),
            charts.forest(pairs, kept, overall, metric.name),
        ),
        assumptions=_assumptions(effect, everything, sizes, loss, size, cluster),
        warnings=_warnings(runs, kept),
        next_run=_next(effect, advantage, probability, least, runs, size, cluster, budget),
        reading=notes,
        repeat=again,
    )


def _one_group(runs: Runs, group: str | None) -> Runs:
    groups = sorted(runs.table["group"].unique())
    if group is None and len(groups) > 1:
        raise QuestionError(
            f"{runs.source}: the groups {listed(groups)} need not share one curve from loss to outcome; choose one "
            f"with --group '{groups[0]}'."
        )
    return runs.of_group(group)


def _advantage(effect: Effect, metric: Metric) -> Jackknifed | None:
    """The gain per tenfold size, counted so that more is better."""
    if effect.error is None:
        return None
    return Jackknifed(metric.sign * effect.error.value, effect.error.error, effect.error.clusters)


def _overall(effect: Effect) -> Estimate | float:
    """The largest over the smallest size."""
    used = effect.points
    decades = float(np.log10(used.sizes[used.size.max()] / used.sizes[used.size.min()]))
    e = effect.estimate
    return Estimate(e.value * decades, e.low * decades, e.high * decades) if e else effect.rise * decades


def _sentence(effect: Effect, metric: Metric, loss: str, size: str) -> str:
    used, e = effect.points, effect.estimate
    interval = f" [{e.low:+.3g}, {e.high:+.3g}]" if e else ""
    runs = int(np.unique(used.run).size)
    text = (
        f"At the same {loss}, a tenfold {size} changes {metric.name} by {effect.rise:+.3g}{interval}, over losses "
        f"from {used.loss.min():.4g} to {used.loss.max():.4g} ({runs:,} runs of {np.unique(used.size).size:,} sizes)"
    )
    if effect.no_error:
        return f"{text}; {effect.no_error}."
    return f"{text}."


def _apart(everything: Observed, loss: str, size: str) -> str:
    ranges = [
        f"{wording.count(s)}: {low:.4g} to {high:.4g}"
        for s, (low, high) in zip(everything.sizes, everything.ranges(), strict=True)
    ]
    return (
        f"No two sizes were observed at the same {loss} ({size} {listed(ranges, most=8)}), so what size does and what "
        "loss does cannot be told apart."
    )


def _no_law(problem: str, kept: Observed, loss: str) -> str:
    return (
        f"The {kept.loss.size:,} points at a {loss} that several sizes share, from {kept.loss.min():.4g} to "
        f"{kept.loss.max():.4g}, do not show what size adds: {problem}."
    )


def _more_points(kept: Observed, loss: str) -> str:
    return (
        f"score more checkpoints of every size at a {loss} from {kept.loss.min():.4g} to {kept.loss.max():.4g}: that "
        "costs no training."
    )


def _warnings(runs: Runs, used: Observed) -> tuple[Caution, ...]:
    found = cautions(Evidence(runs, used.rows, by_law=True))
    return tuple(caution for caution in found if caution.code in AT_EQUAL_LOSS)


def _assumptions(
    effect: Effect, everything: Observed, sizes: list[int], loss: str, size: str, cluster: Cluster
) -> tuple[str, ...]:
    pieces = len(effect.fit.family.parameters) - 1
    lines = [
        f"at equal {loss} the outcome changes in a straight line with log {size}, by the same amount at every {loss}",
        f"the curve from {loss} to the outcome is a spline of {pieces} coefficients, shared by all sizes",
        f"whole {cluster}s err independently: standard errors come from leaving each out in turn, with Student's t",
        f"{loss} is known well against its range: noise in it would pass for an effect of size",
    ]
    apart = [wording.count(s) for i, s in enumerate(everything.sizes) if i not in sizes]
    if apart:
        lines.append(f"nothing is said of {listed(apart, most=8)}: no loss of theirs is shared with the other sizes")
    return tuple(lines)


def _next(
    effect: Effect,
    advantage: Jackknifed | None,
    probability: float | None,
    least: float,
    runs: Runs,
    size: str,
    cluster: Cluster,
    budget: float | None,
) -> str | None:
    if judge(probability) != "the data cannot tell":
        return None
    if advantage is None:
        needed = max(1, 3 - effect.count)
        return (
            f"{needed} more {cluster}{'s' if needed > 1 else ''} with losses from {effect.points.loss.min():.4g} to "
            f"{effect.points.loss.max():.4g}: only then can chance be judged."
        )
    return plan.more_of_the_same(effect, advantage, least, runs, size, cluster, budget)
