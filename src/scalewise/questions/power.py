"""Before anything is trained: how many pairs it takes to see a difference, and what these pairs can see."""

import math

POWER = 0.8
"""The usual chance to see what is there."""
TWO_SIDED = 0.025
"""Level of each side of a two-sided test at 5 %."""
VERDICT = 0.05
"""A verdict's own level: it is given at a probability of 95 %."""
MOST_PAIRS = 100_000
"""Nobody runs more."""


def pairs_at_noise(effect: float, noise: float) -> int:
    """Paired seeds needed to see `effect` when the seed noise is known: n = 2 (1.96 + 0.84)^2 (noise / effect)^2.

    Both in the same unit; `noise` is the standard deviation of one run, so a paired difference has sqrt(2) times it.
    Two-sided 5 %, 80 % power.
    """
    from scipy.special import ndtri

    reach = float(ndtri(1 - TWO_SIDED) + ndtri(POWER))
    return math.ceil(2 * (reach * noise / effect) ** 2)


def visible(error: float, freedom: float | None = None, level: float = TWO_SIDED) -> float:
    """The true effect that a one-sided test at `level` sees with 80 % power, given the estimate's standard error."""
    from scipy.special import ndtri, stdtrit

    if freedom is None:
        return error * float(ndtri(1 - level) + ndtri(POWER))
    return error * float(stdtrit(freedom, 1 - level) + stdtrit(freedom, POWER))


def power_at(effect: float, error: float, freedom: float | None = None, level: float = VERDICT) -> float:
    """The chance that a one-sided test at `level` sees a true `effect` > 0, given the estimate's standard error.

    The noncentral t distribution; the normal where the noise is known (`freedom` None).
    """
    from scipy.special import nctdtr, ndtr, ndtri, stdtrit

    if error <= 0:
        return 1.0
    shift = effect / error
    if freedom is None:
        return float(ndtr(shift - ndtri(1 - level)))
    return float(1 - nctdtr(freedom, min(shift, 30.0), stdtrit(freedom, 1 - level)))


def pairs_needed(effect: float, deviation: float, lost: int = 1, level: float = VERDICT) -> int | None:
    """The fewest pairs with 80 % power for a true `effect` > 0 when differences have this standard `deviation`.

    `lost` is by how much the degrees of freedom lag behind the pairs. None when more than 100,000 would be needed.
    """
    if effect <= 0:
        return None
    low, high = lost + 1, MOST_PAIRS

    def enough(pairs: int) -> bool:
        return power_at(effect, deviation / math.sqrt(pairs), pairs - lost, level) >= POWER

    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
