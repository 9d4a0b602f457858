"""Fitting the runs with less compute and predicting those with the most: how well did it go?"""

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import CHINCHILLA, fit_law
from scalewise.questions.answer import Cell, Finding
from scalewise.questions.model_size.choice import Case
from scalewise.questions.model_size.losses import averaged
from scalewise.questions.model_size.robustness import MOST_RESAMPLES
from scalewise.questions.observations import SurfacePoints

Floats = NDArray[np.float64]

HELD_OUT_SHARE = 0.25
"""The backtest predicts the quarter of the runs with the most compute from the rest."""
ALONE, AVERAGED = "law as answered", "laws averaged"


def backtest(case: Case, resamples: int, seed: int) -> Finding | None:
    """By the law as answered and by the averaged laws; None when too few runs are left to fit."""
    data = case.data
    early = data.flops < 0.98 * float(np.quantile(data.flops, 1 - HELD_OUT_SHARE))
    known, late = data.subset(early), data.subset(~early)
    reach = float(data.flops.max() / known.flops.max()) if known.flops.size else 1.0
    rows: list[tuple[Cell, ...]] = []
    fit = fit_law(CHINCHILLA, known.inputs, known.loss, known.clusters, min(resamples, MOST_RESAMPLES), seed=seed)
    if fit.ok:
        predicted = fit.predict(late.inputs, 0.95, new_run=True, seed=seed)
        value, low, high = np.array([(p.value, p.low, p.high) for p in predicted]).T
        rows.append((ALONE, reach, *_scores(late, value, low, high)))
    average = averaged(known, seed)
    if average:
        forecast = average.forecast(late.inputs)
        rows.append((AVERAGED, reach, *_scores(late, forecast.median, *forecast.interval(0.95))))
    if not rows:
        return None
    return Finding(
        "Backtest: the quarter with the most compute predicted from the rest",
        ("by", "compute_factor", "rms_error", "bias", "inside_95", "predicted"),
        tuple(rows),
        "errors are relative to the loss; inside_95 counts the losses inside their 95 % prediction interval; repeats "
        "of one size and length count once.",
    )


def counts(finding: Finding | None) -> tuple[int, int] | None:
    """How many losses were inside the intervals of the law as answered, of how many; None where it was not tested."""
    for row in finding.rows if finding else ():
        if row[0] == ALONE:
            return int(str(row[-2])), int(str(row[-1]))
    return None


def _scores(late: SurfacePoints, value: Floats, low: Floats, high: Floats) -> tuple[float, float, int, int]:
    """Root mean square and mean log error, and how many clusters of repeats are inside, of how many."""
    within = (low <= late.loss) & (late.loss <= high)
    cells, place = np.unique(late.clusters, return_inverse=True)
    inside = int(np.round((np.bincount(place, within) / np.bincount(place)).sum()))
    error = np.log(value) - np.log(late.loss)
    return float(np.sqrt(np.mean(error**2))), float(error.mean()), inside, int(cells.size)
