"""Several scales at once: how much of each alone, and of all of them together, until the level is reached.

Laws of all scales are fitted to one point per run and averaged by backtests: refitted without the runs that are
largest in all scales together, how far do they miss them? Growth is counted from the largest of every scale.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.laws import Fit, fit_law
from scalewise.laws.backtest import Backtest, weigh
from scalewise.laws.extrapolate import LEAST_SPAN
from scalewise.laws.families import Family, Parameter
from scalewise.laws.families.power_sum import PowerSum
from scalewise.laws.families.product import log_plane, power_product, power_product_ceiling, power_product_floor
from scalewise.laws.paths import WITHOUT_END
from scalewise.laws.residual import LOG_SQUARES, PLAIN_SQUARES, Residual
from scalewise.questions.target.aim import Aim
from scalewise.questions.target.crossing import Crossing
from scalewise.questions.target.curve import Curve
from scalewise.questions.target.reach import FACTORS, UNTESTED, drifted

Floats = NDArray[np.float64]

ORIGINS = 3
LEAST_POINTS = 6
"""A backtest fits at least this many runs more than the law has parameters."""
BELOW = 10
"""Places at which a path is looked at before the largest of every scale."""
TOGETHER = "all together"


@dataclass(frozen=True)
class Route:
    """Growth of some scales, `name`, by one factor: where it reaches the level, and what the first tenfold brings.

    `by_law` is the crossing under each law; `curves` (draws, points) are possible outcomes at `factors` (points,).
    """

    name: str
    crossing: Crossing
    tenfold: float
    by_law: tuple[Crossing, ...]
    factors: Floats
    curves: Floats


@dataclass(frozen=True)
class Several:
    """The routes, each scale alone and then all together, and the laws behind them with their weights."""

    curve: Curve
    aim: Aim
    scales: tuple[str, ...]
    largest: Floats
    fits: tuple[Fit, ...]
    weights: Floats
    left_out: dict[str, str]
    backtest: Backtest | None
    span: float
    routes: tuple[Route, ...]

    @property
    def together(self) -> Route:
        return self.routes[-1]

    @property
    def inside(self) -> bool:
        """Whether the laws have it reached at the largest of every scale."""
        return (self.together.crossing.quantile(0.5) or np.inf) <= 1.0

    def probability(self, within: float) -> float | None:
        """That the level is reached when every scale grows so many times; None far beyond the data's own span."""
        trusted = min(within, self.span)
        chance = self.together.crossing.by(trusted)
        return chance if trusted == within or chance >= 0.95 else None


def reach_together(curve: Curve, aim: Aim, scales: tuple[str, ...], source: str, resamples: int, seed: int) -> Several:
    """Where growth of one scale, or of all, reaches the level. Raises QuestionError when no law can be fitted."""
    y = aim.fitted(curve.y)
    residual = curve.residual or (PLAIN_SQUARES if aim.up else LOG_SQUARES)
    families = _families(len(scales), aim)
    fits = [fit_law(f, curve.x, y, curve.of_run, resamples, residual=residual, seed=seed) for f in families]
    able = [fit for fit in fits if fit.ok]
    left_out = {fit.family.name: str(fit.problem) for fit in fits if not fit.ok}
    if not able:
        raise QuestionError(f"{source}: no law of {', '.join(scales)} can be fitted: {next(iter(left_out.values()))}.")
    weights, backtest = _weights(able, curve.x, y, residual, seed)
    largest, smallest = curve.x.max(axis=0), curve.x.min(axis=0)
    span = float(np.exp(np.mean(np.log(largest / smallest))))
    growth = backtest.growth if backtest else _usual_growth(able, weights, largest, aim)
    levels = np.full(resamples, aim.fitted_level)
    levels = levels + aim.error * np.random.default_rng([seed, 2]).normal(size=resamples)
    directions = [*np.eye(len(scales)), np.ones(len(scales))]
    routes = tuple(
        _route(name, direction, able, weights, largest, span, growth, levels, aim, seed)
        for name, direction in zip((*scales, TOGETHER), directions, strict=True)
    )
    return Several(curve, aim, scales, largest, tuple(able), weights, left_out, backtest, span, routes)


def _families(inputs: int, aim: Aim) -> list[Family]:
    if aim.up:
        return [log_plane(inputs), power_product_ceiling(inputs, aim.ceiling)]
    return [power_product(inputs), power_product_floor(inputs), _sum_of_powers(inputs)]


