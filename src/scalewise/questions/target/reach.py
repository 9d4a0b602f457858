"""Where one scale brings an outcome to a level: under every law that fits, and under all of them averaged.

Beyond the data laws are weighed by how they fared on the end of the curve they had not seen, and possible
continuations drift from every law as far as backtests say (`laws.extrapolate`, `laws.paths`). Within the data nothing
is continued: laws are weighed by the Bayesian information criterion, since every law that describes the points crosses
the level at nearly the same place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.laws import POWER, POWER_FLOOR, Fit, extrapolate, fit_law
from scalewise.laws.backtest import Backtest
from scalewise.laws.extrapolate import DEGREES, UP, Forecast
from scalewise.laws.families import LOGISTIC, M3, ONE_BREAK, Family, Logistic
from scalewise.laws.families.power_ceiling import PowerCeiling
from scalewise.laws.paths import WITHOUT_END
from scalewise.laws.refit import Resampling
from scalewise.laws.residual import LOG_SQUARES, PLAIN_SQUARES, Binomial, Residual
from scalewise.questions.evidence import free_parameters, schwarz
from scalewise.questions.target.aim import Aim
from scalewise.questions.target.crossing import Crossing
from scalewise.questions.target.curve import Curve

Floats = NDArray[np.float64]

FALLING: tuple[Family, ...] = (POWER, POWER_FLOOR, M3, ONE_BREAK, LOGISTIC)
"""Those that continue a loss elsewhere, without M4, which takes most of their time and moves no interval here."""
RISING: tuple[Family, ...] = UP
HORIZON = 1e8
"""Times the largest x: a level that is reached later still is not reached by anyone."""
MOST_MISS = 2.0
"""A law that misses the points this many times as far as another does not describe them."""
TOO_RARE = 0.01
"""A ratio of misses that chance exceeds this rarely is no chance."""
SPARE = 2
"""A law leaves this many different x over: one that passes through all points says nothing of its own error."""
EXACT = 1e-6
"""Misses below this share of the spread of the points are those of arithmetic."""
STRETCHES = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
FACTORS = np.unique(np.concatenate([np.geomspace(1, HORIZON, 160), STRETCHES]))
"""Times the largest x at which curves are looked at beyond the data."""
INSIDE = 40
"""Places at which they are looked at within."""
UNTESTED = 0.26
"""Where no backtest is possible, laws drift by this share of the slope at the end of the data per unit of log x: the
upper quartile of what backtests show on the 60 curves of Alabdulmohsin et al. 2022."""


@dataclass(frozen=True)
class UnderLaw:
    """Where the level is reached if this law is true, and what the law counts for in the average."""

    fit: Fit
    weight: float
    crossing: Crossing


@dataclass(frozen=True)
class Reach:
    """Where the level is reached. `curves` (draws, points) are possible ones at `x` (points,), with `average.shares`.

    `inside`: the level is reached within the data. `forecast` holds the backtest; `tested` is false where it had none.
    """

    curve: Curve
    aim: Aim
    inside: bool
    average: Crossing
    laws: tuple[UnderLaw, ...]
    left_out: dict[str, str]
    forecast: Forecast
    tested: bool
    x: Floats
    curves: Floats

    @property
    def span(self) -> float:
        """How many times its smallest x the largest is: farther beyond the data than this, nothing tests a law."""
        return self.curve.largest / self.curve.smallest

    def probability(self, within: float) -> float | None:
        """That the level is reached within so many times the largest x.

        Beyond the data's own span only certainty that it is reached even sooner counts; None otherwise.
        """
        trusted = min(within, self.span)
        chance = self.average.by(self.curve.largest * trusted)
        return chance if trusted == within or chance >= 0.95 else None

    def band(self, x_most: float) -> tuple[Floats, Floats]:
        """x (points,) up to x_most, and the median with the 95 % band of the outcome there: (3, points)."""
        keep = self.x <= x_most * (1 + 1e-9)
        values = self.aim.fitted(self.curves[:, keep])
        order = np.argsort(values, axis=0)
        passed = np.cumsum(self.average.shares[order], axis=0)
        rows = [np.argmax(passed >= q * passed[-1], axis=0) for q in (0.5, 0.025, 0.975)]
        ordered = np.take_along_axis(values, order, axis=0)
        return self.x[keep], np.array([np.take_along_axis(ordered, r[None], axis=0)[0] for r in rows])


def reach(curve: Curve, aim: Aim, source: str, resamples: int, seed: int) -> Reach:
    """Where the level is reached along the curve's one scale. Raises QuestionError when no law can be fitted."""
    x, y = curve.x[:, 0], aim.fitted(curve.y)
    families, residual = _families(aim), _residual(curve, aim)
    fits = _fits(families, curve, y, residual, resamples, seed)
    distinct = np.unique(x).size
    left_out = {fit.family.name: str(fit.problem) for fit in fits if not fit.ok}
    tight = [fit for fit in fits if fit.ok and free_parameters(fit) > distinct - SPARE]
    left_out |= {fit.family.name: f"{free_parameters(fit)} parameters for {distinct} different x" for fit in tight}
    able = [fit for fit in fits if fit.family.name not in left_out]
    if not able:
        raise QuestionError(f"{source}: no law of {aim.y} can be fitted: {next(iter(left_out.values()))}.")
    able, misses = _describing(able)
    left_out |= misses
    forecast, tested = _forecast(x, y, aim, [fit.family for fit in able], seed)
    levels = _levels(curve, aim, resamples, seed)
    grid = np.union1d(np.geomspace(x.min(), x.max(), INSIDE), x.max() * FACTORS)
    curves = [fit.curves(np.append(grid, x.max() * WITHOUT_END)[:, None]) for fit in able]
    each = [Crossing.of_law(grid, c[:, :-1], c[:, -1], levels, aim.up, aim.fitted_level) for c in curves]
    by_fit = _by_fit(able)
    at_end = by_fit @ np.array([fit.curves(np.array([[x.max()]]))[0, 0] for fit in able])
    inside = bool(aim.reached(aim.fitted(np.array([at_end])))[0])
    if inside:
        weights, drifting = by_fit, [c[1:, :-1] for c in curves]
    else:
        weights = np.array([forecast.weights.get(fit.family.name, 0.0) for fit in able])
        weights = weights / weights.sum()
        assert forecast.backtest is not None
        drifting = drifted([c[1:, :-1] for c in curves], grid / x.max(), forecast.backtest.growth, aim.up, seed)
    average = Crossing.mixed(
        [Crossing.of(grid, d, c[1:, -1], levels, aim.up) for d, c in zip(drifting, curves, strict=True)], weights
    )
    laws = tuple(UnderLaw(f, float(w), c) for f, w, c in zip(able, weights, each, strict=True))
    return Reach(curve, aim, inside, average, laws, left_out, forecast, tested, grid, np.concatenate(drifting))


