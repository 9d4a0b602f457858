"""From one loss to another: y - E1 = K (x - E0)^kappa, as published (Brandfonbrener et al. 2024, arXiv 2411.12925).

E0 and E1 are the floors of laws of size and data, L(N, D) = E + A / N^alpha + B / D^beta, fitted to each loss in each
group; K and kappa are then fitted with the floors held. Their intervals hold the floors' uncertainty to first order:
the fit is repeated with every floor moved by its standard error, and every refit follows its own floors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.laws import CHINCHILLA, POWER, Fit, fit_law
from scalewise.laws.families import Grouped
from scalewise.laws.residual import LOG_HUBER, LOG_SQUARES
from scalewise.questions.slope.curves import Average, Curves, Law
from scalewise.questions.slope.samples import Ends

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Floor:
    """The law of size and data of one loss in one group."""

    group: int
    loss: str
    fit: Fit


def between_losses(ends: Ends, x: str, y: str, resamples: int, seed: int, source: str) -> tuple[Average, list[Floor]]:
    """The law of every group, and the fits its floors are from. Raises QuestionError when one cannot be fitted."""
    groups = range(len(ends.sample.names))
    floors = [
        _floor(ends, group, loss, values, resamples, seed, source)
        for group in groups
        for loss, values in ((x, ends.sample.x), (y, ends.sample.y))
    ]
    of_x, of_y = (np.stack([f.fit.parameter_draws()["E"] for f in floors[i::2]], axis=1) for i in (0, 1))
    fit = _fit(ends, of_x[0], of_y[0], resamples, seed)
    if not fit.ok:
        raise QuestionError(f"{source}: no law between {x} and {y} can be fitted: {fit.problem}.")
    log_k, slope = _natural(fit, len(groups))
    for floor, moved in ((of_x, (1.0, 0.0)), (of_y, (0.0, 1.0))):
        step = floor[1:].std(axis=0)
        again = _fit(ends, of_x[0] - moved[0] * step, of_y[0] - moved[1] * step, 0, seed)
        by_floor = [
            (after[0] - before[0]) / -step
            for after, before in zip(_natural(again, len(groups)), (log_k, slope), strict=True)
        ]
        log_k[1:] += by_floor[0] * (floor[1:] - floor[0])
        slope[1:] += by_floor[1] * (floor[1:] - floor[0])
    curves = Curves(log_k, slope, of_y, of_x)
    law = Law("loss to loss", fit, curves, 1.0)
    return Average((law,), np.zeros(resamples, dtype=np.int64), {}), floors


def _floor(ends: Ends, group: int, loss: str, values: Floats, resamples: int, seed: int, source: str) -> Floor:
    mine = np.flatnonzero(ends.sample.member == group)
    inputs = ends.rows.select("params", "tokens").to_numpy().astype(np.float64)[mine]
    # one seed for both losses: the same runs are drawn for both, so that their floors move together
    fit = fit_law(CHINCHILLA, inputs, values[mine], resamples=resamples, residual=LOG_HUBER, seed=seed)
    name = ends.sample.names[group]
    if not fit.ok:
        raise QuestionError(f"{source}: the floor of {loss} in {name} cannot be had from its runs: {fit.problem}.")
    if fit.parameters()["E"].value >= values[mine].min() * (1 - 1e-6):
        raise QuestionError(f"{source}: in {name} the floor of {loss} lies at its lowest value; nothing is left of it.")
    return Floor(group, loss, fit)


def _fit(ends: Ends, of_x: Floats, of_y: Floats, resamples: int, seed: int) -> Fit:
    """A power law between what is above the floors (groups,)."""
    sample = ends.sample
    above = np.stack([sample.x - of_x[sample.member], sample.member.astype(np.float64)], axis=1)
    law = Grouped(POWER, len(sample.names), ("A", "alpha"))
    left = sample.y - of_y[sample.member]
    return fit_law(law, above, left, resamples=resamples, residual=LOG_SQUARES, resampling="wild", seed=seed)


def _natural(fit: Fit, groups: int) -> tuple[Floats, Floats]:
    """log K and the power law's exponent, which is -kappa: each (1 + refits, groups)."""
    values = fit.parameter_draws()
    log_k, slope = (np.stack([values[f"{name}[{g}]"] for g in range(groups)], axis=1) for name in ("A", "alpha"))
    return np.log(log_k), slope
