"""Can the fitted law be trusted: starts, identified parameters, points it misses, and how it fared in a backtest."""

import numpy as np
from numpy.typing import NDArray

from scalewise.checks.caution import Caution, Evidence
from scalewise.laws import Fit

FEWEST_AGREEING = 0.2
FAR_OUT = 4.0
"""Robust standard deviations beyond which a point is called an outlier."""
LEAST_COVERAGE = 0.85


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
                f"the data do not identify {' and '.join(names)} of {fit.family.formula}: the fit ends at the edge of "
                "what is allowed, and answers far from the data are not to be trusted.",
            )
    return None


def is_outlier(fit: Fit) -> NDArray[np.bool_]:
    """Which of the fitted points the law misses by far: (points,)."""
    return np.asarray(np.abs(fit.residuals) > FAR_OUT * fit.noise)


def outliers(evidence: Evidence) -> Caution | None:
    for fit in evidence.fits:
        if fit.ok and (count := int(is_outlier(fit).sum())):
            return Caution(
                "outliers",
                f"{count:,} of {fit.points:,} points lie more than {FAR_OUT:g} robust standard deviations off "
                f"{fit.family.formula}; the answer without them is shown beside it.",
            )
    return None


def backtest_misses(evidence: Evidence) -> Caution | None:
    if evidence.coverage is None or evidence.coverage >= LEAST_COVERAGE:
        return None
    return Caution(
        "backtest-misses",
        f"fitted to the runs with less compute, the law put only {evidence.coverage:.0%} of the losses with the most "
        "compute inside their 95 % intervals: predicted losses are less certain than their intervals say.",
    )