def drifted(curves: Sequence[Floats], factors: Floats, growth: float, up: bool, seed: int) -> list[Floats]:
    """Curves (draws, points) of every law, which drift from it beyond the data, at so many times its end.

    By a Student t times `growth`, the average's error in backtests, per unit of log `factors` (points,), as the scale
    of a forecast does (`laws.extrapolate`).
    """
    rng = np.random.default_rng([seed, 3])
    ahead = growth * np.maximum(np.log(factors), 0.0)
    tilts = [rng.standard_t(DEGREES, size=(c.shape[0], 1)) * ahead for c in curves]
    with np.errstate(over="ignore"):
        return [c + t if up else c * np.exp(t) for c, t in zip(curves, tilts, strict=True)]


def _families(aim: Aim) -> list[Family]:
    """The laws of what is fitted, with the chance level and the ceiling that were given."""
    if not aim.up:
        return list(FALLING)
    known: list[Family] = []
    for family in RISING:
        if isinstance(family, Logistic):
            known.append(replace(family, chance=aim.chance, ceiling=aim.ceiling))
        elif isinstance(family, PowerCeiling):
            known.append(replace(family, ceiling=aim.ceiling))
        else:
            known.append(family)
    return known


def _residual(curve: Curve, aim: Aim) -> Residual:
    if curve.residual is not None:
        return curve.residual
    return PLAIN_SQUARES if aim.up else LOG_SQUARES


