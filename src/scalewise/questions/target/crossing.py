"""Where a level is reached, as a distribution: every refit of every law has its own answer, and counts by its share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.paths import Paths

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Crossing:
    """x at which the level is reached (draws,), infinite where it is not; draws count by `shares` (draws,), sum 1.

    `never` is the share of refits whose law does not reach the level at any x. `best` is where the best fit of one law
    reaches it; the average of several has its median instead.
    """

    draws: Floats
    shares: Floats
    never: float
    best: float | None = None

    @classmethod
    def of(cls, x: Floats, curves: Floats, limits: Floats, levels: Floats, up: bool) -> "Crossing":
        """Where curves (draws, points) at rising x reach their levels (draws,), each counting alike.

        `limits` (draws,) are what the curves approach as x grows without end; `up` says that they rise to the level.
        """
        sign = -1.0 if up else 1.0
        falling = Paths(x, np.nan_to_num(sign * curves, nan=np.inf), np.nan_to_num(sign * limits, nan=np.inf))
        draws = falling.crossings(sign * levels)
        return cls(draws, np.full(draws.size, 1 / draws.size), float(np.mean(falling.never(sign * levels))))

    @classmethod
    def of_law(cls, x: Floats, curves: Floats, limits: Floats, levels: Floats, up: bool, level: float) -> "Crossing":
        """The same for one law: its best fit in row 0, which is to reach `level`, and then its refits."""
        best = cls.of(x, curves[:1], limits[:1], np.array([level]), up)
        return replace(cls.of(x, curves[1:], limits[1:], levels, up), best=float(best.draws[0]))

    @classmethod
    def mixed(cls, parts: "Sequence[Crossing]", weights: Floats) -> "Crossing":
        """Several laws, each by its weight."""
        return cls(
            np.concatenate([p.draws for p in parts]),
            np.concatenate([p.shares * w for p, w in zip(parts, weights, strict=True)]),
            float(np.clip(sum(p.never * w for p, w in zip(parts, weights, strict=True)), 0.0, 1.0)),
        )

    def by(self, x: float) -> float:
        """The probability that the level is reached by x."""
        return float(np.clip(self.shares[self.draws <= x].sum(), 0.0, 1.0))

    def quantile(self, at: float) -> float | None:
        """The x by which the level is reached with this probability; None where that is never."""
        order = np.argsort(self.draws, kind="stable")
        passed = np.cumsum(self.shares[order])
        value = float(self.draws[order[min(int(np.searchsorted(passed, at * passed[-1])), order.size - 1)]])
        return value if np.isfinite(value) else None

    def triple(self, unit: float = 1.0) -> tuple[float | None, float | None, float | None]:
        """The crossing and its 95 % interval, in units of `unit`; one that is never reached is None."""
        middle = self.quantile(0.5) if self.best is None else self.best
        found = (None if middle is None or np.isinf(middle) else middle, self.quantile(0.025), self.quantile(0.975))
        value, low, high = (None if q is None else q / unit for q in found)
        return value, low, high
