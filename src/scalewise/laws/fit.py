"""Fitting one law to one data set, with resampled parameters; a fit that cannot be had is a value that says why."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families import BoundFamily, Family
from scalewise.laws.resample import cluster_weights, wild_errors
from scalewise.laws.residual import LOG_HUBER, LOG_SQUARES
from scalewise.laws.solver import Problem, solve

Floats = NDArray[np.float64]
Loss = Literal["huber", "least squares"]

STARTS = 64
SMALL = 50
"""Below this many runs of one point each, fits are least squares and refits a wild bootstrap."""
LEAST_SINGULAR = 1e-6
"""A direction of parameters that moves no prediction, relative to the one that moves them most."""
EDGE_SHARE = 0.025
"""More refits than this at a bound, and the 95 % interval reaches it."""
EXACT = 1e-15
"""An objective below this per point is that of an exact law."""
AGREEMENT = 1e-6
"""Two starts agree when their objectives differ by less than this share."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Fit:
    """A fitted law. `problem` says why there is none; everything else is then empty.

    `theta` (1, parameters) is the best fit and `draws` (resamples, parameters) the refits, in the internal coordinates
    of `bound`. `agreeing` is the share of random starts that found the best objective. `noise` is the robust standard
    deviation of log residuals. `unconverged` counts refits that did not converge; they are among the draws.
    """

    family: Family
    bound: BoundFamily | None
    theta: Floats
    draws: Floats
    objective: float
    agreeing: float
    noise: float
    residuals: Floats
    points: int
    clusters: int
    unconverged: int = 0
    problem: str | None = None

    @property
    def ok(self) -> bool:
        return self.problem is None

    def _bound(self) -> BoundFamily:
        if self.bound is None:
            raise ValueError(f"the {self.family.name} law was not fitted: {self.problem}")
        return self.bound

    @property
    def best_and_draws(self) -> Floats:
        """The best fit as row 0, then every refit: (1 + resamples, parameters)."""
        return np.concatenate([self.theta, self.draws])

    def curves(self, x: Floats) -> Floats:
        """y at x under the best fit (row 0) and every refit: (1 + resamples, points)."""
        return self._bound().predict(self.best_and_draws, x)

    def predict(self, x: Floats, level: float = 0.95, new_run: bool = False, seed: int = 0) -> list[Estimate]:
        """y at x (points, inputs) with the interval of the fitted mean, or of a new run's outcome."""
        curves = self.curves(x)
        draws = curves[1:]
        if new_run:
            draws = draws * np.exp(np.random.default_rng(seed).normal(0.0, self.noise, draws.shape))
        return [estimate(curves[0, i], draws[:, i], level) for i in range(curves.shape[1])]

    def parameter_draws(self) -> dict[str, Floats]:
        """The formula's parameters by name: the best fit in row 0, then every refit."""
        return self._bound().natural(self.best_and_draws)

    def parameters(self, level: float = 0.95) -> dict[str, Estimate]:
        """The formula's parameters by name."""
        return {name: estimate(float(v[0]), v[1:], level) for name, v in self.parameter_draws().items()}

    def at_bound(self) -> list[str]:
        """Parameters whose best fit, or 95 % interval, reaches the edge of what is allowed: they are not identified."""
        edge = at_edge(self._bound(), self.best_and_draws)
        held = edge[0] | (edge.mean(axis=0) > EDGE_SHARE)
        names = [p.name for p in self.family.parameters]
        return [name for name, is_held in zip(names, held, strict=True) if is_held]


def estimate(value: float, draws: Floats, level: float = 0.95) -> Estimate:
    """The percentile interval of resampled values around an estimate."""
    tail = 50 * (1 - level)
    low, high = np.percentile(draws, [tail, 100 - tail]) if draws.size else (np.nan, np.nan)
    return Estimate(float(value), float(low), float(high))