def _fits(
    families: Sequence[Family], curve: Curve, y: Floats, residual: Residual, resamples: int, seed: int
) -> list[Fit]:
    """Every law with its refits; binomial errors are widened by what the law that lies closest misses beyond them."""
    x: Floats = curve.x
    # errors along the one curve of one run depend on each other; of several, their means do as `shift` says
    how: Resampling | None = "parametric" if curve.along and curve.runs == 1 else None
    if isinstance(residual, Binomial):
        tried = [
            fit for fit in (fit_law(f, x, y, resamples=0, residual=residual, seed=seed) for f in families) if fit.ok
        ]
        if tried:
            best = min(tried, key=lambda fit: fit.objective)
            excess = residual.pearson(y - best.residuals, y) / max(1, y.size - best.theta.shape[1])
            residual = replace(residual, overdispersion=max(1.0, excess))
    return [fit_law(f, x, y, resamples=resamples, residual=residual, resampling=how, seed=seed) for f in families]


def _describing(fits: list[Fit]) -> tuple[list[Fit], dict[str, str]]:
    """The laws that describe the points at all, and how far the others miss them, which no doubt needs.

    A law is out where it misses twice as far as the one that lies closest, and by more than chance could make it. Sizes
    of misses are compared, not likelihoods, which along one curve count every point as news.
    """
    from scipy.special import fdtri

    assert fits[0].data is not None
    freedom = np.array([max(1, fit.points - free_parameters(fit)) for fit in fits])
    missed = np.sqrt(np.array([np.sum(fit.residuals**2) for fit in fits]) / freedom)
    closest = int(np.argmin(missed))
    least = max(float(missed[closest]), EXACT * float(np.std(fits[0].data.observed)))
    most = np.maximum(MOST_MISS, np.sqrt(fdtri(freedom, freedom[closest], 1 - TOO_RARE)))
    kept = [fit for fit, ratio, limit in zip(fits, missed / least, most, strict=True) if ratio <= limit]
    others = {
        fit.family.name: f"misses the points {ratio:.3g} times as far as the law that lies closest"
        for fit, ratio, limit in zip(fits, missed / least, most, strict=True)
        if ratio > limit
    }
    return kept, others


def _forecast(x: Floats, y: Floats, aim: Aim, families: list[Family], seed: int) -> tuple[Forecast, bool]:
    """The laws averaged by backtests, and whether there were any; where there were none, laws drift as usual.

    When a level is reached is asked of the laws alone: their refits are the curves, tilted by their own backtests.
    """
    ahead = x.max() * np.array([1.0, 1.5, 10.0])
    forecast = extrapolate(x, y, ahead, "up" if aim.up else "down", families=families, drift=False, seed=seed)
    if forecast.backtest is not None:
        return forecast, True
    slope = abs(float(forecast.centre[1] - forecast.centre[0])) / np.log(1.5)
    usual = Backtest(origins=0, log_distance=0.0, error=0.0, growth=UNTESTED * slope)
    return replace(forecast, backtest=usual), False


def _levels(curve: Curve, aim: Aim, count: int, seed: int) -> Floats:
    """The level as it is fitted (count,): as uncertain as it is itself, and as the whole curve may be shifted."""
    rng = np.random.default_rng([seed, 2])
    levels = np.full(count, aim.fitted_level)
    if aim.error:
        levels = levels + aim.error * rng.normal(size=count)
    by_items = 0.0
    if curve.items:
        share = float(np.clip(aim.level, 0.0, 1.0))
        by_items = float(np.sqrt(max(share * (1 - share), 0.25 / curve.items) / curve.items))
    if curve.shift > by_items:
        levels = levels + curve.shift * rng.standard_t(curve.runs - 1, size=count)
    elif by_items:
        levels = levels + by_items * rng.normal(size=count)
    return levels if aim.up else np.maximum(levels, 1e-300)


def _by_fit(fits: list[Fit]) -> Floats:
    """Weights by the Bayesian information criterion."""
    criteria = np.array([schwarz(fit, fit.points, dispersion=1.0) for fit in fits])
    shares = np.exp(-0.5 * (criteria - criteria.min()))
    weights: Floats = shares / shares.sum()
    return weights
