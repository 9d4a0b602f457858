"""The batched solver: many fits of one family at once, as arrays.

Each row of a batch is one fit (a random start, or a resample of the data), with its own parameters, and where need be
its own weights, observations and autocorrelation. The objective is the weighted sum of the residual's costs plus the
family's weak prior. Rows that have converged leave the batch.

The step is Newton-like. For a robust residual the curvature counts a point inside Huber's quadratic zone in full and a
point outside it as `kappa` times its weight in iteratively reweighted least squares. At kappa = 1 that is a
majorising step, safe but slow; the true curvature out there is 0. So kappa is halved while steps succeed and raised
when one fails, and only at kappa = 1 is Levenberg-Marquardt damping added. Other residuals keep kappa = 1.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.family import BoundFamily
from scalewise.laws.memory import remembered
from scalewise.laws.residual import LOG_HUBER, Residual, Squares

Floats = NDArray[np.float64]

TOLERANCE = 1e-10
MOST_STEPS = 200
LEAST_KAPPA = 2.0**-12
LEAST_DAMPING = 1e-3
MOST_DAMPING = 1e12
"""No step, however short, lowers the objective: a minimum to rounding."""
CACHE_ROWS = 40_000
"""Rows times points in one chunk: larger chunks fall out of the processor's cache."""
HEAP = 30 * 2**20
"""Bytes. After a block of this size was freed once, glibc keeps the memory of temporaries instead of returning it to
the system at every step, which halves the time of large fits (`bench/cost.py`); the block itself is never touched."""


@dataclass(frozen=True)
class Solution:
    """Parameters (fits, parameters), objectives (fits,) and whether each fit converged (fits,)."""

    theta: Floats
    objective: Floats
    converged: NDArray[np.bool_]


@dataclass(frozen=True)
class Problem:
    """What is fitted. Arrays with a leading 1 hold for all fits alike.

    x (points, inputs); observed (fits or 1, points) in the residual's space; weights (fits or 1, points);
    prior_weight (fits or 1,): how much the family's prior counts, in units of the objective; rho (fits or 1,): the
    autocorrelation of neighbouring residuals, which are then compared after whitening (squares only). A row has
    converged when a full step would lower its objective by less than the share `tolerance`; apart (fits or 1,) is what
    the objective holds beyond the costs of these points.
    """

    x: Floats
    observed: Floats
    weights: Floats
    residual: Residual = LOG_HUBER
    prior_weight: Floats | None = None
    rho: Floats | None = None
    tolerance: float = TOLERANCE
    apart: Floats | None = None

    def collapsed(self) -> "Problem":
        """The same least squares on distinct x: repeats count as their weighted mean, their spread about it is apart.

        Itself where nothing is gained: few repeats, other costs than squares, or an order that matters.
        """
        if not isinstance(self.residual, Squares) or self.rho is not None:
            return self
        x, which = np.unique(self.x, axis=0, return_inverse=True)
        if 2 * x.shape[0] > which.size:
            return self
        order = np.argsort(which, kind="stable")
        first = np.searchsorted(which[order], np.arange(x.shape[0]))

        def sums(values: Floats) -> Floats:
            total: Floats = np.add.reduceat(values[:, order], first, axis=1)
            return total

        weights = self.weights * self.residual.precision
        # relative to plain means, so that squares of large values need not cancel
        plain = sums(self.observed) / np.bincount(which)
        away = self.observed - plain[:, which]
        total = sums(weights)
        mean = sums(weights * away) / np.where(total > 0, total, 1.0)
        apart = 0.5 * (sums(weights * away**2) - total * mean**2).sum(axis=1)
        return replace(
            self, x=x, observed=plain + mean, weights=total, residual=Squares(self.residual.space), apart=apart
        )


