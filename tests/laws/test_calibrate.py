"""Widths found on known curves hold on further ones of their kind, whatever the forecasts get wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scalewise.laws import calibrate, extrapolate
from scalewise.laws.calibrate import conformal_width, held
from scalewise.laws.families import POWER_FLOOR

X = np.geomspace(1e3, 1e6, 30)


def bent(seed: int) -> NDArray[np.float64]:
    """A law with noise that its last quarter in x leaves downwards, as when the learning rate falls at the end."""
    rng = np.random.default_rng(seed)
    falls = 1 - rng.uniform(0, 0.06) * np.clip(np.log(X / X[-1] * 4), 0, None)
    y: NDArray[np.float64] = (1 + 8 * X**-0.3) * np.exp(rng.normal(0, 0.005, X.size)) * falls
    return y


def test_another_curve_of_the_kind_is_held() -> None:
    known = calibrate([(X, bent(i)) for i in range(24)], families=(POWER_FLOOR,), drift=False)
    assert known.usual < 0.8  # no backtest within a curve sees this coming
    assert known.widening > 1.5
    seen, shares = X[-1] / 4 >= X, []
    for i in range(100, 124):
        y = bent(i)
        found = extrapolate(X[seen], y[seen], X[~seen], "down", (POWER_FLOOR,), False, widening=known.widening)
        low, high = found.interval(0.9)
        shares.append(np.mean((low <= y[~seen]) & (y[~seen] <= high)))
    assert 0.82 <= np.mean(shares) <= 0.99


@given(
    misses=st.lists(st.lists(st.floats(0.01, 50), min_size=1, max_size=6), min_size=9, max_size=20),
    level=st.sampled_from([0.5, 0.8, 0.9]),
)
def test_the_least_width_that_keeps_the_promise(misses: list[list[float]], level: float) -> None:
    curves = [np.array(m) for m in misses]
    width, n = conformal_width(curves, level), len(curves)
    assert n / (n + 1) * (1 - held(curves, width, level)) + 1 / (n + 1) <= 1 - level + 1e-6
    narrower = n / (n + 1) * (1 - held(curves, width * (1 - 1e-6), level)) + 1 / (n + 1)
    assert narrower > 1 - level - 1e-6


def test_bad_input_is_one_sentence() -> None:
    few = [(X, bent(i)) for i in range(3)]
    with pytest.raises(ValueError, match="there are 3 curves; calibrating at 90% needs at least 9"):
        calibrate(few, families=(POWER_FLOOR,), drift=False)
    with pytest.raises(ValueError, match="curve 1, cut at 1/4 of its last x: y must be finite"):
        calibrate([few[0], (X, -X)])
    with pytest.raises(ValueError, match="curve 0, cut at 1/1e\\+06 of its last x: x is empty"):
        calibrate(few, beyond=1e6)
    with pytest.raises(ValueError, match="beyond above 1"):
        calibrate(few, beyond=1)
