"""Can the fitted law be trusted: starts, identified parameters, points it misses, and how it fared in a backtest."""

import numpy as np
from numpy.typing import NDArray

from scalewise.checks.caution import Caution, Evidence
from scalewise.laws import Fit

FEWEST_AGREEING = 0.2
FAR_OUT = 4.0
"""Robust standard deviations beyond which a point is called an outlier."""
ROUNDING = 1e-9
"""Residuals below this are the arithmetic of an exact law."""
LEVEL, TOO_RARE = 0.95, 0.01


def starts_disagree(evidence: Evidence) -> Caution | None:
    for fit in evidence.fits:
        if fit.ok and fit.agreeing < FEWEST_AGREEING:
            return Caution(
                "starts-disagree",
                f"only {fit.agreeing:.0%} of the random starts found the best fit of {fit.family.formula}; a better "
                "one may have been missed.",
            )
    return None


def at_bound(evidence: Evidence) -> Caution | None:
    for fit in evidence.fits:
        if fit.ok and (names := fit.at_bound()):
            return Caution(
                "at-bound",
                f"the data do not identify {' and '.join(names)} of {fit.family.formula}: the interval reaches the "
                "edge of what is allowed, and answers far from the data are not to be trusted.",
            )
    return None


def is_outlier(fit: Fit) -> NDArray[np.bool_]:
    """Which of the fitted points the law misses by far: (points,)."""
    return np.asarray(np.abs(fit.residuals) > max(FAR_OUT * fit.noise, ROUNDING))


def outliers(evidence: Evidence) -> Caution | None:
    for fit in evidence.fits:
        if fit.ok and (count := int(is_outlier(fit).sum())):
            return Caution(
                "outliers",
                f"{count:,} of {fit.points:,} points lie more than {FAR_OUT:g} robust standard deviations off "
                f"{fit.family.formula}: look at them before you trust the fit.",
            )
    return None


def backtest_misses(evidence: Evidence) -> Caution | None:
    """Fires when so few losses inside their intervals would be rarer than 1 % for intervals that are right."""
    if evidence.backtest is None:
        return None
    from scipy.special import bdtr

    inside, predicted = evidence.backtest
    if bdtr(inside, predicted, LEVEL) >= TOO_RARE:
        return None
    return Caution(
        "backtest-misses",
        f"fitted to the runs with less compute, the law put only {inside:,} of the {predicted:,} losses with the most "
        "compute inside their 95 % intervals: predicted losses are less certain than their intervals say.",
    )