def fit_law(
    family: Family,
    x: Floats,
    y: Floats,
    clusters: NDArray[np.int64] | None = None,
    resamples: int = 1000,
    loss: Loss = "huber",
    seed: int = 0,
) -> Fit:
    """Fit y(x) > 0 at x (points, inputs) from many random starts, then refit `resamples` bootstraps.

    `clusters` (points,) numbers what is resampled together; without it every point stands for itself. Designs of fewer
    than 50 runs with one point each are fitted by least squares, whatever `loss` says, and refitted to wild errors:
    resampling whole runs of so few leaves out corners of the design. Others are refitted to cluster bootstraps, spread
    about the best fit by sqrt(G / (G - p)) for G clusters and p parameters (Davison and Hinkley 1997, section
    6.2.3). Same seed, same result.
    """
    start_rng, resample_rng = np.random.default_rng(seed).spawn(2)
    clusters = np.arange(y.size) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    points = y.size
    if problem := _problem(family, x, y, clusters):
        return _failed(family, points, problem)
    bound = family.bind(x, y)
    log_y = np.log(y)
    groups = int(clusters.max()) + 1
    small = groups == points < SMALL
    residual = LOG_SQUARES if small or loss == "least squares" else LOG_HUBER
    everything = Problem(x, log_y[None], np.ones((1, points)), residual)
    tried = solve(bound, everything, bound.starts(STARTS, start_rng))
    best = int(np.argmin(tried.objective))
    objective = float(tried.objective[best])
    agreeing = float(np.mean(tried.objective <= objective * (1 + AGREEMENT) + EXACT * points))
    theta = tried.theta[best : best + 1]
    residuals = log_y - np.log(bound.predict(theta, x)[0])
    jacobian = bound.in_space("log", theta, x)[1][0]
    if problem := _unidentified(family, bound, theta, jacobian):
        return _failed(family, points, problem)
    if small:
        free = ~at_edge(bound, theta)[0]
        observed = log_y - residuals + wild_errors(residuals, jacobian[free], resamples, resample_rng)
        solution = solve(bound, replace(everything, observed=observed), np.repeat(theta, resamples, axis=0))
        draws, unconverged = solution.theta, int((~solution.converged).sum())
    else:
        draws, unconverged = _refit(bound, everything, clusters, theta, resamples, resample_rng)
        draws = theta + (draws - theta) * np.sqrt(groups / max(1, groups - theta.shape[1]))
    return Fit(
        family=family,
        bound=bound,
        theta=theta,
        draws=np.clip(draws, *bound.bounds),
        objective=objective,
        agreeing=agreeing,
        noise=_robust_sd(residuals, theta.shape[1]),
        residuals=residuals,
        points=points,
        clusters=groups,
        unconverged=unconverged,
    )


def at_edge(bound: BoundFamily, theta: Floats) -> NDArray[np.bool_]:
    """Which parameters lie at the edge of what is allowed: (fits, parameters)."""
    low, high = bound.bounds
    return (theta <= low + 1e-9) | (theta >= high - 1e-9)


def _unidentified(family: Family, bound: BoundFamily, theta: Floats, jacobian: Floats) -> str | None:
    """Which parameters trade off against each other without any prediction moving, if some do."""
    free = ~at_edge(bound, theta)[0] & (np.abs(jacobian).max(axis=1) > 0)
    moves = jacobian[free] / np.linalg.norm(jacobian[free], axis=1, keepdims=True)
    left, size, _ = np.linalg.svd(moves, full_matrices=False)
    if size[-1] > LEAST_SINGULAR * size[0]:
        return None
    names = np.array([p.name for p in family.parameters])[free]
    traded = names[np.abs(left[:, -1]) > 0.1]
    return f"the points do not determine {', '.join(traded)} of {family.formula}: they can trade off freely"


def _refit(
    bound: BoundFamily,
    problem: Problem,
    clusters: NDArray[np.int64],
    theta: Floats,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[Floats, int]:
    """Bootstrap refits from a warm start, and how many did not converge. Weights come in blocks, to bound memory."""
    block = max(1, min(resamples, 4_000_000 // clusters.size))
    parts, unconverged = [np.empty((0, theta.shape[1]))], 0
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        weights = cluster_weights(clusters, count, rng)
        solution = solve(bound, replace(problem, weights=weights), np.repeat(theta, count, axis=0))
        parts.append(solution.theta)
        unconverged += int((~solution.converged).sum())
    return np.concatenate(parts), unconverged


def _problem(family: Family, x: Floats, y: Floats, clusters: NDArray[np.int64]) -> str | None:
    """Why the family cannot be fitted to these points, if it cannot."""
    needed = len(family.parameters)
    distinct = len(np.unique(x, axis=0))
    if distinct < needed:
        return f"{family.formula} has {needed} parameters and there are {distinct} distinct points"
    independent = int(clusters.max()) + 1 if clusters.size else 0
    if independent <= needed:
        return f"{family.formula} has {needed} parameters and there are only {independent} independent runs"
    scales = x[:, : family.scales]
    if family.scales == 2:
        centred = np.log(scales) - np.log(scales).mean(axis=0)
        first, second = (centred**2).sum(axis=0)
        if first < 1e-12 or second < 1e-12:
            return "one of the two inputs never varies, so its effect cannot be seen"
        if abs((centred[:, 0] * centred[:, 1]).sum()) > 0.9995 * np.sqrt(first * second):
            return "the two inputs rise in step, so their effects cannot be told apart"
    if not (np.isfinite(y).all() and (y > 0).all() and np.isfinite(x).all() and (scales > 0).all()):
        return "every x and y must be finite and greater than 0"
    return None


def _failed(family: Family, points: int, problem: str) -> Fit:
    nothing = np.empty((0, len(family.parameters)))
    return Fit(family, None, nothing, nothing, np.nan, 0.0, np.nan, np.empty(0), points, 0, problem=problem)


def _robust_sd(residuals: Floats, parameters: int) -> float:
    """1.4826 times the median absolute residual, corrected for the fitted parameters."""
    freedom = max(1, residuals.size - parameters)
    return float(1.4826 * np.median(np.abs(residuals)) * np.sqrt(residuals.size / freedom))
