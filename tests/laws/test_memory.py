"""A remembered fit is the fit: for the same arguments, and for no others."""

from collections.abc import Iterator

import numpy as np
import pytest

from scalewise.laws import fit_law
from scalewise.laws.families import SHIFTED_POWER
from scalewise.laws.memory import remember, remembered

X = np.geomspace(1e6, 1e9, 12)
Y = 1.5 + 40 / X**0.3


@pytest.fixture(autouse=True)
def remembering() -> Iterator[None]:
    remember(50)
    yield
    remember(0)


def test_the_same_fit_is_found_once() -> None:
    first = fit_law(SHIFTED_POWER, X, Y, resamples=20)
    assert fit_law(SHIFTED_POWER, X, Y.copy(), resamples=20) is first
    assert fit_law(SHIFTED_POWER, X, Y, resamples=20, seed=1) is not first
    assert fit_law(SHIFTED_POWER, X, Y * 1.001, resamples=20) is not first
    remember(0)
    again = fit_law(SHIFTED_POWER, X, Y, resamples=20)
    assert again is not first
    assert np.array_equal(again.draws, first.draws)
    assert np.array_equal(again.theta, first.theta)


def test_only_so_many_are_kept() -> None:
    calls: list[int] = []

    @remembered
    def double(n: int) -> int:
        calls.append(n)
        return 2 * n

    remember(2)
    assert [double(n) for n in (1, 2, 3, 3, 1)] == [2, 4, 6, 6, 2]
    assert calls == [1, 2, 3, 1]


def test_what_cannot_be_named_is_found_anew() -> None:
    @remembered
    def applied(function: object) -> list[object]:
        return [function]

    def local() -> None: ...

    assert applied(local) is not applied(local)
