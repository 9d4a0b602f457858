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
LEAST_DAMPING = 1e-3
MOST_DAMPING = 1e12
"""No step, however short, lowers the objective: a minimum to rounding."""
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


@dataclass
class _Batch:
    """The rows of a chunk that are still moving. `rows` says where each stands in the solution."""

    rows: NDArray[np.intp]
    theta: Floats
    objective: Floats
    residual: Floats
    jacobian: Floats
    weights: Floats
    kappa: Floats
    damping: Floats

    def without(self, ended: NDArray[np.bool_]) -> "_Batch":
        return _Batch(**{name: values[~ended] for name, values in vars(self).items()})


def _solve_chunk(
    bound: BoundFamily, x: Floats, log_y: Floats, weights: Floats, starts: Floats, delta: float
) -> Solution:
    bounds = bound.bounds
    count = starts.shape[0]
    solution = Solution(starts.copy(), np.empty(count), np.zeros(count, dtype=bool))
    theta = np.clip(starts, *bounds)
    weights = np.broadcast_to(weights, (count, log_y.size))
    residual, jacobian = _residual(bound, theta, x, log_y)
    batch = _Batch(
        np.arange(count),
        theta,
        _objective(residual, weights, delta),
        residual,
        jacobian,
        weights,
        kappa=np.ones(count),
        damping=np.zeros(count),
    )
    for _ in range(MOST_STEPS):
        step, gain = _step(batch, bounds, delta)
        ended = (gain <= TOLERANCE * batch.objective * batch.kappa) | (batch.damping > MOST_DAMPING)
        if ended.any():
            _store(solution, batch, ended)
            batch, step = batch.without(ended), step[~ended]
            if batch.rows.size == 0:
                return solution
        _move(batch, np.clip(batch.theta + step, *bounds), bound, x, log_y, delta)
    _store(solution, batch, np.ones(batch.rows.size, dtype=bool), converged=False)
    return solution


def _store(solution: Solution, batch: _Batch, ended: NDArray[np.bool_], converged: bool = True) -> None:
    rows = batch.rows[ended]
    solution.theta[rows] = batch.theta[ended]
    solution.objective[rows] = batch.objective[ended]
    solution.converged[rows] = converged


def _move(batch: _Batch, tried: Floats, bound: BoundFamily, x: Floats, log_y: Floats, delta: float) -> None:
    """Accept each row's step if it lowers the objective; adapt kappa and damping to how it went."""
    residual, jacobian = _residual(bound, tried, x, log_y)
    objective = _objective(residual, batch.weights, delta)
    better = objective < batch.objective
    batch.theta[better] = tried[better]
    batch.objective[better] = objective[better]
    batch.residual[better], batch.jacobian[better] = residual[better], jacobian[better]
    raised = np.where(batch.kappa >= 1.0, np.maximum(batch.damping * 8.0, LEAST_DAMPING), batch.damping)
    batch.damping = np.where(better, batch.damping * 0.2, raised)
    batch.damping[batch.damping < LEAST_DAMPING / 1000] = 0.0
    batch.kappa = np.where(better, np.maximum(batch.kappa * 0.5, LEAST_KAPPA), np.minimum(batch.kappa * 4.0, 1.0))


def _residual(bound: BoundFamily, theta: Floats, x: Floats, log_y: Floats) -> tuple[Floats, Floats]:
    predicted, jacobian = bound.log_predict_with_jacobian(theta, x)
    return log_y - predicted, jacobian


def _objective(residual: Floats, weights: Floats, delta: float) -> Floats:
    size = np.abs(residual)
    inside = np.minimum(size, delta)
    huber = inside * (size - 0.5 * inside) if np.isfinite(delta) else 0.5 * size * size
    total: Floats = np.einsum("fp,fp->f", weights, huber)
    return total


def _step(batch: _Batch, bounds: tuple[Floats, Floats], delta: float) -> tuple[Floats, Floats]:
    """The step of every row, and the decrease of the objective that it promises."""
    size = np.abs(batch.residual)
    loose = batch.kappa[:, None] * delta / np.maximum(size, 1e-300)
    curvature = np.where(size > delta, loose, 1.0) * batch.weights
    pull = np.clip(batch.residual, -delta, delta) * batch.weights
    downhill = np.matmul(batch.jacobian, pull[:, :, None])[:, :, 0]
    hessian = np.matmul(batch.jacobian * curvature[:, None, :], batch.jacobian.transpose(0, 2, 1))
    low, high = bounds
    held = ((batch.theta <= low) & (downhill < 0)) | ((batch.theta >= high) & (downhill > 0))
    downhill = np.where(held, 0.0, downhill)
    hessian = np.where(held[:, :, None] | held[:, None, :], 0.0, hessian)
    diagonal = np.einsum("fpp->fp", hessian)
    diagonal[held] = 1.0
    diagonal += diagonal * batch.damping[:, None] + 1e-12 * diagonal.max(axis=1, keepdims=True) + 1e-300
    step = np.linalg.solve(hessian, downhill[:, :, None])[:, :, 0]
    return step, 0.5 * np.einsum("fp,fp->f", step, downhill)
