"""All comparisons that a question asks for, and the probability of its claim."""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from scalewise.errors import QuestionError
from scalewise.questions.beats.contrast import Estimate, Sample, estimate, flip_p, shuffle_p
from scalewise.questions.beats.pairs import Floats, Ints, Pairs
from scalewise.questions.beats.resampled import Interval, Resampled, interval, share_interval
from scalewise.questions.metric import Metric
from scalewise.questions.multiplicity import holm
from scalewise.questions.power import VERDICT

DIGITS = 12
"""Of an outcome; what is further right is rounding."""


@dataclass(frozen=True)
class Comparison:
    """`first` against `second` (numbers of methods) under one rule. Differences are positive where first is better."""

    rule: int
    first: int
    second: int
    cells: tuple[Ints, Ints]
    difference: Estimate
    p_better: float | None
    p_exact: float | None
    iqm: float
    iqm_interval: Interval
    improvement: float
    improvement_interval: Interval

    @property
    def p_two_sided(self) -> float | None:
        """Of the t test; of the exact test where nothing varies."""
        return None if self.p_better is None else 2 * min(self.p_better, 1 - self.p_better)


@dataclass(frozen=True)
class Contest:
    """What is compared. `settling` are the comparisons that the claim rests on, `all` has the others too.

    `adjusted` are the p-values of `all` after Holm, None where a comparison has none.
    """

    all: tuple[Comparison, ...]
    settling: tuple[Comparison, ...]
    adjusted: tuple[float | None, ...]
    leader: int | None
    """The method with the best mean, where the question named none."""
    any_will_do: bool
    """The claim is that some method beats the one named, not that one beats all."""
    left_out: tuple[str, ...]

    @property
    def level(self) -> float:
        """The one-sided level at which one comparison settles its part of the claim."""
        if self.leader is not None:
            return VERDICT / 2 / len(self.all)
        return VERDICT / (len({c.first for c in self.settling}) if self.any_will_do else 1)

    def adjusted_of(self, comparison: Comparison) -> float | None:
        return self.adjusted[self.all.index(comparison)]


def differences(
    pairs: Pairs, metric: Metric, rule: int, first: int, second: int
) -> tuple[list[tuple[float, Sample]], tuple[Ints, Ints]]:
    """What the difference is estimated from, and the cells it rests on: those that both have, or tasks of both."""
    a, b = (metric.sign * pairs.values[rule, m] for m in (first, second))
    if pairs.paired:
        both = np.flatnonzero(np.isfinite(a) & np.isfinite(b))
        sample = Sample(_without_rounding(a[both], b[both]), pairs.task[both], tuple(c[both] for c in pairs.clusters))
        return [(1.0, sample)], (both, both)
    mine, theirs = np.flatnonzero(np.isfinite(a)), np.flatnonzero(np.isfinite(b))
    shared = np.intersect1d(pairs.task[mine], pairs.task[theirs])
    mine, theirs = (cells[np.isin(pairs.task[cells], shared)] for cells in (mine, theirs))
    return [
        (sign, Sample(values[cells], pairs.task[cells], tuple(c[cells] for c in pairs.clusters)))
        for sign, values, cells in ((1.0, a, mine), (-1.0, b, theirs))
    ], (mine, theirs)


def _without_rounding(a: Floats, b: Floats) -> Floats:
    """a - b, in which 71.3 - 71.2 and 50.3 - 50.2 are the same: else rounding would pass for a spread."""
    largest = float(np.abs(np.concatenate([a, b, [1e-200]])).max())
    return np.round(a - b, DIGITS - math.ceil(math.log10(largest)))


def compare(
    pairs: Pairs,
    metric: Metric,
    margin: float,
    rule: int,
    methods: tuple[int, int],
    boot: Resampled,
    rng: np.random.Generator,
) -> Comparison | None:
    """One comparison in full; None where the two have nothing in common."""
    first, second = methods
    samples, cells = differences(pairs, metric, rule, first, second)
    if cells[0].size == 0:
        return None
    found = estimate(samples)
    signed = samples[0][1]
    beyond = Sample(signed.values - margin, signed.task, signed.clusters)
    p_exact = flip_p(beyond, rng) if pairs.paired else shuffle_p(beyond, samples[1][1], rng)
    better = found.above(margin)
    if better is None and found.error == 0 and p_exact is not None:  # equal differences: only their signs tell
        better = 0.5 if found.value == margin else 1 - p_exact / 2 if found.value > margin else p_exact / 2
    strata = np.unique(pairs.stratum[np.concatenate(cells)]).size
    iqm = metric.sign * (boot.iqm(rule, first, cells[0]) - boot.iqm(rule, second, cells[1]))
    won = boot.improvement(rule, first, second, metric.sign, cells)
    return Comparison(
        rule, first, second, cells, found, better, p_exact,
        float(iqm[0]), interval(iqm, found.units, strata), float(won[0]), share_interval(won, found.units, strata),
    )  # fmt: skip


