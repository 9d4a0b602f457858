"""Extrapolating one curve: several laws averaged, and an interval widened by what backtests at that distance show."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families import CURVES, Family
from scalewise.laws.fit import Estimate, Fit, fit_law

Floats = NDArray[np.float64]

DEGREES = 5
"""Student t degrees of freedom of a forecast: few backtests stand behind its width."""
LEAST_TRAINING_SHARE = 0.3
"""A backtest must leave this share of the curve's points to fit on."""
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
    """The average of all laws that fit, and its calibrated scale (log)."""

    laws: tuple[LawForecast, ...]
    failed: tuple[Fit, ...]
    log_value: float
    scale: float
    backtested: bool

    def interval(self, level: float = 0.95) -> Estimate:
        from scipy.stats import t

        half = float(t.ppf(0.5 + level / 2, DEGREES)) * self.scale
        return Estimate(*(float(np.exp(self.log_value + shift)) for shift in (0.0, -half, half)))

    def probability_below(self, level: float, level_sd: float = 0.0) -> float:
        """P(y <= level), where the level may itself be uncertain (log standard deviation)."""
        from scipy.stats import t

        scale = float(np.hypot(self.scale, level_sd))
        return float(t.cdf((np.log(level) - self.log_value) / max(scale, 1e-12), DEGREES))


def forecast(
    x: Floats,
    y: Floats,
    x_new: float,
    clusters: NDArray[np.int64] | None = None,
    families: Sequence[Family] = CURVES,
    resamples: int = 500,
    seed: int = 0,
) -> Forecast | None:
    """The curve y(x) at x_new, beyond the last x. None when no law fits.

    Every law is fitted; each is also backtested at the same log-distance, by fitting it to the part of the curve that
    ends that far before its end. Laws are weighted by 1 / (noise^2 + backtest^2); the variance of the average is
    noise^2 + bootstrap^2 + backtest^2 + the spread between laws. Laws are averaged, never selected.
    """
    at = np.array([[x_new]])
    fits = [fit_law(family, x[:, None], y, clusters, resamples, seed=seed) for family in families]
    good = [fit for fit in fits if fit.ok]
    if not good:
        return None
    backtests = [_backtest(fit.family, x, y, x_new, seed) for fit in good]
    known = [b for b in backtests if b is not None]
    usual = float(np.median(known)) if known else 0.0
    errors = np.array([usual if b is None else b for b in backtests])
    noise = np.array([fit.noise for fit in good])
    weights = 1.0 / (noise**2 + errors**2 + 1e-12)
    weights /= weights.sum()
    values = np.array([np.log(fit.curves(at)[0, 0]) for fit in good])
    spreads = np.array([np.log(fit.curves(at)[1:, 0]).std() for fit in good])
    centre = float(weights @ values)
    variance = weights @ (noise**2 + spreads**2 + errors**2 + (values - centre) ** 2)
    laws = tuple(
        LawForecast(fit, fit.predict(at)[0], float(s), b, float(w))
        for fit, s, b, w in zip(good, spreads, backtests, weights, strict=True)
    )
    return Forecast(laws, tuple(f for f in fits if not f.ok), centre, float(np.sqrt(variance)), bool(known))


def _backtest(family: Family, x: Floats, y: Floats, x_new: float, seed: int) -> float | None:
    """Root mean square log error at the curve's end, fitted only to what lies as far before it as x_new lies after."""
    last = x.max()
    early = x <= last * (last / x_new)
    if early.sum() < max(LEAST_TRAINING_SHARE * x.size, 2 * len(family.parameters)):
        return None
    fit = fit_law(family, x[early, None], y[early], resamples=0, seed=seed)
    if not fit.ok:
        return None
    latest = np.argsort(x)[-max(1, round(LATEST_SHARE * x.size)) :]
    errors = np.log(y[latest]) - np.log(fit.curves(x[latest, None])[0])
    return float(np.sqrt(np.mean(errors**2)))
