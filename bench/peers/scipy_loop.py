"""The fastest loop a careful user would write: SciPy's L-BFGS-B with an analytic gradient, from a warm start."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from scalewise.laws.residual import HUBER_DELTA

Floats = NDArray[np.float64]


def objective(theta: Floats, z: Floats, log_y: Floats, weights: Floats) -> tuple[float, Floats]:
    """Chinchilla's objective and its gradient, for one fit: theta = [log E, log A, alpha, log B, beta], centred."""
    terms = np.stack([np.full(log_y.size, theta[0]), theta[1] - theta[2] * z[:, 0], theta[3] - theta[4] * z[:, 1]])
    top = terms.max(axis=0)
    shares = np.exp(terms - top)
    total = shares.sum(axis=0)
    shares /= total
    residual = log_y - top - np.log(total)
    size = np.abs(residual)
    inside = np.minimum(size, HUBER_DELTA)
    value = float(weights @ (inside * (size - 0.5 * inside)))
    pull = -weights * np.clip(residual, -HUBER_DELTA, HUBER_DELTA)
    jacobian = np.stack([shares[0], shares[1], -z[:, 0] * shares[1], shares[2], -z[:, 1] * shares[2]])
    return value, jacobian @ pull


def optima(start: Floats, x: Floats, y: Floats, resamples: Iterable[Floats]) -> Floats:
    """The least objective that the loop finds for each resample's weights, from `start`."""
    z, log_y = np.log(x) - np.log(x).mean(axis=0), np.log(y)
    found = [
        minimize(
            objective,
            start,
            (z, log_y, weights),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 1000, "ftol": 1e-15, "gtol": 1e-12, "maxcor": 20},
        ).fun
        for weights in resamples
    ]
    return np.array(found)
