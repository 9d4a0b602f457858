"""Telling laws apart: which of several families the data speak for, and when they cannot tell.

Criteria such as AICc take correlated errors for structure: along a training curve with rho = .9 they find a break in
nine of ten curves that have none. Here every family in turn is taken for the truth: data are simulated from its fit,
with the noise's autocorrelation and changing size, and all families are refitted to them. How often does a rival
look better than it does on the real data? Which family would have been chosen? What new point would settle it?
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalewise.laws.autocorrelation import Noise, estimate_noise
from scalewise.laws.families import (
    LINEAR,
    LOGARITHM,
    LOGISTIC,
    ONE_BREAK,
    POWER,
    POWER_CEILING,
    POWER_FLOOR,
    STEP,
    BoundFamily,
    Family,
)
from scalewise.laws.points import curve
from scalewise.laws.residual import LOG_SQUARES, PLAIN_SQUARES, Residual
from scalewise.laws.solver import Problem, solve, whiten

Floats = NDArray[np.float64]

FOR_LOSSES: tuple[Family, ...] = (POWER, POWER_FLOOR, LOGARITHM, ONE_BREAK)
FOR_ACCURACIES: tuple[Family, ...] = (LINEAR, LOGARITHM, POWER_CEILING, LOGISTIC, STEP)
LEVEL = 0.05
POWER_WANTED = 0.8
STARTS = 48
POOL = 8
"""Data sets whose best fits serve as starts for all: the real one is treated like any simulated one."""
TOLERANCE = 1e-6
"""Ratios of sums of squares need no more digits."""
TRACE = 1e-8
"""Prior weight in units of the variance of y: what the data cannot determine stays put."""
STRETCHES = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
SEEDS = (1, 2, 3, 5, 8, 16, 32)


@dataclass(frozen=True)
class Pair:
    """Two families. `ratio` is the log likelihood ratio, above 0 in favour of `second`.

    `p_first` is how often, if `first` were true, `second` would look at least this much better; `p_second` the other
    way round. `power` is the chance that data like these would reject `first` if `second` were true. `preferred` is a
    name, "neither" or "cannot tell".
    """

    first: str
    second: str
    ratio: float
    p_first: float
    p_second: float
    power: float
    preferred: str


@dataclass(frozen=True)
class Settling:
    """A new point at `x`, as the mean of `seeds` runs, that would tell two families apart with this `power`."""

    first: str
    second: str
    x: float
    seeds: int
    power: float


@dataclass(frozen=True)
class Comparison:
    """What the data say about the families.

    `criterion` is the Bayesian information criterion with correlated errors, lower is better;
    `confusion[truth][chosen]` is the share of data sets simulated from `truth` in which `chosen` had the lowest.
    `survivors` are the families that no rival
    rejects. `settling` names a new point for each pair that cannot be told apart, where one was found.
    """

    families: tuple[str, ...]
    points: int
    noise_sd: float
    rho: float
    criterion: dict[str, float]
    pairs: tuple[Pair, ...]
    confusion: dict[str, dict[str, float]]
    survivors: tuple[str, ...]
    settling: tuple[Settling, ...]
    left_out: dict[str, str]

    @property
    def verdict(self) -> str:
        """One sentence."""
        if len(self.survivors) == 1:
            return f"Of these families only {self.survivors[0]} is not rejected by a rival."
        if not self.survivors:
            return "Each of these families is rejected by a rival: none of them describes the data."
        return f"The data cannot tell {_listed(self.survivors)} apart."


def compare(
    x: ArrayLike,
    y: ArrayLike,
    families: Sequence[Family] | None = None,
    simulations: int = 200,
    seed: int = 0,
) -> Comparison:
    """Compare families of curves on y(x), x > 0.

    Values that are all above 0 and not all within 1 are compared as log y (losses), others as y (accuracies). Raises
    ValueError naming what is wrong with the data, or that fewer than two families can be fitted.
    """
    xs, ys = curve(x, y, positive_y=False, fewest=4, purpose="comparing laws")
    residual: Residual = LOG_SQUARES if ys.min() > 0 and ys.max() > 1 else PLAIN_SQUARES
    wanted = families or (FOR_LOSSES if residual.space == "log" else FOR_ACCURACIES)
    distinct = np.unique(xs).size
    left_out = {
        f.name: f"{len(f.parameters)} parameters and {distinct} distinct x"
        for f in wanted
        if len(f.parameters) >= min(distinct, xs.size - 1)
    }
    pool = [f for f in wanted if f.name not in left_out]
    if len(pool) < 2:
        can = f"only {pool[0].name}" if pool else "none"
        raise ValueError(f"{distinct} distinct x: of the families asked for, {can} can be fitted; two are needed")
    return _Contest(xs, ys, pool, residual, simulations, seed).result(left_out)


class _Contest:
    """All families on one data set and on what each of them would have produced."""

    def __init__(
        self, x: Floats, y: Floats, pool: list[Family], residual: Residual, simulations: int, seed: int
    ) -> None:
        self.x, self.pool, self.residual, self.simulations = x[:, None], pool, residual, simulations
        self.rng = np.random.default_rng(seed)
        self.observed = residual.observed(y)
        self.bounds: list[BoundFamily] = [f.bind(self.x, y) for f in pool]
        self.sizes = np.array([len(f.parameters) for f in pool])
        self.rho = 0.0
        for _ in range(2):  # the fits that show the noise are themselves better once it is known
            noises, best = self._noises()
            self.rho = noises[best].rho
        self.best = best
        self.noises = [replace(noises[best], rho=(noise.rho + self.rho) / 2) for noise in noises]

    def _noises(self) -> tuple[list[Noise], int]:
        """The noise as each family's residuals show it, and which family fits best.

        A wrong law's misfit looks like correlated noise, and a law that bends after the noise hides some: a family is
        tested with a correlation half way between its own and that of the best fit.
        """
        z = np.log(self.x[:, 0])
        repeated = np.unique(z).size < z.size
        noises, sums = [], []
        for bound in self.bounds:
            theta = self._search(bound, self.observed, self.rho)
            sums.append(self._refit(bound, self.observed[None], theta, self.rho)[0][0])
            _, jacobian = bound.in_space(self.residual.space, theta, self.x)
            noises.append(estimate_noise(self.observed - self._curve(bound, theta), jacobian[0], z, repeated))
        return noises, int(np.argmin(sums))

    def _curve(self, bound: BoundFamily, theta: Floats) -> Floats:
        values: Floats = bound.value_in(self.residual.space, theta, self.x)[0]
        return values

    def _problem(self, observed: Floats, rho: float) -> Problem:
        weights, prior = np.ones((1, self.x.shape[0])), np.full(1, TRACE * self.observed.var())
        correlation = np.full(1, rho) if rho else None
        return Problem(self.x, observed, weights, self.residual, prior, correlation, TOLERANCE)

    def _search(self, bound: BoundFamily, observed: Floats, rho: float) -> Floats:
        """The best of many random starts on one data set (points,): (1, parameters)."""
        solution = solve(bound, self._problem(observed[None], rho), bound.starts(STARTS, self.rng))
        return solution.theta[[np.argmin(solution.objective)]]

    def _refit(self, bound: BoundFamily, observed: Floats, starts: Floats, rho: float) -> tuple[Floats, Floats]:
        """Sums of squares (data sets,) and parameters (data sets, parameters), each from the best of the starts."""
        sets, count = observed.shape[0], starts.shape[0]
        problem = self._problem(np.repeat(observed, count, axis=0), rho)
        solution = solve(bound, problem, np.tile(starts, (sets, 1)))
        sums = 2 * np.where(np.isfinite(solution.objective), solution.objective, np.inf).reshape(sets, count)
        best = np.argmin(sums, axis=1)
        rows = np.arange(sets)
        return np.maximum(sums[rows, best], 1e-300), solution.theta.reshape(sets, count, -1)[rows, best]

    def result(self, left_out: dict[str, str]) -> Comparison:
        names = tuple(f.name for f in self.pool)
        count, points = len(names), self.observed.size
        rhos = [noise.rho for noise in self.noises]
        own = [self._search(b, self.observed, rho) for b, rho in zip(self.bounds, rhos, strict=True)]
        curves = np.array([self._curve(b, theta) for b, theta in zip(self.bounds, own, strict=True)])
        white = whiten(self.observed - curves, np.array(rhos))
        sds = np.sqrt(np.sum(white**2, axis=1) / (points - self.sizes))
        told = np.empty((count, 1 + self.simulations, count))
        ahead = self._candidates()
        reach: list[list[Floats]] = []
        for truth in range(count):
            simulated = curves[truth] + self.noises[truth].draw(float(sds[truth]), self.simulations, self.rng)
            datasets = np.concatenate([self.observed[None], simulated])
            reach.append([])
            for i, bound in enumerate(self.bounds):
                pool = [own[i], *(self._search(bound, s, rhos[truth]) for s in simulated[:POOL])]
                told[truth, :, i], theta = self._refit(bound, datasets, np.concatenate(pool), rhos[truth])
                reach[truth].append(bound.value_in(self.residual.space, theta, ahead[:, None]))
        log_likelihood = -0.5 * points * np.log(told)
        criterion = -2 * log_likelihood + self.sizes * np.log(points)
        pairs = tuple(self._pair(names, log_likelihood, a, b) for a in range(count) for b in range(a + 1, count))
        rejected = {
            loser
            for p in pairs
            for loser, value in ((p.first, p.p_first), (p.second, p.p_second))
            if value <= LEVEL and p.preferred != "cannot tell"
        }
        survivors = tuple(n for n in names if n not in rejected)
        undecided = [p for p in pairs if p.first in survivors and p.second in survivors]
        chosen = np.argmin(criterion[:, 1:], axis=2)
        best_sd = float(sds[self.best])
        return Comparison(
            families=names,
            points=points,
            noise_sd=best_sd,
            rho=self.rho,
            criterion={n: float(c) for n, c in zip(names, criterion[self.best, 0], strict=True)},
            pairs=pairs,
            confusion={
                n: {m: float(np.mean(row == j)) for j, m in enumerate(names)}
                for n, row in zip(names, chosen, strict=True)
            },
            survivors=survivors,
            settling=self._settling(names, undecided, reach, ahead, best_sd),
            left_out=left_out,
        )

    def _pair(self, names: tuple[str, ...], log_likelihood: Floats, a: int, b: int) -> Pair:
        """Each family in turn is the null hypothesis, the other the rival that may look better by chance."""
        better_b = log_likelihood[a, :, b] - log_likelihood[a, :, a]
        better_a = log_likelihood[b, :, a] - log_likelihood[b, :, b]
        p_a, p_b = _p_value(better_b), _p_value(better_a)
        needed = np.quantile(better_b[1:], 1 - LEVEL)
        power = float(np.mean(-better_a[1:] > needed))
        preferred = "cannot tell"
        if p_a <= LEVEL and p_b <= LEVEL:
            preferred = "neither"
        elif p_a <= LEVEL:
            preferred = names[b]
        elif p_b <= LEVEL:
            preferred = names[a]
        return Pair(names[a], names[b], float(better_b[0]), p_a, p_b, power, preferred)

    def _candidates(self) -> Floats:
        """Where a new point might be: beyond the end of the data, between its points, and before its start."""
        low, high = self.x.min(), self.x.max()
        return np.concatenate(
            [high * np.array(STRETCHES), np.geomspace(low, high, 7)[1:-1], low / np.array([2.0, 10.0])]
        )

    def _settling(
        self,
        names: tuple[str, ...],
        pairs: list[Pair],
        reach: list[list[Floats]],
        ahead: Floats,
        sd: float,
    ) -> tuple[Settling, ...]:
        """For each pair not told apart: the fewest seeds, then the nearest x, that reach the power wanted."""
        from scipy.stats import norm

        found = []
        for pair in pairs:
            a, b = names.index(pair.first), names.index(pair.second)
            null_spread = np.var(reach[a][a][1:], axis=0)
            gap = reach[b][b][0] - reach[b][a][1:]  # a new point from b, as seen by a's refits to data from b
            for seeds in SEEDS:
                width = np.sqrt(null_spread + sd**2 / seeds)
                edge = norm.ppf(1 - LEVEL / 2) * width
                noise = sd / np.sqrt(seeds)
                power = np.mean(norm.sf((edge - gap) / noise) + norm.cdf((-edge - gap) / noise), axis=0)
                power = np.where(np.isfinite(power), power, 0.0)
                enough = np.flatnonzero(power >= POWER_WANTED)
                if enough.size:
                    nearest = enough[np.argmin(np.abs(np.log(ahead[enough] / self.x.max())))]
                    found.append(Settling(pair.first, pair.second, float(ahead[nearest]), seeds, float(power[nearest])))
                    break
        return tuple(found)


def _p_value(ratios: Floats) -> float:
    """The share of simulated ratios at least as large as the real one (first), which counts as one of them."""
    return float((1 + np.sum(ratios[1:] >= ratios[0])) / ratios.size)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
