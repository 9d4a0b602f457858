"""Gains are relative, so they are added as logarithms: h = log y where higher is better, otherwise -log y."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import TableError
from scalewise.questions.metric import Metric
from scalewise.runs.table import Runs

Floats = NDArray[np.float64]
LEAST_NOISE = 1e-9
"""Relative; anything smaller is rounding."""
ROUNDING = 1e-12
Ends = tuple[float | None, float | None]


@dataclass(frozen=True)
class Linear:
    """A sum of log levels with its standard error; `freedom` is None where the noise is known, `error` where not."""

    value: float
    error: float | None
    freedom: float | None

    def interval(self) -> Ends:
        """95 %: Student's t, or the normal where the noise is known."""
        from scipy.special import ndtri, stdtrit

        if self.error is None:
            return None, None
        reach = float(ndtri(0.975) if self.freedom is None else stdtrit(self.freedom, 0.975))
        return self.value - reach * self.error, self.value + reach * self.error

    def above_zero(self) -> float | None:
        """P(the true value is above 0): one minus the one-sided p-value."""
        from scipy.special import ndtr, stdtr

        if self.error is None:
            return None
        if self.error == 0:
            return 0.5 if self.value == 0 else float(self.value > 0)
        ratio = self.value / self.error
        return float(ndtr(ratio) if self.freedom is None else stdtr(self.freedom, ratio))

    @property
    def p(self) -> float | None:
        """Two-sided p-value of no effect."""
        from scipy.special import ndtr, stdtr

        if not self.error:
            return None if self.error is None else float(self.value == 0)
        ratio = -abs(self.value) / self.error
        return 2 * float(ndtr(ratio) if self.freedom is None else stdtr(self.freedom, ratio))


def log_levels(values: Floats, runs: Runs, metric: Metric) -> Floats:
    """h of every outcome. Raises TableError for an outcome that is not above 0."""
    if (values <= 0).any():
        raise TableError(
            f"{runs.source}: gains are relative, so '{metric.name}' must be above 0 everywhere; its smallest value is "
            f"{values.min():g}."
        )
    return metric.sign * np.log(values)


def some_noise(squares: float, freedom: float) -> float | None:
    """The standard deviation behind a sum of squares; None where repeats are all equal, which shows nothing."""
    size = float(np.sqrt(squares / freedom))
    return size if size >= LEAST_NOISE else None


def relative(log_gain: float, metric: Metric) -> float:
    """The share of y that a log gain adds (higher is better) or takes off (lower is better)."""
    if abs(log_gain) < ROUNDING:
        return 0.0
    return float(np.expm1(log_gain)) if metric.higher else float(-np.expm1(-log_gain))


def shown(found: Linear | None, metric: Metric) -> tuple[float | None, float | None, float | None]:
    """A relative gain with its interval, as cells."""
    if found is None:
        return None, None, None
    low, high = found.interval()
    value = relative(found.value, metric)
    if low is None or high is None:
        return value, None, None
    return value, relative(low, metric), relative(high, metric)
