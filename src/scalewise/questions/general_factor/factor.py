"""The general factor of a matrix of scores: its size, what rises with it, and what is left of it without compute."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.fit import Estimate
from scalewise.laws.jackknife import Jackknifed
from scalewise.questions.general_factor.components import (
    ClusterSums,
    Components,
    Scaling,
    correlations,
    factors,
    unrelated_variances,
    with_the_rest,
    without_last,
)
from scalewise.questions.general_factor.scores import FEWEST_CLUSTERS, Scores

Floats = NDArray[np.float64]

HALF = 0.5


@dataclass(frozen=True)
class Factor:
    """The components of scores, each with a cluster left out in turn. `unrelated` (tasks,) are the variances that
    components of unrelated tasks reach; `scaled` says what the variances are of."""

    tasks: tuple[str, ...]
    components: Components
    correlation: Floats
    unrelated: Floats

    @classmethod
    def of(
        cls, tasks: tuple[str, ...], covariance: Floats, clusters: int, scaling: Scaling, rng: np.random.Generator
    ) -> "Factor":
        unrelated = unrelated_variances(covariance[0], clusters, scaling, rng)
        return cls(tasks, Components.of(covariance, scaling), correlations(covariance), unrelated)

    @property
    def count(self) -> int:
        """Number of factors by parallel analysis."""
        return factors(self.components.variances[0], self.unrelated)

    @property
    def share(self) -> Jackknifed:
        """Of the first component in the whole variance."""
        return Jackknifed.of(self.components.shares[:, 0], "share")

    @property
    def rest(self) -> list[Jackknifed]:
        """Each task's correlation with the sum of the others."""
        together = with_the_rest(self.components.matrix)
        return [Jackknifed.of(together[:, i], "correlation") for i in range(len(self.tasks))]

    @property
    def parts(self) -> list[tuple[Jackknifed, float]]:
        """The parts of the claim: each a number that should exceed a threshold."""
        return [(self.share, HALF), *((rest, 0.0) for rest in self.rest)]

    @property
    def probability(self) -> float:
        """That of the claim's least certain part, so that each verdict errs as rarely as one test does."""
        return min(part.probability_above(threshold) for part, threshold in self.parts)

    def pair(self, a: int, b: int) -> Estimate:
        """The correlation of two tasks."""
        return Jackknifed.of(self.correlation[:, a, b], "correlation").estimate()

    @property
    def weakest(self) -> int | None:
        """The task whose rise with the others is the least certain part of the claim; None where the share is."""
        chances = [part.probability_above(threshold) for part, threshold in self.parts]
        worst = int(np.argmin(chances))
        return worst - 1 if worst else None

    @property
    def least(self) -> tuple[int, int]:
        """The two tasks that correlate least."""
        matrix = self.correlation[0] + np.diag(np.full(len(self.tasks), np.inf))
        a, b = np.unravel_index(np.argmin(matrix), matrix.shape)
        return int(a), int(b)

    @property
    def mean_correlation(self) -> Jackknifed:
        """Mean over all pairs of tasks."""
        pairs = np.triu_indices(len(self.tasks), 1)
        return Jackknifed.of(self.correlation[:, pairs[0], pairs[1]].mean(axis=1), "correlation")


@dataclass(frozen=True)
class Compute:
    """What the log of a scale explains of the scores of the models whose scale is known.

    `r` is its correlation with the first component, over all models, and `within` clusters where these have several
    models; `by_task` each task's; `before` and `after` are the factor of these models, and of what a straight line in
    the log leaves of their scores.
    """

    models: int
    clusters: int
    r: Jackknifed
    within: Jackknifed | None
    by_task: list[Jackknifed]
    before: Factor
    after: Factor


def known_scale(scores: Scores) -> NDArray[np.bool_]:
    """Which models have a scale that has a logarithm: (models,)."""
    if scores.x is None:
        return np.zeros(scores.values.shape[0], dtype=bool)
    return np.asarray(np.isfinite(scores.x) & (scores.x > 0))


def factor_of(scores: Scores, scaling: Scaling, rng: np.random.Generator) -> Factor:
    covariance = ClusterSums.of(scores.values, scores.clusters).covariance
    return Factor.of(scores.tasks, covariance, covariance.shape[0] - 1, scaling, rng)


def compute_of(scores: Scores, scaling: Scaling, rng: np.random.Generator) -> Compute | None:
    """What the scale explains; None where it is known of too few models, or never varies."""
    known = known_scale(scores)
    groups, clusters = np.unique(scores.clusters[known], return_inverse=True)
    if scores.x is None or groups.size < FEWEST_CLUSTERS or np.ptp(scores.x[known]) == 0:
        return None
    sums = ClusterSums.of(np.column_stack([scores.values[known], np.log(scores.x[known])]), clusters)
    covariance, matrix = sums.covariance, correlations(sums.covariance)
    matched = matrix if scaling == "standardised" else covariance
    components = Components(matched[:, :-1, :-1])
    with_x = [Jackknifed.of(matrix[:, task, -1], "correlation") for task in range(len(scores.tasks))]
    return Compute(
        models=int(known.sum()),
        clusters=groups.size,
        r=Jackknifed.of(components.correlation_with_last(matched), "correlation"),
        within=_within(sums, components, covariance, scaling),
        by_task=with_x,
        before=Factor.of(scores.tasks, covariance[:, :-1, :-1], groups.size, scaling, rng),
        after=Factor.of(scores.tasks, without_last(covariance), groups.size, scaling, rng),
    )


def _within(sums: ClusterSums, components: Components, covariance: Floats, scaling: Scaling) -> Jackknifed | None:
    """The correlation of the first component with the scale inside clusters, if enough of them have several models."""
    if np.sum(sums.count >= 2) < FEWEST_CLUSTERS:
        return None
    inside = sums.within
    if scaling == "standardised":
        sd = np.sqrt(np.einsum("rii->ri", covariance))
        inside = inside / (sd[:, :, None] * sd[:, None, :])
    return Jackknifed.of(components.correlation_with_last(inside), "correlation")


def squared(r: Jackknifed) -> Estimate:
    """The share of variance that a correlation explains."""
    e = r.estimate()
    ends = e.low**2, e.high**2
    return Estimate(e.value**2, 0.0 if e.low < 0 < e.high else min(ends), max(ends))
