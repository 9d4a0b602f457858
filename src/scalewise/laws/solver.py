"""The batched solver: many fits of one family at once, as arrays.

Each row of a batch is one fit (a random start, or a resample of the data), with its own weights and its own
parameters. The objective is the weighted sum of Huber losses of log residuals (Hoffmann et al. 2022, section 3.3),
or half their squares. Rows that have converged leave the batch.

The step is Newton-like. The curvature counts a point inside Huber's quadratic zone in full and a point outside
it as `kappa` times its weight in iteratively reweighted least squares. At kappa = 1 that is a majorising step, safe
but slow; the true curvature out there is 0. So kappa is halved while steps succeed and raised when one fails, and only
at kappa = 1 is Levenberg-Marquardt damping added.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.family import BoundFamily

Floats = NDArray[np.float64]

HUBER_DELTA = 1e-3
"""Hoffmann et al. 2022, section 3.3."""
TOLERANCE = 1e-10
"""A row has converged when a full step would lower its objective by less than this share."""
MOST_STEPS = 200
LEAST_KAPPA = 2.0**-12
CACHE_ROWS = 40_000
"""Rows times points in one chunk: larger chunks fall out of the processor's cache."""


@dataclass(frozen=True)
class Solution:
    """Parameters (fits, parameters), objectives (fits,) and whether each fit converged (fits,)."""

    theta: Floats
    objective: Floats
    converged: NDArray[np.bool_]


def solve(
    bound: BoundFamily, x: Floats, log_y: Floats, weights: Floats, starts: Floats, delta: float = HUBER_DELTA
) -> Solution:
    """Minimise the objective of every row from its start.

    x (points, inputs), log_y (points,), weights (fits, points) or (1, points) for all alike, starts (fits, parameters).
    `delta` is the edge of Huber's quadratic zone; infinity gives least squares. Results do not depend on chunks.
    """
    chunk = max(1, min(500, CACHE_ROWS // log_y.size))
    parts = []
    for start in range(0, starts.shape[0], chunk):
        rows = slice(start, start + chunk)
        share = weights if weights.shape[0] == 1 else weights[rows]
        parts.append(_solve_chunk(bound, x, log_y, share, starts[rows], delta))
    return Solution(
        theta=np.concatenate([p.theta for p in parts]),
        objective=np.concatenate([p.objective for p in parts]),
        converged=np.concatenate([p.converged for p in parts]),
    )


def _solve_chunk(
    bound: BoundFamily, x: Floats, log_y: Floats, weights: Floats, starts: Floats, delta: float
) -> Solution:
    low, high = bound.bounds
    count = starts.shape[0]
    solution = Solution(starts.copy(), np.empty(count), np.zeros(count, dtype=bool))
    active = np.arange(count)
    theta = np.clip(starts, low, high)
    weights = np.broadcast_to(weights, (count, log_y.size))
    kappa, damping = np.ones(count), np.zeros(count)
    residual, jacobian = _residual(bound, theta, x, log_y)
    objective = _objective(residual, weights, delta)
    for _ in range(MOST_STEPS):
        step, gain = _step(residual, jacobian, weights, theta, (low, high), kappa, damping, delta)
        finished = gain <= TOLERANCE * objective * kappa
        if finished.any():
            _keep(solution, active[finished], theta[finished], objective[finished], converged=True)
            stay = ~finished
            active, theta, objective, kappa, damping = (a[stay] for a in (active, theta, objective, kappa, damping))
            residual, jacobian, weights, step = residual[stay], jacobian[stay], weights[stay], step[stay]
            if active.size == 0:
                return solution
        tried = np.clip(theta + step, low, high)
        new_residual, new_jacobian = _residual(bound, tried, x, log_y)
        new_objective = _objective(new_residual, weights, delta)
        better = new_objective < objective
        theta = np.where(better[:, None], tried, theta)
        objective = np.where(better, new_objective, objective)
        residual[better], jacobian[better] = new_residual[better], new_jacobian[better]
        safe = kappa >= 1.0
        damping = np.where(better, damping * 0.2, np.where(safe, np.maximum(damping * 8.0, 1e-3), damping))
        damping[damping < 1e-6] = 0.0
        kappa = np.where(better, np.maximum(kappa * 0.5, LEAST_KAPPA), np.minimum(kappa * 4.0, 1.0))
        stuck = damping > 1e12
        if stuck.any():  # no smaller step helps: a minimum to rounding
            _keep(solution, active[stuck], theta[stuck], objective[stuck], converged=True)
            stay = ~stuck
            active, theta, objective, kappa, damping = (a[stay] for a in (active, theta, objective, kappa, damping))
            residual, jacobian, weights = residual[stay], jacobian[stay], weights[stay]
            if active.size == 0:
                return solution
    _keep(solution, active, theta, objective, converged=False)
    return solution


def _residual(bound: BoundFamily, theta: Floats, x: Floats, log_y: Floats) -> tuple[Floats, Floats]:
    predicted, jacobian = bound.log_predict_with_jacobian(theta, x)
    return log_y - predicted, jacobian


def _objective(residual: Floats, weights: Floats, delta: float) -> Floats:
    size = np.abs(residual)
    inside = np.minimum(size, delta)
    huber = inside * (size - 0.5 * inside) if np.isfinite(delta) else 0.5 * size * size
    return np.einsum("fp,fp->f", weights, huber)


def _step(
    residual: Floats,
    jacobian: Floats,
    weights: Floats,
    theta: Floats,
    bounds: tuple[Floats, Floats],
    kappa: Floats,
    damping: Floats,
    delta: float,
) -> tuple[Floats, Floats]:
    """The step of every row, and the decrease of the objective that it promises."""
    size = np.abs(residual)
    outside = size > delta
    curvature = np.where(outside, kappa[:, None] * delta / np.maximum(size, 1e-300), 1.0) * weights
    pull = np.clip(residual, -delta, delta) * weights
    downhill = np.matmul(jacobian, pull[:, :, None])[:, :, 0]
    hessian = np.matmul(jacobian * curvature[:, None, :], jacobian.transpose(0, 2, 1))
    low, high = bounds
    held = ((theta <= low) & (downhill < 0)) | ((theta >= high) & (downhill > 0))
    downhill = np.where(held, 0.0, downhill)
    hessian = np.where(held[:, :, None] | held[:, None, :], 0.0, hessian)
    diagonal = np.einsum("fpp->fp", hessian)
    diagonal[held] = 1.0
    diagonal += diagonal * damping[:, None] + 1e-12 * diagonal.max(axis=1, keepdims=True) + 1e-300
    step = np.linalg.solve(hessian, downhill[:, :, None])[:, :, 0]
    return step, 0.5 * np.einsum("fp,fp->f", step, downhill)


def _keep(solution: Solution, rows: NDArray[np.intp], theta: Floats, objective: Floats, *, converged: bool) -> None:
    solution.theta[rows] = theta
    solution.objective[rows] = objective
    solution.converged[rows] = converged
