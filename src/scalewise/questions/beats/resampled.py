"""Interquartile means and probabilities of improvement, with a stratified bootstrap (Agarwal et al. 2021)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from scalewise.questions.beats.contrast import chunks, task_weights
from scalewise.questions.beats.pairs import Floats, Ints, Pairs

QUARTILES = (0.25, 0.75)
Interval = tuple[float | None, float | None]


@dataclass
class Resampled:
    """Bootstrap counts (resamples, cells) of the cells of `pairs`, drawn once and shared by every comparison.

    Whole clusters are drawn within tasks (for independent samples within each task's method); where pair columns
    cross, each is drawn and the counts multiply (Owen 2007), which errs on the wide side.
    """

    pairs: Pairs
    counts: NDArray[np.uint16]
    known: dict[tuple[int, int, bytes], Floats] = field(default_factory=dict)

    def iqm(self, rule: int, method: int, cells: Ints) -> Floats:
        """(1 + resamples,): the interquartile mean over these cells, as observed and resampled.

        The mean of the middle half: a quarter of the weight is cut off on each side, in parts of a cell where the
        number of cells is not a multiple of four. Each task weighs the same.
        """
        key = (rule, method, cells.tobytes())
        if key not in self.known:
            values = self.pairs.values[rule, method, cells]
            order = np.argsort(values, kind="stable")
            base = task_weights(self.pairs.task[cells])[order]
            parts = [_middle(values[order], base[None, :])]
            parts += [_middle(values[order], some * base) for some in self._parts(cells[order])]
            self.known[key] = np.concatenate(parts)
        return self.known[key]

    def improvement(self, rule: int, first: int, second: int, sign: float, cells: tuple[Ints, Ints]) -> Floats:
        """(1 + resamples,): P(`first` is better than `second`), ties counting half.

        In pairs: the share of pairs that it wins. In independent samples: of all rows of the one against all rows of
        the other within a task (Agarwal et al. 2021, section 4.3). Each task weighs the same.
        """
        a = sign * self.pairs.values[rule, first]
        b = sign * self.pairs.values[rule, second]
        if self.pairs.paired:
            mine = cells[0]
            wins = 0.5 * (1 + np.sign(a[mine] - b[mine]))
            base = task_weights(self.pairs.task[mine])
            parts = [np.array([wins @ base])]
            for some in self._parts(mine):
                with np.errstate(invalid="ignore"):
                    parts.append((some * base) @ wins / (some @ base))
            return np.concatenate(parts)
        total = np.zeros(1 + len(self.counts))
        tasks = np.unique(self.pairs.task[cells[0]])
        for task in tasks:
            of_a, of_b = (c[self.pairs.task[c] == task] for c in cells)
            total += self._against(a, b, of_a, of_b) / tasks.size
        return total

    def _against(self, a: Floats, b: Floats, of_a: Ints, of_b: Ints) -> Floats:
        """(1 + resamples,): the Mann-Whitney share of pairs won, by sums of weights below each value."""
        of_b = of_b[np.argsort(b[of_b], kind="stable")]
        below, upto = (np.searchsorted(b[of_b], a[of_a], side) for side in ("left", "right"))
        parts = []
        mine_of_each = chain([np.ones((1, of_a.size))], self._parts(of_a, of_b.size))
        theirs_of_each = chain([np.ones((1, of_b.size))], self._parts(of_b, of_a.size))
        for mine, theirs in zip(mine_of_each, theirs_of_each, strict=True):
            summed = np.concatenate([np.zeros((len(theirs), 1)), np.cumsum(theirs, axis=1)], axis=1)
            beaten = 0.5 * (summed[:, below] + summed[:, upto])
            parts.append(np.sum(mine * beaten, axis=1) / (mine.sum(axis=1) * summed[:, -1]))
        return np.concatenate(parts)

    def _parts(self, cells: Ints, width: int = 0) -> Iterator[Floats]:
        """The counts of these cells, a part of the resamples at a time."""
        done = 0
        for size in chunks(len(self.counts), max(cells.size, width)):
            yield self.counts[done : done + size].take(cells, axis=1).astype(np.float64)
            done += size


def resampled(pairs: Pairs, resamples: int, rng: np.random.Generator) -> Resampled:
    counts = np.ones((resamples, pairs.task.size), dtype=np.uint16)
    for clusters in pairs.clusters:
        for stratum in range(int(pairs.stratum.max()) + 1):
            chosen = pairs.stratum == stratum
            cells = slice(None) if chosen.all() else np.flatnonzero(chosen)  # a slice needs no copy
            number = np.unique(clusters[cells], return_inverse=True)[1]
            groups = int(number.max()) + 1
            done = 0
            for some in chunks(resamples, max(groups, number.size)):
                drawn = rng.integers(0, groups, (some, groups)) + groups * np.arange(some)[:, None]
                often = np.bincount(drawn.ravel(), minlength=some * groups).reshape(some, groups).astype(np.uint16)
                counts[done : done + some, cells] *= often.take(number, axis=1)
                done += some
    return Resampled(pairs, counts)


def _middle(values: Floats, weights: Floats) -> Floats:
    """(rows of weights,): means of the middle half of sorted values."""
    low, high = QUARTILES
    summed = np.cumsum(weights, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        summed /= summed[:, -1:].copy()
    np.clip(summed, low, high, out=summed)
    # the sum of v_i (s_i - s_i-1), by parts
    middle = high * values[-1] - low * values[0] - summed[:, :-1] @ np.diff(values)
    return np.asarray(middle / (high - low))


def interval(draws: Floats, units: int, strata: int) -> Interval:
    """95 % from an estimate and its resamples, both in `draws`; None where nothing varies.

    The percentiles are moved out so that a mean of so few values would be covered: a bootstrap is too narrow by
    sqrt((n - 1) / n) and knows no Student's t (Hesterberg 2015, expanded percentiles).
    """
    from scipy.special import ndtr, stdtrit

    freedom = units - strata
    if freedom < 1:
        return None, None
    reach = np.sqrt(units / freedom) * stdtrit(freedom, 0.975)
    tail = float(ndtr(-reach))
    low, high = np.nanquantile(draws[1:], [tail, 1 - tail])
    return float(low), float(high)


def share_interval(draws: Floats, units: int, strata: int) -> Interval:
    """95 % of a share; where every pair went one way, by the binomial (Clopper and Pearson 1934), since resampling then
    shows no spread."""
    if draws[0] in (0.0, 1.0):
        bound = 0.025 ** (1 / units)
        return (bound, 1.0) if draws[0] == 1.0 else (0.0, 1 - bound)
    return interval(draws, units, strata)