@remembered
def solve(bound: BoundFamily, problem: Problem, starts: Floats, most_steps: int = MOST_STEPS) -> Solution:
    """Minimise the objective of every row from its start (fits, parameters). Results do not depend on chunks.

    A row that has not converged after `most_steps` stays where it is.
    """
    if not starts.size:
        return Solution(starts, np.empty(0), np.empty(0, dtype=bool))
    problem = problem.collapsed()
    points = problem.x.shape[0]
    np.empty(HEAP, dtype=np.uint8)
    chunk = max(1, min(500, CACHE_ROWS // points))
    parts = [
        _solve_chunk(bound, problem, starts[start : start + chunk], slice(start, start + chunk), most_steps)
        for start in range(0, starts.shape[0], chunk)
    ]
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
    predicted: Floats
    jacobian: Floats
    observed: Floats
    weights: Floats
    prior_weight: Floats
    rho: Floats
    apart: Floats
    kappa: Floats
    damping: Floats

    def without(self, ended: NDArray[np.bool_]) -> "_Batch":
        left = np.flatnonzero(~ended)
        return _Batch(**{name: values[left] for name, values in vars(self).items()})


def _solve_chunk(bound: BoundFamily, problem: Problem, starts: Floats, rows: slice, most_steps: int) -> Solution:
    count = starts.shape[0]

    def own(values: Floats | None) -> Floats:
        """The chunk's share of values that may hold for all fits alike."""
        if values is None:
            return np.zeros(count)
        share = values if values.shape[0] == 1 else values[rows]
        return np.broadcast_to(share, (count, *share.shape[1:]))

    bounds = bound.bounds
    solution = Solution(starts.copy(), np.empty(count), np.zeros(count, dtype=bool))
    batch = _Batch(
        np.arange(count),
        np.clip(starts, *bounds),
        objective=np.full(count, np.inf),
        predicted=np.empty(0),
        jacobian=np.empty(0),
        observed=own(problem.observed),
        weights=own(problem.weights),
        prior_weight=own(problem.prior_weight),
        rho=own(problem.rho),
        apart=own(problem.apart),
        kappa=np.ones(count),
        damping=np.zeros(count),
    )
    model = _Model(bound, problem)
    if problem.rho is not None:
        batch.observed = whiten(batch.observed, batch.rho)
    batch.predicted, batch.jacobian = model.predict(batch.theta, batch.rho)
    batch.objective = model.objective(batch, batch.theta, batch.predicted)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for _ in range(most_steps):
            step, gain = model.step(batch)
            ended = (gain <= problem.tolerance * batch.objective * batch.kappa) | (batch.damping > MOST_DAMPING)
            ended |= ~np.isfinite(batch.objective)
            if ended.any():
                _store(solution, batch, ended)
                batch, step = batch.without(ended), step[~ended]
                if batch.rows.size == 0:
                    return solution
            _move(batch, np.minimum(np.maximum(batch.theta + step, bounds[0]), bounds[1]), model)
    _store(solution, batch, np.ones(batch.rows.size, dtype=bool), converged=False)
    return solution


def _store(solution: Solution, batch: _Batch, ended: NDArray[np.bool_], converged: bool = True) -> None:
    rows = batch.rows[ended]
    solution.theta[rows] = batch.theta[ended]
    solution.objective[rows] = batch.objective[ended]
    solution.converged[rows] = converged & np.isfinite(batch.objective[ended])


def _move(batch: _Batch, tried: Floats, model: "_Model") -> None:
    """Accept each row's step if it lowers the objective; adapt kappa and damping to how it went."""
    predicted, jacobian = model.predict(tried, batch.rho)
    objective = model.objective(batch, tried, predicted)
    better = objective < batch.objective
    if better.all():
        batch.theta, batch.objective, batch.predicted, batch.jacobian = tried, objective, predicted, jacobian
    else:
        rows = np.flatnonzero(better)
        batch.theta[rows], batch.objective[rows] = tried[rows], objective[rows]
        batch.predicted[rows], batch.jacobian[rows] = predicted[rows], jacobian[rows]
    raised = np.where(batch.kappa >= 1.0, np.maximum(batch.damping * 8.0, LEAST_DAMPING), batch.damping)
    batch.damping = np.where(better, batch.damping * 0.2, raised)
    batch.damping[batch.damping < LEAST_DAMPING / 1000] = 0.0
    if model.problem.residual.robust:
        batch.kappa = np.where(better, np.maximum(batch.kappa * 0.5, LEAST_KAPPA), np.minimum(batch.kappa * 4.0, 1.0))


class _Model:
    """A bound family and a problem: predictions in the residual's space, the objective, and a step."""

    def __init__(self, bound: BoundFamily, problem: Problem) -> None:
        self.bound, self.problem = bound, problem
        self.low, self.high = bound.bounds
        self.prior_mean, spread = bound.prior
        self.prior_precision = spread**-2.0

    def predict(self, theta: Floats, rho: Floats) -> tuple[Floats, Floats]:
        """Predictions (fits, points) and their derivatives (fits, parameters, points), to be compared as they are."""
        value, jacobian = self.bound.in_space(self.problem.residual.space, theta, self.problem.x)
        if self.problem.rho is not None:
            return whiten(value, rho), whiten(jacobian, rho[:, None])
        return value if value.flags.writeable else value.copy(), jacobian

    def objective(self, batch: _Batch, theta: Floats, predicted: Floats) -> Floats:
        """Weighted costs plus the prior; infinite where the law has no value."""
        cost = self.problem.residual.cost(predicted, batch.observed)
        total: Floats = np.einsum("fp,fp->f", batch.weights, cost) + batch.apart
        if self.problem.prior_weight is not None:
            away = (theta - self.prior_mean) ** 2 @ self.prior_precision
            total = total + 0.5 * batch.prior_weight * away
        return np.where(np.isnan(total), np.inf, total)

    def step(self, batch: _Batch) -> tuple[Floats, Floats]:
        """The step of every row, and the decrease of the objective that it promises."""
        residual, jacobian = self.problem.residual, batch.jacobian
        curvature = residual.curvature(batch.predicted, batch.observed, batch.kappa[:, None]) * batch.weights
        pull = residual.pull(batch.predicted, batch.observed) * batch.weights
        downhill = np.matmul(jacobian, pull[:, :, None])[:, :, 0]
        hessian = np.matmul(jacobian * curvature[:, None, :], jacobian.transpose(0, 2, 1))
        if self.problem.prior_weight is not None:
            precision = batch.prior_weight[:, None] * self.prior_precision
            downhill += precision * (self.prior_mean - batch.theta)
            _diagonal(hessian)[...] += precision
        return _bounded_step(batch, downhill, hessian, self.low, self.high)


def whiten(values: Floats, rho: Floats) -> Floats:
    """Make first-order autoregressive errors of unit variance independent, along the last axis; rho per row."""
    white = values.copy()
    rho = rho[..., None]
    white[..., 1:] = (values[..., 1:] - rho * values[..., :-1]) / np.sqrt(1 - rho * rho)
    return white


def _diagonal(matrices: Floats) -> Floats:
    """The diagonals (fits, parameters) of contiguous matrices, to be written to."""
    count, size, _ = matrices.shape
    return matrices.reshape(count, size * size)[:, :: size + 1]


def _bounded_step(batch: _Batch, downhill: Floats, hessian: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Solve for the step; parameters that press against a bound are held."""
    held = ((batch.theta <= low) & (downhill < 0)) | ((batch.theta >= high) & (downhill > 0))
    some_held = held.any()
    if some_held:
        downhill = np.where(held, 0.0, downhill)
        hessian = np.where(held[:, :, None] | held[:, None, :], 0.0, hessian)
    sound, sound_hessian, sound_downhill = np.isfinite(batch.objective), np.isfinite(hessian), np.isfinite(downhill)
    if not (sound.all() and sound_hessian.all() and sound_downhill.all()):
        broken = ~(sound & sound_hessian.all(axis=(1, 2)) & sound_downhill.all(axis=1))
        hessian[broken], downhill[broken] = 0.0, 0.0
    diagonal = _diagonal(hessian)
    if some_held:
        diagonal[held] = 1.0
    diagonal += diagonal * batch.damping[:, None] + 1e-12 * diagonal.max(axis=1, keepdims=True) + 1e-300
    step = np.linalg.solve(hessian, downhill[:, :, None])[:, :, 0].astype(np.float64, copy=False)
    return step, 0.5 * np.einsum("fp,fp->f", step, downhill)
