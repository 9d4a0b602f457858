"""How much the answer depends on the analyst: the fit's loss function, and the outliers."""

import numpy as np

from scalewise.checks.law_trust import is_outlier
from scalewise.laws import CHINCHILLA, Fit, fit_law
from scalewise.laws.residual import LOG_HUBER, LOG_SQUARES
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.model_size.choice import Case, exponential, triple

MOST_RESAMPLES = 200
"""Enough for an interval that is only set beside others."""
PARAMETERS = ("E", "A", "alpha", "B", "beta")


def sensitivity(case: Case, resamples: int, seed: int) -> Finding:
    """The same answer from a least-squares fit, and without the outliers."""
    data, count = case.data, min(resamples, MOST_RESAMPLES)
    robust = case.fit.residual.robust
    other = LOG_SQUARES if robust else LOG_HUBER
    variants = {
        f"as answered ({'Huber' if robust else 'least squares'})": case.fit,
        "least squares" if robust else "Huber": fit_law(
            CHINCHILLA, data.inputs, data.loss, data.clusters, count, other, seed=seed
        ),
    }
    outlying = is_outlier(case.fit)
    if outlying.any():
        kept = data.subset(~outlying)
        name = f"without {int(outlying.sum())} outliers"
        variants[name] = fit_law(CHINCHILLA, kept.inputs, kept.loss, kept.clusters, count, seed=seed)
    rows = [_variant(case, name, fit) for name, fit in variants.items() if fit.ok]
    return Finding(
        "How much the answer depends on the fit",
        ("fit", *with_interval("params"), "smallest_params", *PARAMETERS, "points"),
        tuple(rows),
    )


def _variant(case: Case, name: str, fit: Fit) -> tuple[Cell, ...]:
    choice = Case(fit, case.cost, case.data, case.flops, case.tolerance).choose()
    values = fit.parameters()
    smallest = float(np.exp(choice.smallest[0]))
    return (name, *triple(exponential(choice.optimum)), smallest, *(values[p].value for p in PARAMETERS), fit.points)


def outliers(case: Case, names: list[str]) -> list[Finding]:
    """The points that the law misses by far, the worst first."""
    outlying = is_outlier(case.fit)
    if not outlying.any():
        return []
    away = case.fit.residuals / case.fit.noise
    worst = sorted(np.flatnonzero(outlying), key=lambda i: -abs(away[i]))
    data = case.data
    rows = tuple(
        (names[int(i)], float(data.params[i]), float(data.tokens[i]), float(data.loss[i]), float(away[i]))
        for i in worst
    )
    note = "in robust standard deviations of the log residual; positive: the run is worse than the law."
    return [Finding("Outliers", ("run", "params", "tokens", "loss", "deviation"), rows, note)]
