"""Extrapolating one curve: several laws averaged, and an interval widened by what backtests at that distance show."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families import POWER, POWER_FLOOR, Family
from scalewise.laws.fit import Estimate, Fit, estimate, fit_law

Floats = NDArray[np.float64]

DEGREES = 5
"""Student t degrees of freedom of a forecast: few backtests stand behind its width."""
LEAST_SPAN = 0.4
"""A backtest must leave this share of the curve (in log x) to fit on."""
SHORTEST = np.log(1.2)
"""A backtest at a shorter distance says nothing."""
LATEST_SHARE = 0.1
"""The share of points at the curve's end on which a backtest is judged."""


@dataclass(frozen=True)
class LawForecast:
    """One law's forecast: its value with the bootstrap's interval, and its backtest error (log scale) if it had one."""

    fit: Fit
    value: Estimate
    spread: float
    backtest: float | None
    weight: float


@dataclass(frozen=True)
class Forecast:
    """The average of all laws that fit, and its calibrated scale (log). `backtested`: at the distance asked about."""

    laws: tuple[LawForecast, ...]
    log_value: float
    scale: float
    backtested: bool

    def interval(self, level: float = 0.95) -> Estimate:
        from scipy.stats import t

        half = float(t.ppf(0.5 + level / 2, DEGREES)) * self.scale
        return Estimate(*(float(np.exp(self.log_value + shift)) for shift in (0.0, -half, half)))


def forecast(
    x: Floats,
    y: Floats,
    x_new: float,
    clusters: NDArray[np.int64] | None = None,
    families: Sequence[Family] = (POWER, POWER_FLOOR),
    resamples: int = 500,
    seed: int = 0,
) -> Forecast | None:
    """The curve y(x) at x_new, beyond the last x. None when no law fits.

    Every law is fitted; each is also backtested at the same log-distance, by fitting it to the part of the curve that
    ends that far before its end. Laws are weighted by 1 / (noise^2 + backtest^2); the variance of the average is
    noise^2 + bootstrap^2 + backtest^2 + the spread between laws. Laws are averaged, never selected.
    """
    at = np.array([[x_new]])
    good = [fit for fit in (fit_law(f, x[:, None], y, clusters, resamples, seed=seed) for f in families) if fit.ok]
    if not good:
        return None
    backtests = [_backtest(fit.family, x, y, x_new, seed) for fit in good]
    known = [b.error for b in backtests if b is not None]
    usual = float(np.median(known)) if known else 0.0
    errors = np.array([usual if b is None else b.error for b in backtests])
    noise = np.array([fit.noise for fit in good])
    weights = 1.0 / (noise**2 + errors**2 + 1e-12)
    weights /= weights.sum()
    curves = [fit.curves(at)[:, 0] for fit in good]
    values, spreads = np.array([np.log(c[0]) for c in curves]), np.array([np.log(c[1:]).std() for c in curves])
    centre = float(weights @ values)
    variance = weights @ (noise**2 + spreads**2 + errors**2 + (values - centre) ** 2)
    laws = tuple(
        LawForecast(fit, estimate(float(c[0]), c[1:]), float(s), None if b is None else b.error, float(w))
        for fit, c, s, b, w in zip(good, curves, spreads, backtests, weights, strict=True)
    )
    backtested = bool(known) and all(b is not None and b.full_distance for b in backtests)
    return Forecast(laws, centre, float(np.sqrt(variance)), backtested)


@dataclass(frozen=True)
class _Backtest:
    """A law's root mean square log error at the curve's end, scaled to the distance asked about."""

    error: float
    full_distance: bool


def _backtest(family: Family, x: Floats, y: Floats, x_new: float, seed: int) -> _Backtest | None:
    """Fit only what lies as far before the end (in log x) as x_new lies after it, and look at the end.

    Where the curve is too short for that, the longest distance that leaves LEAST_SPAN of it is used and the error grown
    in proportion to log distance. None when even that is no distance.
    """
    first, last = float(x.min()), float(x.max())
    asked = max(np.log(x_new / last), 0.0)
    distance = min(asked, (1 - LEAST_SPAN) * np.log(last / first))
    early = np.log(x) <= np.log(last) - distance
    if np.unique(x[early]).size < 2 * len(family.parameters) or (asked > 0 and distance < SHORTEST):
        return None
    fit = fit_law(family, x[early, None], y[early], resamples=0, seed=seed)
    if not fit.ok:
        return None
    latest = np.argsort(x)[-max(1, round(LATEST_SHARE * x.size)) :]
    errors = np.log(y[latest]) - np.log(fit.curves(x[latest, None])[0])
    grown = asked / distance if distance > 0 else 1.0
    return _Backtest(float(np.sqrt(np.mean(errors**2)) * grown), bool(grown < 1.01))