def _sum_of_powers(inputs: int) -> PowerSum:
    """Chinchilla's law, for any number of scales."""
    terms = " + ".join(f"A{i} / x{i}^alpha{i}" for i in range(1, inputs + 1))
    each = [
        parameter
        for i in range(1, inputs + 1)
        for parameter in (Parameter(f"A{i}", f"coefficient of x{i}"), Parameter(f"alpha{i}", f"exponent of x{i}"))
    ]
    return PowerSum(
        name="sum of powers + floor",
        formula=f"E + {terms}",
        source="Hoffmann et al. 2022, arXiv 2203.15556, equation 2, for any number of scales",
        inputs=inputs,
        parameters=(Parameter("E", "level approached"), *each),
        floor=True,
    )


def _weights(fits: list[Fit], x: Floats, y: Floats, residual: Residual, seed: int) -> tuple[Floats, Backtest | None]:
    """What each law counts for, by how far it missed the runs that were largest in all scales together."""
    progress = np.log(x).mean(axis=1)
    order = np.argsort(progress, kind="stable")
    z, xs, ys, own = progress[order], x[order], y[order], residual.at(order)
    seen = [np.ones(z.size, dtype=bool)]
    for share in np.linspace(0, 1 - LEAST_SPAN, ORIGINS + 1)[1:]:
        early = z <= z[-1] - share * (z[-1] - z[0]) + 1e-12
        most = max(fit.theta.shape[1] for fit in fits)
        if LEAST_POINTS + most <= early.sum() < seen[-1].sum():
            seen.append(early)
    observed = own.observed(ys)
    curves = np.full((len(fits), len(seen), z.size), np.nan)
    for i, fit in enumerate(fits):
        for k, early in enumerate(seen):
            rows = np.flatnonzero(early)
            part = (
                fit
                if k == 0
                else fit_law(fit.family, xs[rows], ys[rows], resamples=0, residual=own.at(rows), seed=seed)
            )
            if part.bound is not None:
                curves[i, k] = part.bound.value_in(residual.space, part.theta, xs)[0]
    usable = np.isfinite(curves).all(axis=(0, 2))
    noise = min(
        float(np.sqrt(np.mean(fit.residuals**2) * fit.points / max(1, fit.points - fit.theta.shape[1]))) for fit in fits
    )
    noise = max(noise, 1e-12)
    return weigh(curves[:, usable], np.array(seen)[usable], z, observed, noise)


def _usual_growth(fits: list[Fit], weights: Floats, largest: Floats, aim: Aim) -> float:
    """How fast laws usually drift, where there is no backtest: in proportion to the slope beyond the largest runs."""
    ahead = np.array([fit.curves(np.stack([largest, 1.5 * largest]))[0] for fit in fits])
    ahead = ahead if aim.up else np.log(np.maximum(ahead, 1e-300))
    return float(UNTESTED * abs(weights @ (ahead[:, 1] - ahead[:, 0])) / np.log(1.5))


def _route(
    name: str,
    direction: Floats,
    fits: list[Fit],
    weights: Floats,
    largest: Floats,
    span: float,
    growth: float,
    levels: Floats,
    aim: Aim,
    seed: int,
) -> Route:
    """Growth along `direction` (scales,): 1 for a scale that grows and 0 for one that stays at its largest."""
    factors = np.union1d(np.geomspace(1 / span, 1, BELOW), FACTORS)
    at = largest * np.append(factors, WITHOUT_END)[:, None] ** direction
    curves = [fit.curves(at) for fit in fits]
    values = [c[1:, :-1] for c in curves]
    growth = growth * float(direction.mean())  # backtests count growth of all scales together
    drifting = drifted(values, factors, growth, aim.up, seed)
    middle = weights @ np.array([aim.fitted(c[0, :-1]) for c in curves])
    start, tenfold = (int(np.argmin(np.abs(factors - f))) for f in (1.0, 10.0))
    return Route(
        name,
        Crossing.mixed(
            [Crossing.of(factors, d, c[1:, -1], levels, aim.up) for d, c in zip(drifting, curves, strict=True)], weights
        ),
        float(middle[tenfold] - middle[start]),
        tuple(Crossing.of_law(factors, c[:, :-1], c[:, -1], levels, aim.up, aim.fitted_level) for c in curves),
        factors,
        np.concatenate(drifting),
    )
