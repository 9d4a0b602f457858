"""Who has the lowest loss, when every loss is uncertain."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DRAWS = 20_000
ALIKE = 0.9
"""How far the errors of extrapolating are one error: the curves of one family of models miss to the same side.

The correlation of these errors, in units of their scale, between sizes cut to a half or a quarter of their length:
.7 to 1.0 in the published curves of GPT-3, OPT, LLaMA, LLaMA 2 and Gemstones.
"""


@dataclass(frozen=True)
class Entrant:
    """A loss as a Student t on the log scale. `scale` of None means that nothing shows its uncertainty.

    `missed` is the scale of a further error, that of extrapolating, which sizes have largely in common (ALIKE).
    """

    log_loss: float
    scale: float | None
    degrees: int
    missed: float = 0.0

    @property
    def loss(self) -> float:
        return float(np.exp(self.log_loss))

    @property
    def width(self) -> float | None:
        """The scale of both errors together."""
        return None if self.scale is None else float(np.hypot(self.scale, self.missed))

    def interval(self, level: float = 0.95) -> tuple[float | None, float | None]:
        """Low and high of the loss, or None twice when its uncertainty is not known."""
        if self.width is None:
            return None, None
        from scipy.special import stdtrit

        half = float(stdtrit(self.degrees, 0.5 + level / 2)) * self.width
        return float(np.exp(self.log_loss - half)), float(np.exp(self.log_loss + half))


class Contest:
    """Draws of several uncertain losses together, and what they say. An uncertainty that is not known counts as none.

    Every probability is None when no loss shows any sign of its uncertainty.
    """

    def __init__(self, entrants: Sequence[Entrant], seed: int) -> None:
        self.entrants = entrants
        self._draws = _draws(entrants, seed)

    def best(self) -> list[float | None]:
        """P(lowest loss) of each."""
        if self._draws is None:
            return [None] * len(self.entrants)
        lowest = np.bincount(np.argmin(self._draws, axis=0), minlength=len(self.entrants))
        return [float(count) / DRAWS for count in lowest]

    def beats(self, first: int, second: int) -> float | None:
        """P(the first has a loss as low as the second's, or lower)."""
        return None if self._draws is None else float(np.mean(self._draws[first] <= self._draws[second]))

    def gap(self, first: int, second: int) -> tuple[float, float | None, float | None]:
        """Loss of the second minus loss of the first, nats, with its 95 % interval."""
        value = self.entrants[second].loss - self.entrants[first].loss
        if self._draws is None:
            return value, None, None
        low, high = np.percentile(np.exp(self._draws[second]) - np.exp(self._draws[first]), [2.5, 97.5])
        return value, float(low), float(high)


def gap(first: Entrant, second: Entrant, seed: int) -> tuple[float, float | None, float | None]:
    """Loss of the second minus loss of the first, nats, with its 95 % interval."""
    return Contest([first, second], seed).gap(0, 1)


def _draws(entrants: Sequence[Entrant], seed: int) -> Floats | None:
    """Log losses (entrants, draws)."""
    if all(entrant.scale is None for entrant in entrants):
        return None
    *generators, common = np.random.default_rng(seed).spawn(len(entrants) + 1)
    draws = np.array([e.log_loss for e in entrants])[:, None] + np.zeros((1, DRAWS))
    for i, (entrant, rng) in enumerate(zip(entrants, generators, strict=True)):
        if alone := float(np.hypot(entrant.scale or 0.0, np.sqrt(1 - ALIKE) * entrant.missed)):
            draws[i] += alone * rng.standard_t(entrant.degrees, DRAWS)
    missed = np.array([e.missed for e in entrants])
    if missed.any():
        degrees = min(e.degrees for e in entrants if e.missed)
        draws += np.sqrt(ALIKE) * missed[:, None] * common.standard_t(degrees, DRAWS)
    return draws
