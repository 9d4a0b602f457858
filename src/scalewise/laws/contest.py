"""A contest of families: each in turn is taken for the truth, and all are refitted to what it would have produced.

Data are simulated from every family's fit, with errors of the size the residual knows, or else with the size,
autocorrelation and change along x that the residuals show. The table of fits says how much better a wrong family can
look by chance, and where a new point would give it away.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.autocorrelation import Noise, estimate_noise, profile_rho
from scalewise.laws.families import BoundFamily
from scalewise.laws.residual import Binomial, Residual, Squares
from scalewise.laws.solver import Problem, Solution, solve, whiten

Floats = NDArray[np.float64]

STARTS = 48
POOL = 8
"""Data sets whose best fits serve as starts for all: the real one is treated like any simulated one."""
TURNS = 2
TOLERANCE = 1e-6
"""Ratios of sums of squares need no more digits."""
TRACE = 1e-8
"""Prior weight in units of the variance of y: what the data cannot determine stays put."""


@dataclass(frozen=True)
class Outcome:
    """What came of it. Axis 0 is the family taken for the truth; data set 0 is the real one.

    log_likelihood (truths, data sets, families); ahead (truths, families, data sets, new points): each refit at the
    points asked about, in the residual's space; error (truths, new points): the size of one error there; `best`: the
    family that fits the real data best; `rho` and `sd`: the errors' autocorrelation and size as it shows them.
    """

    log_likelihood: Floats
    ahead: Floats
    error: Floats
    best: int
    rho: float
    sd: float


class Contest:
    """All families on one data set and on what each of them would have produced."""

    def __init__(
        self,
        x: Floats,
        observed: Floats,
        bounds: Sequence[BoundFamily],
        residual: Residual,
        simulations: int,
        seed: int,
    ) -> None:
        """x (points, inputs), by rising x where there is one input; observed (points,) in the residual's space."""
        self.x, self.observed, self.bounds, self.simulations = x, observed, bounds, simulations
        self.residual = Squares(residual.space) if residual.robust else residual
        self.sizes = np.array([int(np.sum(np.less(*b.bounds))) for b in bounds])
        self.rng = np.random.default_rng(seed)
        # points along one curve have neighbours; repeats of an x, and points of a surface, have no order
        self.ordered = x.shape[1] == 1 and np.unique(x).size == x.shape[0]
        if self.residual.known_size:
            self._learn_dispersion()
        else:
            self._learn_noise()

    def _learn_dispersion(self) -> None:
        """Which family fits best, and how much more than binomial its errors are."""
        fits = [self._fit(b, self.observed[None], self._search(b, self.observed[None], 0.0)) for b in self.bounds]
        self.best = int(np.argmax([fit.log_likelihood[0] for fit in fits]))
        if isinstance(self.residual, Binomial):
            predicted = self._curve(self.bounds[self.best], fits[self.best].theta)
            excess = self.residual.pearson(predicted, self.observed) / (self.observed.size - self.sizes[self.best])
            self.residual = replace(self.residual, overdispersion=max(1.0, excess))

    def _learn_noise(self) -> None:
        """The noise as each family's residuals show it, and which family fits best."""
        fits = [self._fit(b, self.observed[None], self._search(b, self.observed[None], 0.0)) for b in self.bounds]
        self.best = int(np.argmax([fit.log_likelihood[0] for fit in fits]))
        self.noises = [self._noise(b, fit.theta) for b, fit in zip(self.bounds, fits, strict=True)]

    def _noise(self, bound: BoundFamily, theta: Floats) -> Noise:
        residuals = self.observed - self._curve(bound, theta)
        if not self.ordered:
            return Noise.white(residuals.size)
        _, jacobian = bound.in_space(self.residual.space, theta, self.x)
        return estimate_noise(residuals, jacobian[0], np.log(self.x[:, 0]))

    def _curve(self, bound: BoundFamily, theta: Floats) -> Floats:
        return np.asarray(bound.value_in(self.residual.space, theta, self.x)[0])

    def _problem(self, observed: Floats, rho: Floats) -> Problem:
        weights, prior = np.ones((1, self.x.shape[0])), np.full(1, TRACE * self.observed.var())
        correlation = rho if rho.any() else None
        return Problem(self.x, observed, weights, self.residual, prior, correlation, TOLERANCE)

    def _search(self, bound: BoundFamily, observed: Floats, rho: float) -> Floats:
        """The best of many random starts on each data set (data sets, points): (data sets, parameters)."""
        starts = bound.starts(STARTS * observed.shape[0], self.rng)
        solution = solve(bound, self._problem(np.repeat(observed, STARTS, axis=0), np.full(1, rho)), starts)
        return _best(solution, STARTS)

    def _fit(self, bound: BoundFamily, observed: Floats, starts: Floats, rho: float = 0.0) -> "_Fitted":
        """The likeliest fit to each data set (data sets, points) that the starts lead to, from a first guess of rho.

        Each data set has its own autocorrelation, found by turns with the parameters: a ratio of likelihoods in which
        it is free depends little on what it is (Cochrane and Orcutt 1949 for the turns).
        """
        count = starts.shape[0]
        problem = self._problem(np.repeat(observed, count, axis=0), np.full(1, rho))
        theta = _best(solve(bound, problem, np.tile(starts, (observed.shape[0], 1))), count)
        if self.residual.known_size:
            predicted = bound.value_in(self.residual.space, theta, self.x)
            cost = np.sum(self.residual.cost(predicted, observed), axis=1)
            return _Fitted(theta, -np.where(np.isfinite(cost), cost, np.inf))
        found, likelihood = profile_rho(observed - bound.value_in(self.residual.space, theta, self.x), self.ordered)
        for _ in range(TURNS if self.ordered else 0):
            turned = solve(bound, self._problem(observed, found), theta).theta
            errors = observed - bound.value_in(self.residual.space, turned, self.x)
            found, after = profile_rho(errors, self.ordered)
            theta = np.where((after > likelihood)[:, None], turned, theta)
            likelihood = np.fmax(after, likelihood)
        return _Fitted(theta, likelihood)

    def run(self, ahead: Floats) -> Outcome:
        """Simulate from each family and refit all of them; predict at the new points `ahead` (new points, inputs)."""
        count = len(self.bounds)
        log_likelihood = np.empty((count, 1 + self.simulations, count))
        reach = np.empty((count, count, 1 + self.simulations, ahead.shape[0]))
        error = np.empty((count, ahead.shape[0]))
        rhos = np.zeros(count) if self.residual.known_size else np.array([noise.rho for noise in self.noises])
        own = [self._search(b, self.observed[None], rho) for b, rho in zip(self.bounds, rhos, strict=True)]
        curves = np.array([self._curve(b, theta) for b, theta in zip(self.bounds, own, strict=True)])
        white = whiten(self.observed - curves, rhos)
        sds = np.sqrt(np.sum(white**2, axis=1) / np.maximum(self.observed.size - self.sizes, 1))
        for truth in range(count):
            if self.residual.known_size:
                simulated = self.residual.draw(curves[[truth]], self.simulations, self.rng)
            else:
                simulated = curves[truth] + self.noises[truth].draw(float(sds[truth]), self.simulations, self.rng)
            datasets = np.concatenate([self.observed[None], simulated])
            for i, bound in enumerate(self.bounds):
                starts = np.concatenate([own[i], self._search(bound, simulated[:POOL], rhos[truth])])
                fitted = self._fit(bound, datasets, starts, rhos[truth])
                log_likelihood[truth, :, i] = fitted.log_likelihood
                reach[truth, i] = bound.value_in(self.residual.space, fitted.theta, ahead)
            known = self.residual.known_size
            error[truth] = self.residual.typical_error(reach[truth, truth, 0]) if known else sds[self.best]
        return Outcome(log_likelihood, reach, error, self.best, float(rhos[self.best]), float(sds[self.best]))


@dataclass(frozen=True)
class _Fitted:
    """Parameters (data sets, parameters) and log likelihoods (data sets,), up to a constant of the data's size."""

    theta: Floats
    log_likelihood: Floats


def _best(solution: Solution, starts: int) -> Floats:
    """The parameters of the best of every `starts` rows."""
    objective = np.where(np.isfinite(solution.objective), solution.objective, np.inf).reshape(-1, starts)
    best = np.argmin(objective, axis=1)
    theta: Floats = solution.theta.reshape(best.size, starts, -1)[np.arange(best.size), best]
    return theta
