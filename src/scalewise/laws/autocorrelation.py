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


def profile_rho(residuals: Floats, ordered: bool) -> tuple[Floats, Floats]:
    """The likeliest rho of each row of residuals (fits, points), and the log likelihood there up to a constant.

    Errors are normal, of one unknown size; without an order rho is 0.
    """
    points = residuals.shape[1]
    rho = np.linspace(0, 0.99, 100) if ordered else np.zeros(1)
    first = residuals[:, 0, None] ** 2
    later, before = np.sum(residuals[:, 1:] ** 2, axis=1), np.sum(residuals[:, :-1] ** 2, axis=1)
    both = np.sum(residuals[:, 1:] * residuals[:, :-1], axis=1)
    fresh = 1 - rho**2
    white = first + (later[:, None] - 2 * rho * both[:, None] + rho**2 * before[:, None]) / fresh
    likelihood = -0.5 * points * np.log(np.maximum(white, 1e-300)) - 0.5 * (points - 1) * np.log(fresh)
    likelihood = np.where(np.isnan(likelihood), -np.inf, likelihood)
    best = np.argmax(likelihood, axis=1)
    return rho[best], likelihood[np.arange(best.size), best]


def estimate_noise(residuals: Floats, jacobian: Floats, z: Floats) -> Noise:
    """The noise behind the residuals (points,) of a fit with this Jacobian (parameters, points) at rising log x `z`.

    A fit takes up part of its own errors, so residuals look less alike than the errors were: rho is the value under
    which residuals of a linear fit with this Jacobian would show, in the median, the correlation seen (Andrews
    1993, median-unbiased estimation).
    """
    shape = _shape(residuals, z)
    even = residuals / shape
    return Noise(_unbiased_rho(float(_correlation(even[None])[0]), jacobian / shape), shape)


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
