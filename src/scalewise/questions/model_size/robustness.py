"""How much the answer depends on the analyst: the fit's loss function, the outliers; and how a backtest went."""

import numpy as np

from scalewise.checks.law_trust import is_outlier
from scalewise.laws import CHINCHILLA, Fit, fit_law
from scalewise.laws.residual import LOG_HUBER, LOG_SQUARES
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.model_size.choice import Case, exponential, triple

HELD_OUT_SHARE = 0.25
"""The backtest predicts the quarter of the runs with the most compute from the rest."""
PARAMETERS = ("E", "A", "alpha", "B", "beta")


def sensitivity(case: Case, resamples: int, seed: int) -> Finding:
    """The same answer from a least-squares fit, and without the outliers."""
    data = case.data
    robust = case.fit.residual.robust
    other = LOG_SQUARES if robust else LOG_HUBER
    variants = {
        f"as answered ({'Huber' if robust else 'least squares'})": case.fit,
        "least squares" if robust else "Huber": fit_law(
            CHINCHILLA, data.inputs, data.loss, data.clusters, resamples, other, seed=seed
        ),
    }
    outlying = is_outlier(case.fit)
    if outlying.any():
        kept = data.subset(~outlying)
        name = f"without {int(outlying.sum())} outliers"
        variants[name] = fit_law(CHINCHILLA, kept.inputs, kept.loss, kept.clusters, resamples, seed=seed)
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


def backtest(case: Case, resamples: int, seed: int) -> Finding | None:
    """Fit the runs with less compute and predict those with the most; None when too few are left to fit."""
    data = case.data
    early = data.flops < 0.98 * float(np.quantile(data.flops, 1 - HELD_OUT_SHARE))
    known, late = data.subset(early), data.subset(~early)
    fit = fit_law(CHINCHILLA, known.inputs, known.loss, known.clusters, resamples, seed=seed)
    if not fit.ok:
        return None
    predicted = fit.predict(late.inputs, 0.95, new_run=True, seed=seed)
    within = np.array([p.low <= loss <= p.high for p, loss in zip(predicted, late.loss, strict=True)])
    cells, place = np.unique(late.clusters, return_inverse=True)
    inside = int(np.round((np.bincount(place, within) / np.bincount(place)).sum()))
    error = np.log([p.value for p in predicted]) - np.log(late.loss)
    reach = float(data.flops.max() / known.flops.max())
    rms = float(np.sqrt(np.mean(error**2)))
    return Finding(
        "Backtest: the quarter with the most compute predicted from the rest",
        ("compute_factor", "rms_error", "bias", "inside_95", "predicted"),
        ((reach, rms, float(error.mean()), inside, cells.size),),
        "errors are relative to the loss; inside_95 counts the losses inside their 95 % prediction interval; repeats "
        "of one size and length count once.",
    )
