"""How much the points speak for a fitted law, given that some laws have more parameters than others."""

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import Fit

Floats = NDArray[np.float64]

EXACT = 1e-14
"""A law that leaves less than this share of the variance is exact, and no law can be better."""
LOG_G = np.linspace(-8.0, 40.0, 800)
"""Where the integral over the prior's width is taken; its mass lies around log n."""


def free_parameters(fit: Fit) -> int:
    """Parameters that were estimated."""
    assert fit.bound is not None
    return int(np.sum(np.less(*fit.bound.bounds)))


def misfit(fit: Fit, points: float, dispersion: float) -> float:
    """-2 log likelihood, up to a constant of the data, of as many independent points as there are."""
    if fit.residual.known_size:
        return 2 * fit.objective * points / fit.points / dispersion
    return points * float(np.log(_left(fit)))


def schwarz(fit: Fit, points: float, dispersion: float) -> float:
    """The Bayesian information criterion, up to a constant of the data (Burnham and Anderson 2002, section 2.9)."""
    return misfit(fit, points, dispersion) + free_parameters(fit) * float(np.log(points))


def log_evidence(fit: Fit, points: float, dispersion: float) -> float:
    """The log of the probability of the data under a law, up to a constant that all laws share.

    With errors of unknown size: the Bayes factor against a constant under Zellner and Siow's prior (Liang et al. 2008,
    JASA 103, 410-423, equations 6 and 9), each law taken as linear about its fit. It stays careful with few points,
    where a law with as many parameters as points has no evidence. With errors of known size: Schwarz's approximation.
    """
    free = free_parameters(fit)
    if fit.residual.known_size:
        return -0.5 * schwarz(fit, points, dispersion)
    slopes, freedom = free - 1, points - free
    if slopes == 0:
        return 0.0
    if freedom <= 0:
        return -np.inf
    g = np.exp(LOG_G)
    factor = 0.5 * freedom * np.log1p(g) - 0.5 * (points - 1) * np.log1p(g * min(_left(fit), 1.0))
    prior = 0.5 * np.log(points / (2 * np.pi)) - 0.5 * LOG_G - points / (2 * g)  # density of log g
    return float(np.logaddexp.reduce(factor + prior) + np.log(LOG_G[1] - LOG_G[0]))


def dispersion_of(fit: Fit) -> float:
    """How many times the variance of the errors is what the residual says, by a law that lies close; at least 1."""
    freedom = max(1, fit.points - free_parameters(fit))
    return max(1.0, 2 * fit.objective / freedom) if fit.residual.known_size else 1.0


def design_effect(residuals: Floats, clusters: NDArray[np.int64] | None) -> float:
    """1 + (m - 1) rho: by how much clusters of size m and correlation rho swell a variance; 1 without clusters.

    Kish 1965; rho is the analysis of variance estimate (Donner 1986, International Statistical Review 54, 67-82).
    """
    if clusters is None:
        return 1.0
    sizes = np.bincount(clusters).astype(np.float64)
    groups, points = sizes.size, residuals.size
    if groups in (1, points):
        return 1.0
    typical = (points - np.sum(sizes**2) / points) / (groups - 1)
    means = np.bincount(clusters, residuals) / sizes
    between = np.sum(sizes * (means - residuals.mean()) ** 2) / (groups - 1)
    within = np.sum((residuals - means[clusters]) ** 2) / (points - groups)
    alike = (between - within) / max(between + (typical - 1) * within, 1e-300)
    return float(max(1.0, 1 + (typical - 1) * alike))


def _left(fit: Fit) -> float:
    """The share of the variance that the law leaves: 1 - R^2."""
    assert fit.data is not None
    observed = fit.data.observed[0]
    total = float(np.sum((observed - observed.mean()) ** 2))
    return max(2 * fit.objective / max(total, 1e-300), EXACT)
