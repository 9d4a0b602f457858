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
    """First-order autoregressive errors: `rho` between neighbours, `shape` (points,) their relative size, mean 1.

    `below` (RHOS,) says how sure it is that rho is at most each of RHOS.
    """

    rho: float
    shape: Floats
    below: Floats

    @classmethod
    def white(cls, points: int) -> "Noise":
        """Errors of one size that have nothing to do with each other."""
        return cls(0.0, np.ones(points), np.ones(RHOS.size))

    def draw(self, sd: float, count: int, rng: np.random.Generator) -> Floats:
        """Errors of standard deviation `sd` on average: (count, points)."""
        return sd * self.shape * autoregressive(self.rho, (count, self.shape.size), rng)

    def draw_like(self, residuals: Floats, jacobian: Floats, count: int, rng: np.random.Generator) -> Floats:
        """Errors (count, points) that may have left these residuals (points,) of a fit with this Jacobian.

        Rho, and with it the size, is as uncertain as it is. A fit takes up more of errors that are alike: the mean of
        the sum of squares it leaves is their variance times the trace of MR, R the errors' correlation and M what the
        fit leaves, with degrees of freedom tr(MR)^2 / tr(MRMR) (Satterthwaite 1946).
        """
        even = residuals / self.shape
        mean, square = _left(_directions(jacobian / self.shape))
        at = np.searchsorted(self.below, rng.uniform(size=count)).clip(max=RHOS.size - 1)
        freedom = np.maximum(mean**2 / square, 1.0)[at]
        sd = np.sqrt(even @ even / mean[at] * freedom / rng.chisquare(freedom))
        errors: Floats = sd[:, None] * self.shape * autoregressive(RHOS[at], (count, even.size), rng)
        return errors


def autoregressive(rho: float | Floats, shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Stationary first-order autoregressive series of unit variance along the last axis; one rho, or one a series."""
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
    seen = float(_correlation((residuals / shape)[None])[0])
    shown = _shown(jacobian / shape)
    rho = np.interp(seen, np.maximum.accumulate(np.median(shown, axis=1)), RHOS)
    return Noise(float(rho), shape, np.maximum.accumulate(np.mean(shown > seen, axis=1)))


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


def _shown(jacobian: Floats) -> Floats:
    """The correlation that residuals of a linear fit with this Jacobian show under each rho: (RHOS, trials)."""
    taken = _directions(jacobian)
    shown = np.empty((RHOS.size, TRIALS))
    for i, rho in enumerate(RHOS):
        errors = autoregressive(float(rho), (TRIALS, jacobian.shape[1]), np.random.default_rng(0))
        shown[i] = _correlation(errors - (errors @ taken.T) @ taken)
    return shown


def _directions(jacobian: Floats) -> Floats:
    """An orthonormal basis (directions, points) of what a fit with this Jacobian can take up."""
    basis = np.linalg.svd(jacobian, full_matrices=False)
    taken: Floats = basis.Vh[1e-9 * basis.S.max() < basis.S]
    return taken


def _left(taken: Floats) -> tuple[Floats, Floats]:
    """tr(MR) and tr(MRMR) under each of RHOS for M = 1 - taken' taken, without ever forming R: (RHOS,) twice."""
    points = taken.shape[1]
    moved = _correlate(taken)
    inside = moved @ taken.T
    lags = np.arange(points)
    pairs = np.where(lags > 0, 2.0, 1.0) * (points - lags)
    whole = (RHOS[:, None] ** (2 * lags)) @ pairs
    mean = points - np.trace(inside, axis1=1, axis2=2)
    square = whole - 2 * np.sum(moved**2, axis=(1, 2)) + np.sum(inside**2, axis=(1, 2))
    return np.maximum(mean, 1e-9), np.maximum(square, 1e-18)


def _correlate(rows: Floats) -> Floats:
    """Rows (directions, points) times the correlation matrix of each of RHOS: (RHOS, directions, points)."""
    rho = RHOS[:, None]
    before, after = np.empty((2, RHOS.size, *rows.shape))
    before[..., 0], after[..., -1] = rows[:, 0], rows[:, -1]
    for i in range(1, rows.shape[1]):
        before[..., i] = rho * before[..., i - 1] + rows[:, i]
        after[..., -1 - i] = rho * after[..., -i] + rows[:, -1 - i]
    correlated: Floats = before + after - rows
    return correlated
