"""Who has the lowest loss, when every loss is uncertain."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DRAWS = 20_000


@dataclass(frozen=True)
class Entrant:
    """A loss as a Student t on the log scale. `scale` of None means that nothing shows its uncertainty."""

    log_loss: float
    scale: float | None
    degrees: int

    def interval(self, level: float = 0.95) -> tuple[float | None, float | None]:
        """Low and high of the loss, or None twice when its uncertainty is not known."""
        if self.scale is None:
            return None, None
        from scipy.stats import t

        half = float(t.ppf(0.5 + level / 2, self.degrees)) * self.scale
        return float(np.exp(self.log_loss - half)), float(np.exp(self.log_loss + half))


def best_probabilities(entrants: list[Entrant], seed: int) -> list[float] | None:
    """P(lowest loss) of each entrant; None when every loss stands alone, without any sign of its uncertainty."""
    draws = _draws(entrants, seed)
    if draws is None:
        return None
    lowest = np.argmin(draws, axis=0)
    return [float(np.mean(lowest == i)) for i in range(len(entrants))]


def beats_probability(first: Entrant, second: Entrant, seed: int) -> float | None:
    """P(the first has a loss as low as the second's, or lower)."""
    draws = _draws([first, second], seed)
    return None if draws is None else float(np.mean(draws[0] <= draws[1]))


def gap(first: Entrant, second: Entrant, seed: int) -> tuple[float, float | None, float | None]:
    """Loss of the second minus loss of the first, nats, with its 95 % interval."""
    value = float(np.exp(second.log_loss) - np.exp(first.log_loss))
    draws = _draws([first, second], seed)
    if draws is None:
        return value, None, None
    low, high = np.percentile(np.exp(draws[1]) - np.exp(draws[0]), [2.5, 97.5])
    return value, float(low), float(high)


def _draws(entrants: list[Entrant], seed: int) -> Floats | None:
    """Log losses (entrants, draws). An entrant whose uncertainty is not known is taken at its value."""
    if all(entrant.scale is None for entrant in entrants):
        return None
    generators = np.random.default_rng(seed).spawn(len(entrants))
    return np.stack(
        [
            entrant.log_loss + (entrant.scale or 0.0) * rng.standard_t(entrant.degrees, DRAWS)
            for entrant, rng in zip(entrants, generators, strict=True)
        ]
    )
