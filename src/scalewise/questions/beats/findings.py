"""The tables of a beats answer."""

from itertools import combinations

import numpy as np

from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.beats.contest import Comparison, Contest, method_mean
from scalewise.questions.beats.contrast import Estimate, Sample, estimate
from scalewise.questions.beats.pairs import Pairs
from scalewise.questions.beats.resampled import Resampled, interval
from scalewise.questions.metric import Metric
from scalewise.questions.multiplicity import holm


def comparisons(pairs: Pairs, metric: Metric, found: Contest) -> Finding:
    """Every comparison of means, those that settle the claim first."""
    rows = tuple(
        (
            *names,
            c.difference.value,
            *c.difference.interval(),
            c.cells[0].size,
            c.p_better,
            c.p_exact,
            found.adjusted_of(c),
        )
        for names, c in _named(pairs, found)
    )
    columns = ("selection", "first", "second", *with_interval("advantage"), unit_of(pairs))
    exact = "signs of whole pairs flipped" if pairs.paired else "labels shuffled"
    note = (
        f"The advantage of the first in {metric.name}, positive where it is better, with its interval by Student's t. "
        f"P(better): its true mean is better. p_exact: two-sided, {exact}; p_holm: of the t test, all rows together."
    )
    return _without_rule(pairs, Finding("Comparisons", (*columns, "P(better)", "p_exact", "p_holm"), rows, note))


def robust(pairs: Pairs, metric: Metric, found: Contest) -> Finding:
    """The same comparisons by interquartile mean and probability of improvement."""
    rows = tuple(
        (*names, c.iqm, *c.iqm_interval, c.improvement, *c.improvement_interval) for names, c in _named(pairs, found)
    )
    won = "wins a random pair" if pairs.paired else "beats the second, a random row of each"
    note = (
        f"iqm: the mean of the middle half of the {unit_of(pairs)}. P(improvement): the first {won}. Intervals are "
        f"percentiles of a stratified bootstrap (Agarwal et al. 2021), widened for few {unit_of(pairs)}."
    )
    columns = ("selection", "first", "second", *with_interval("iqm_advantage", "P(improvement)"))
    return _without_rule(pairs, Finding("Comparisons that outliers do not move", columns, rows, note))


def _named(pairs: Pairs, found: Contest) -> list[tuple[tuple[str, str, str], Comparison]]:
    order = [*found.settling, *(c for c in found.all if c not in found.settling)]
    return [((pairs.rules[c.rule], pairs.methods[c.first], pairs.methods[c.second]), c) for c in order]


def averages(pairs: Pairs, metric: Metric, found: Contest, boot: Resampled) -> Finding:
    """Every method compared under every rule: mean and interquartile mean, best first."""
    with_cost = bool(np.isfinite(pairs.flops).any())
    compared = sorted({m for c in found.all for m in (c.first, c.second)})
    rows: list[tuple[Cell, ...]] = []
    for rule, named in enumerate(pairs.rules):
        means = {m: method_mean(pairs, rule, m) for m in compared}
        there = [m for m in means if np.isfinite(means[m])]
        for rank, method in enumerate(sorted(there, key=lambda m: -metric.sign * means[m]), start=1):
            cells = np.flatnonzero(np.isfinite(pairs.values[rule, method]))
            iqm = boot.iqm(rule, method, cells)
            units = min(np.unique(clusters[cells]).size for clusters in pairs.clusters)
            ends = interval(iqm, units, np.unique(pairs.stratum[cells]).size)
            row = (named, pairs.methods[method], rank, means[method], float(iqm[0]), *ends, int(cells.size))
            rows.append((*row, _mean_cost(pairs, method)) if with_cost else row)
    columns = ("selection", "method", "rank", "mean", *with_interval("iqm"), unit_of(pairs))
    note = (
        f"Of {metric.name}, {metric.best} is better. Compare methods by the differences above, not by these intervals."
    )
    return _without_rule(pairs, Finding("Averages", (*columns, "flops") if with_cost else columns, tuple(rows), note))


def rule_matters(pairs: Pairs, metric: Metric, found: Contest) -> Finding | None:
    """How much the advantage changes from one selection rule to another, on the same pairs."""
    if len(pairs.rules) < 2:
        return None
    rows: list[tuple[Cell, ...]] = []
    chances: list[float] = []
    for first, second in dict.fromkeys((c.first, c.second) for c in found.settling):
        for one, other in combinations(range(len(pairs.rules)), 2):
            change = _change(pairs, metric, (one, other), (first, second))
            if change is None:
                continue
            above = change.above(0)
            chances.append(1.0 if above is None else 2 * min(above, 1 - above))
            names = (pairs.methods[first], pairs.methods[second], pairs.rules[one], pairs.rules[other])
            rows.append((*names, change.value, *change.interval()))
    if not rows:
        return None
    adjusted = holm(chances).tolist()
    columns = ("first", "second", "selection", "against", *with_interval("more_advantage"), "p_holm")
    return Finding(
        "What the selection rule changes",
        columns,
        tuple((*row, p) for row, p in zip(rows, adjusted, strict=True)),
        "How much larger the advantage of the first is under one rule than under the other, on the same pairs.",
    )


def _change(pairs: Pairs, metric: Metric, rules: tuple[int, int], methods: tuple[int, int]) -> Estimate | None:
    if not pairs.paired:
        return None
    a, b = (metric.sign * (pairs.values[r, methods[0]] - pairs.values[r, methods[1]]) for r in rules)
    both = np.flatnonzero(np.isfinite(a - b))
    if both.size < 2:
        return None
    return estimate([(1.0, Sample((a - b)[both], pairs.task[both], tuple(c[both] for c in pairs.clusters)))])


def unit_of(pairs: Pairs) -> str:
    return "pairs" if pairs.paired else "rows"


def _mean_cost(pairs: Pairs, method: int) -> float | None:
    spent = pairs.flops[method][np.isfinite(pairs.flops[method])]
    return float(spent.mean()) if spent.size else None


def _without_rule(pairs: Pairs, finding: Finding) -> Finding:
    """Without the column of selection rules where there is none."""
    if len(pairs.rules) > 1 or pairs.rules[0]:
        return finding
    return Finding(finding.title, finding.columns[1:], tuple(row[1:] for row in finding.rows), finding.note)
