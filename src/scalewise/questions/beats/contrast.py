"""The mean difference between two methods: its standard error from pairs that may err together, and exact tests."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from scalewise.questions.beats.pairs import Floats, Ints

MOST_ENUMERATED = 14
"""Up to so many clusters all 2^n sign patterns are tried."""
FLIPS = 10_000
FEWEST_FLIPS = 1_000
MOST_SIGNS = 20_000_000
"""Large samples take fewer flips, though never less than a thousand."""
MOST_SHUFFLED = 20_000
"""Rows; beyond, the t test and the shuffle agree to all digits shown."""
AT_ONCE = 500_000
"""Numbers that stay near the processor."""


@dataclass(frozen=True)
class Sample:
    """Values (cells,) with the task and, for each pair column, the cluster of every cell, inside its task."""

    values: Floats
    task: Ints
    clusters: tuple[Ints, ...]


@dataclass(frozen=True)
class Estimate:
    """A mean over tasks, each weighing the same; `error` is None where nothing shows how it varies."""

    value: float
    error: float | None
    freedom: float
    units: int
    """How many independent values it rests on."""

    def interval(self) -> tuple[float | None, float | None]:
        """95 %, by Student's t; none where nothing varies."""
        from scipy.special import stdtrit

        if not self.error:
            return None, None
        half = float(stdtrit(self.freedom, 0.975)) * self.error
        return self.value - half, self.value + half

    def above(self, level: float) -> float | None:
        """P(the true mean is above `level`): one minus the one-sided p-value of the t test.

        Student's t stays valid when the differences are normal with unequal spreads (Bakirov and Szekely 2006;
        Ibragimov and Mueller 2010). None where nothing varies.
        """
        from scipy.special import stdtr

        if not self.error:
            return None
        return float(stdtr(self.freedom, (self.value - level) / self.error))


def estimate(samples: list[tuple[float, Sample]]) -> Estimate:
    """The sum of signed task means: [(1, differences)] for pairs, [(1, A), (-1, B)] for independent samples (Welch).

    Within a task the variance is clustered by every pair column at once (Cameron, Gelbach and Miller 2011: add the
    clusters of each column, take away those of their combinations), and never less than by one of them. Tasks are
    what they are: their variances add up, with Satterthwaite's degrees of freedom.
    """
    tasks = np.unique(samples[0][1].task)
    value, variances, freedoms = 0.0, [], []
    units = 0
    for sign, sample in samples:
        place = np.searchsorted(tasks, sample.task)
        means, variance, freedom = _by_task(sample, place, tasks.size)
        value += sign * float(means.mean())
        variances.append(variance)
        freedoms.append(freedom)
        units += int(np.sum(freedom + 1))
    variance, freedom = np.concatenate(variances), np.concatenate(freedoms)
    known = freedom > 0
    if not known.any():
        return Estimate(value, None, 0.0, units)
    if not known.all():  # a task with one pair is as noisy as the others are on average
        cells = np.concatenate([np.bincount(np.searchsorted(tasks, s.task), minlength=tasks.size) for _, s in samples])
        single = float(np.sum((variance * cells * freedom)[known]) / freedom[known].sum())
        variance = np.where(known, variance, single / cells)
        freedom = np.where(known, freedom, freedom[known].sum())
    total = float(variance.sum())
    if total == 0:
        return Estimate(value, 0.0, float(freedom.sum()), units)
    satterthwaite = total**2 / float(np.sum(variance**2 / freedom))
    return Estimate(value, float(np.sqrt(total)) / tasks.size, satterthwaite, units)


def _by_task(sample: Sample, place: Ints, tasks: int) -> tuple[Floats, Floats, Floats]:
    """Means, their variances, and degrees of freedom (tasks,); no freedom where a task has one cluster."""
    cells = np.bincount(place, minlength=tasks)
    means = np.bincount(place, sample.values, tasks) / cells
    left = sample.values - means[place]
    crossed, single = np.zeros(tasks), np.zeros(tasks)
    fewest = np.full(tasks, np.inf)
    for size in range(1, len(sample.clusters) + 1):
        for chosen in combinations(sample.clusters, size):
            first, number = np.unique(joined(chosen), return_index=True, return_inverse=True)[1:]
            sums = np.bincount(number, left)
            groups = np.bincount(place[first], minlength=tasks)
            with np.errstate(divide="ignore", invalid="ignore"):
                clustered = groups / (groups - 1) * np.bincount(place[first], sums**2, tasks) / cells**2
            clustered = np.nan_to_num(clustered, nan=0.0, posinf=0.0)
            crossed += clustered if size % 2 else -clustered
            if size == 1:
                single = np.maximum(single, clustered)
                fewest = np.minimum(fewest, groups)
    return means, np.maximum(crossed, single), fewest - 1.0


def joined(numbers: tuple[Ints, ...]) -> Ints:
    """One number (cells,) for every combination of several."""
    together = numbers[0]
    for other in numbers[1:]:
        together = together * (int(other.max()) + 1) + other
    return together


def flip_p(sample: Sample, rng: np.random.Generator) -> float:
    """Two-sided p-value of a mean of differences: how often random signs of whole clusters give as much.

    All sign patterns where there are few; clustered by each pair column in turn, the largest p-value counts.
    """
    share = sample.values * task_weights(sample.task)
    found = []
    for clusters in sample.clusters:
        parts = np.bincount(np.unique(clusters, return_inverse=True)[1], share)
        seen = abs(parts.sum()) * (1 - 1e-9)
        if parts.size <= MOST_ENUMERATED:
            patterns = 1 - 2 * ((np.arange(2**parts.size)[:, None] >> np.arange(parts.size)) & 1)
            found.append(float(np.mean(np.abs(patterns @ parts) >= seen)))
            continue
        flips, above = _flips(parts.size), 0
        for count in chunks(flips, parts.size):
            signs = 1 - 2 * rng.integers(0, 2, (count, parts.size), dtype=np.int8)
            above += int(np.sum(np.abs(signs @ parts) >= seen))
        found.append((1 + above) / (1 + flips))
    return max(found)


def shuffle_p(first: Sample, second: Sample, rng: np.random.Generator) -> float | None:
    """Two-sided p-value of a difference of independent samples: labels shuffled within every task."""
    if first.values.size + second.values.size > MOST_SHUFFLED:
        return None
    values, task = np.concatenate([first.values, second.values]), np.concatenate([first.task, second.task])
    weights = [task_weights(first.task), -task_weights(second.task)]
    order = np.argsort(task, kind="stable")
    values, task, weight = values[order], task[order], np.concatenate(weights)[order]
    seen = abs(float(values @ weight)) * (1 - 1e-9)
    flips, above = _flips(values.size), 0
    for count in chunks(flips, values.size):
        shuffled = np.argsort(task + rng.random((count, values.size)), axis=1)
        above += int(np.sum(np.abs(values[shuffled] @ weight) >= seen))
    return (1 + above) / (1 + flips)


def task_weights(task: Ints) -> Floats:
    """(cells,): what each cell weighs in the mean over task means."""
    tasks, place, cells = np.unique(task, return_inverse=True, return_counts=True)
    weights: NDArray[np.float64] = 1.0 / (cells[place] * tasks.size)
    return weights


def chunks(total: int, width: int) -> list[int]:
    """`total` rows of this width in parts that fit into memory."""
    size = max(1, min(total, AT_ONCE // max(1, width)))
    return [size] * (total // size) + ([total % size] if total % size else [])


def _flips(width: int) -> int:
    return min(FLIPS, max(FEWEST_FLIPS, MOST_SIGNS // width))