def contest(
    pairs: Pairs,
    metric: Metric,
    margin: float,
    named: tuple[int | None, int | None],
    boot: Resampled,
    source: str,
    seed: int,
) -> Contest:
    """Every comparison asked for: a against b, one of them against all others, or all against all.

    Raises QuestionError when no two methods share anything.
    """
    rng = np.random.default_rng(seed)
    a, b = named
    methods = range(len(pairs.methods))
    leader = None
    if a is not None and b is not None:
        wanted = [(a, b)]
    elif a is not None:
        wanted = [(a, m) for m in methods if m != a]
    elif b is not None:
        wanted = [(m, b) for m in methods if m != b]
    else:
        ranked = _ranked(pairs, metric)
        leader = ranked[0]
        wanted = list(combinations(ranked, 2))
    found, without = [], []
    for rule in range(len(pairs.rules)):
        for two in wanted:
            comparison = compare(pairs, metric, margin, rule, two, boot, rng)
            if comparison is None:
                without.append(" and ".join(pairs.methods[m] for m in two))
            else:
                found.append(comparison)
    if not found:
        what = "pair" if pairs.paired else "task"
        raise QuestionError(
            f"{source}: {without[0]} have no {what} in common; name columns with --pair (and --task) whose values "
            "both have."
        )
    known = [c.p_two_sided for c in found]
    values = iter(holm([p for p in known if p is not None]).tolist())
    adjusted = tuple(None if p is None else next(values) for p in known)
    settling = [c for c in found if leader is None or c.first == leader]
    any_will_do = a is None and b is not None
    return Contest(tuple(found), tuple(settling), adjusted, leader, any_will_do, tuple(dict.fromkeys(without)))


def _ranked(pairs: Pairs, metric: Metric) -> list[int]:
    """Methods from the best mean to the worst, averaged over tasks and rules."""
    means = [method_mean(pairs, None, m) for m in range(len(pairs.methods))]
    return sorted(range(len(means)), key=lambda m: -metric.sign * means[m])


def method_mean(pairs: Pairs, rule: int | None, method: int) -> float:
    """A method's mean over tasks, each weighing the same, under one rule or averaged over all; NaN without values."""
    rules = range(len(pairs.rules)) if rule is None else [rule]
    means = []
    for r in rules:
        values = pairs.values[r, method]
        there = np.isfinite(values)
        if there.any():
            cells = np.bincount(pairs.task[there])
            sums = np.bincount(pairs.task[there], values[there])
            means.append(float(np.mean(sums[cells > 0] / cells[cells > 0])))
    return float(np.mean(means)) if means else float("nan")


def probability(found: Contest) -> float | None:
    """P(the claim), from the comparisons that settle it; None where one of them has none.

    A named method beats every other, under every rule: all comparisons must hold, so the weakest decides
    (intersection-union, no correction), and that one of k fails is corrected k-fold. Some method beats the one named
    (any will do): the reverse, over methods. The leader that the data chose: the weakest after Holm over all
    comparisons, two-sided, since it was chosen by looking; never below a half for that reason alone.
    """
    if any(c.p_better is None for c in found.settling):
        return None
    if found.leader is not None:
        return min(_after_holm(c.p_better or 0.0, found.adjusted_of(c) or 0.0) for c in found.settling)
    firsts = dict.fromkeys(c.first for c in found.settling)
    each = [_all_hold([c.p_better or 0.0 for c in found.settling if c.first == first]) for first in firsts]
    return 1 - _all_hold([1 - p for p in each]) if found.any_will_do else _all_hold(each)


def _after_holm(better: float, adjusted: float) -> float:
    return max(0.5, 1 - adjusted) if better >= 0.5 else min(0.5, adjusted)


def _all_hold(chances: list[float]) -> float:
    lowest = min(chances)
    return lowest if lowest >= 0.5 else min(0.5, len(chances) * lowest)
