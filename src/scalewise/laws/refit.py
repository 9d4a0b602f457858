"""Refitting a law to what the data might have been: the spread of the refits is the uncertainty of the fit."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.autocorrelation import estimate_noise
from scalewise.laws.families import BoundFamily
from scalewise.laws.resample import cluster_weights, t_tails, wild_errors
from scalewise.laws.solver import Problem, solve

Floats = NDArray[np.float64]
Resampling = Literal["clusters", "wild", "parametric"]

SMALL = 50
"""Below this many runs whole ones are not resampled: that leaves out corners of the design."""
BLOCK = 4_000_000
"""Resamples times points held in memory at once."""


@dataclass(frozen=True)
class Refits:
    """Parameters (resamples, parameters), and how many refits did not converge."""

    draws: Floats
    unconverged: int


def refit(
    bound: BoundFamily,
    problem: Problem,
    theta: Floats,
    clusters: NDArray[np.int64],
    resampling: Resampling,
    resamples: int,
    rng: np.random.Generator,
) -> Refits:
    """Refit from the best fit `theta` (1, parameters) to `resamples` data sets.

    "clusters": whole clusters drawn with replacement, the draws spread about the best fit by sqrt(G / (G - p)) for G
    clusters and p parameters (Davison and Hinkley 1997, section 6.2.3). "wild": the fit plus its own residuals with
    random signs and sizes, one a cluster (`resample.wild_errors`). "parametric": the fit plus simulated noise: of the
    size the residual knows, or else as the residuals show it, with its changing size and autocorrelation along one
    input of which no two points share a value.
    """
    groups, points = int(clusters.max()) + 1, problem.x.shape[0]
    if resampling == "clusters":
        found = _in_blocks(
            bound,
            theta,
            resamples,
            lambda count: replace(problem, weights=cluster_weights(clusters, count, rng)),
            points,
        )
        wider = np.sqrt(groups / max(1, groups - theta.shape[1]))
        return Refits(np.clip(theta + (found.draws - theta) * wider, *bound.bounds), found.unconverged)
    errors = _wild(bound, problem, theta, clusters, rng) if resampling == "wild" else _noise(bound, problem, theta, rng)
    return _in_blocks(bound, theta, resamples, lambda count: replace(problem, observed=errors(count)), points)


def _in_blocks(
    bound: BoundFamily, theta: Floats, resamples: int, draw: Callable[[int], Problem], points: int
) -> Refits:
    """Refit to the data sets of `draw(how many)`, from the best fit."""
    parts, unconverged = [np.empty((0, theta.shape[1]))], 0
    block = max(1, BLOCK // points)
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        solution = solve(bound, draw(count), np.repeat(theta, count, axis=0))
        parts.append(solution.theta)
        unconverged += int((~solution.converged).sum())
    return Refits(np.concatenate(parts), unconverged)


def _wild(
    bound: BoundFamily, problem: Problem, theta: Floats, clusters: NDArray[np.int64], rng: np.random.Generator
) -> Callable[[int], Floats]:
    value, jacobian = bound.in_space(problem.residual.space, theta, problem.x)
    free = ~at_edge(bound, theta)[0]
    residuals = problem.observed[0] - value[0]
    return lambda count: value + wild_errors(residuals, jacobian[0][free], clusters, count, rng)


def _noise(bound: BoundFamily, problem: Problem, theta: Floats, rng: np.random.Generator) -> Callable[[int], Floats]:
    value, _ = bound.in_space(problem.residual.space, theta, problem.x)
    if problem.residual.known_size:
        return lambda count: problem.residual.draw(value, count, rng)
    errors = simulated_errors(bound, problem, theta, rng)
    return lambda count: value + errors(count)


def simulated_errors(
    bound: BoundFamily, problem: Problem, theta: Floats, rng: np.random.Generator
) -> Callable[[int], Floats]:
    """Errors (how many, points) like the residuals of a fit of unknown size: of their size, with Student t's tails.

    Along one input of which no two points share a value, with their changing size and autocorrelation too.
    """
    value, jacobian = bound.in_space(problem.residual.space, theta, problem.x)
    residuals = problem.observed[0] - value[0]
    freedom = max(1, residuals.size - theta.shape[1])
    z = np.log(problem.x[:, 0])
    if problem.x.shape[1] > 1 or np.unique(z).size < z.size:
        sd = np.sqrt(residuals @ residuals / freedom)
        return lambda count: sd * rng.normal(size=(count, z.size)) * t_tails(freedom, count, rng)
    order = np.argsort(z, kind="stable")
    seen, moves, place = residuals[order], jacobian[0][:, order], np.argsort(order)
    noise = estimate_noise(seen, moves, z[order])
    return lambda count: noise.draw_like(seen, moves, count, rng)[:, place]


def at_edge(bound: BoundFamily, theta: Floats) -> NDArray[np.bool_]:
    """Which parameters lie at the edge of what is allowed: (fits, parameters)."""
    low, high = bound.bounds
    return (theta <= low + 1e-9) | (theta >= high - 1e-9)
