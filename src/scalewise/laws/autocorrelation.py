"""Noise along a curve: how neighbouring errors resemble each other, and how their size changes with x."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RHOS = np.linspace(0.0, 0.99, 34)
TRIALS = 200
LOG_CHI2_SD = float(np.pi / np.sqrt(2))
"""Standard deviation of the log of a squared standard normal number."""


@dataclass(frozen=True)
class Noise:
    """First-order autoregressive errors: `rho` between neighbours, `shape` (points,) their relative size, mean 1."""

    rho: float
    shape: Floats

    def draw(self, sd: float, count: int, rng: np.random.Generator) -> Floats:
        """Errors of standard deviation `sd` on average: (count, points)."""
        return sd * self.shape * autoregressive(self.rho, (count, self.shape.size), rng)


def autoregressive(rho: float, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Stationary first-order autoregressive series of unit variance along the last axis."""
    series = rng.normal(size=shape)
    fresh = np.sqrt(1 - rho * rho)
    for i in range(1, shape[1]):
        series[:, i] = rho * series[:, i - 1] + fresh * series[:, i]
    return series


def estimate_noise(residuals: Floats, jacobian: Floats, z: Floats, repeated: bool) -> Noise:
    """The noise behind the residuals (points,) of a fit with this Jacobian (parameters, points) at log x `z`.

    A fit takes up part of its own errors, so residuals look less alike than the errors were: rho is the value under
    which residuals of a linear fit with this Jacobian would show, in the median, the correlation seen (Andrews
    1993, median-unbiased estimation). Points that repeat an x have no order, so rho is then 0.
    """
    shape = _shape(residuals, z)
    even = residuals / shape
    rho = 0.0 if repeated else _unbiased_rho(_correlation(even[None])[0], jacobian / shape)
    return Noise(rho, shape)


def _shape(residuals: Floats, z: Floats) -> Floats:
    """exp of a line in log x fitted to log squared residuals, its slope shrunk towards 0 by its own error."""
    spread = z - z.mean()
    log_square = np.log(residuals**2 + 1e-4 * np.mean(residuals**2) + 1e-300)
    slope = float(spread @ log_square / (spread @ spread))
    error = LOG_CHI2_SD / np.sqrt(spread @ spread)
    kept = slope * max(0.0, 1 - 4 * (error / slope) ** 2) if slope else 0.0
    shape = np.exp(0.5 * kept * spread)
    scaled: Floats = shape / np.sqrt(np.mean(shape**2))
    return scaled


def _correlation(residuals: Floats) -> Floats:
    products = np.sum(residuals[:, 1:] * residuals[:, :-1], axis=1)
    shares: Floats = products / np.maximum(np.sum(residuals**2, axis=1), 1e-300)
    return shares


def _unbiased_rho(seen: float, jacobian: Floats) -> float:
    basis = np.linalg.svd(jacobian, full_matrices=False)
    taken = basis.Vh[1e-9 * basis.S.max() < basis.S]
    shown = []
    for rho in RHOS:
        errors = autoregressive(float(rho), (TRIALS, jacobian.shape[1]), np.random.default_rng(0))
        shown.append(np.median(_correlation(errors - (errors @ taken.T) @ taken)))
    return float(np.interp(seen, np.maximum.accumulate(shown), RHOS))
