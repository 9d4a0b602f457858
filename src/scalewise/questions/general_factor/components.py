"""Principal components of scores, of the whole sample and without each cluster, from sums over clusters.

Row 0 of every array is the sample, row i + 1 the sample without cluster i.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Scaling = Literal["standardised", "raw"]

RANDOM_TABLES = 1000
LEVEL = 0.95
"""A component counts when its variance exceeds this quantile of what unrelated tasks show (Horn 1965; the quantile of
Glorfeld 1995)."""
NOTHING = 1e-12
"""A variance or size below this is none."""


@dataclass(frozen=True)
class ClusterSums:
    """Sums over the rows of each cluster: how many (clusters,), of columns (clusters, columns) and of their products
    (clusters, columns, columns). From these the covariance without any cluster follows."""

    count: Floats
    first: Floats
    second: Floats

    @classmethod
    def of(cls, values: Floats, clusters: NDArray[np.int64]) -> "ClusterSums":
        """From values (rows, columns)."""
        groups = int(clusters.max()) + 1
        centred = values - values.mean(axis=0)  # so that sums of squares keep their digits
        first = np.zeros((groups, values.shape[1]))
        second = np.zeros((groups, values.shape[1], values.shape[1]))
        np.add.at(first, clusters, centred)
        np.add.at(second, clusters, centred[:, :, None] * centred[:, None, :])
        return cls(np.bincount(clusters, minlength=groups).astype(np.float64), first, second)

    @property
    def covariance(self) -> Floats:
        """(1 + clusters, columns, columns)."""
        count, first, second = self._left(self.count), self._left(self.first), self._left(self.second)
        mean = first / count[:, None]
        return np.asarray(second / count[:, None, None] - mean[:, :, None] * mean[:, None, :])

    @property
    def within(self) -> Floats:
        """The same about each cluster's own mean."""
        between = self.first[:, :, None] * self.first[:, None, :] / self.count[:, None, None]
        return np.asarray(self._left(self.second - between) / self._left(self.count)[:, None, None])

    @staticmethod
    def _left(sums: Floats) -> Floats:
        """The total, then the total without each cluster."""
        total = sums.sum(axis=0)
        return np.concatenate([total[None], total - sums])


def correlations(covariance: Floats) -> Floats:
    """Correlation matrices (rows, columns, columns); what never varies correlates with nothing."""
    sd = np.sqrt(np.maximum(np.einsum("rii->ri", covariance), 0.0))
    return _ratio(covariance, sd[:, :, None] * sd[:, None, :])


def with_the_rest(matrix: Floats) -> Floats:
    """The correlation of every task with the sum of the others, from (rows, tasks, tasks): (rows, tasks)."""
    total, own, row = matrix.sum(axis=(1, 2))[:, None], np.einsum("rii->ri", matrix), matrix.sum(axis=2)
    return _ratio(row - own, np.sqrt(np.maximum(own * (total - 2 * row + own), 0.0)))


def without_last(covariance: Floats) -> Floats:
    """Covariance of the other columns after a straight line in the last one is taken out of each."""
    last = covariance[:, :-1, -1]
    return np.asarray(covariance[:, :-1, :-1] - last[:, :, None] * last[:, None, :] / covariance[:, -1:, -1:])


@dataclass(frozen=True)
class Components:
    """Principal components of matrices (rows, tasks, tasks): of covariance, or of correlation where standardised."""

    matrix: Floats

    @classmethod
    def of(cls, covariance: Floats, scaling: Scaling) -> "Components":
        return cls(correlations(covariance) if scaling == "standardised" else covariance)

    @cached_property
    def _solved(self) -> tuple[Floats, Floats]:
        values, vectors = np.linalg.eigh(self.matrix)
        return np.maximum(values[:, ::-1], 0.0), vectors[:, :, ::-1]

    @property
    def variances(self) -> Floats:
        """Largest first: (rows, tasks)."""
        return self._solved[0]

    @property
    def shares(self) -> Floats:
        """Of the whole variance: (rows, tasks)."""
        return _ratio(self.variances, self.variances.sum(axis=1, keepdims=True))

    @property
    def first(self) -> Floats:
        """The first component's direction (rows, tasks), pointing to where tasks rise together."""
        direction = self._solved[1][:, :, 0]
        reference = direction[0] * (1.0 if direction[0].sum() >= 0 else -1.0)
        return np.asarray(direction * np.where(direction @ reference >= 0, 1.0, -1.0)[:, None])

    @property
    def loadings(self) -> Floats:
        """The correlation of every task with the first component: (rows, tasks)."""
        sd = np.sqrt(np.maximum(np.einsum("rii->ri", self.matrix), 0.0))
        return _ratio(self.first * np.sqrt(self.variances[:, :1]), sd)

    def correlation_with_last(self, covariance: Floats) -> Floats:
        """Of the first component with a last column that is in no component (rows,).

        `covariance` (rows, tasks + 1, tasks + 1), of the tasks as they stand in `matrix` and of that column.
        """
        own = np.einsum("rt,rtu,ru->r", self.first, covariance[:, :-1, :-1], self.first)
        shared = np.einsum("rt,rt->r", self.first, covariance[:, :-1, -1])
        return _ratio(shared, np.sqrt(np.maximum(own * covariance[:, -1, -1], 0.0)))


def unrelated_variances(covariance: Floats, rows: int, scaling: Scaling, rng: np.random.Generator) -> Floats:
    """Variances of the components of unrelated normal tasks of so many rows, at the quantile LEVEL: (tasks,)."""
    sd = np.sqrt(np.diag(covariance))
    scores = rng.standard_normal((RANDOM_TABLES, rows, sd.size)) * sd
    scores -= scores.mean(axis=1, keepdims=True)
    found = Components.of(np.matmul(scores.transpose(0, 2, 1), scores) / rows, scaling)
    return np.asarray(np.quantile(found.variances, LEVEL, axis=0))


def factors(variances: Floats, unrelated: Floats) -> int:
    """How many leading components vary more than those of unrelated tasks."""
    below = np.flatnonzero(variances <= unrelated)
    return int(below[0]) if below.size else variances.size


def _ratio(top: Floats, bottom: Floats) -> Floats:
    found: Floats = np.where(bottom > NOTHING, top / np.where(bottom > NOTHING, bottom, 1.0), 0.0)
    return found
