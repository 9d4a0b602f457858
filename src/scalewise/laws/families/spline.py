"""A smooth curve of no particular form in log x: a cubic B-spline with knots at quantiles of the data.

For what must be allowed for and is not itself asked about. Beyond the data it stays as at their edge.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import BoundCurve, Spread
from scalewise.laws.families.family import Family, Parameter, Space

Floats = NDArray[np.float64]

DEGREE = 3


@dataclass(frozen=True, init=False)
class Spline(Family):
    """A spline of so many coefficients, two or more; of lower degree where there are fewer than four."""

    pieces: int

    def __init__(self, pieces: int) -> None:
        if pieces < 2:
            raise ValueError(f"a spline needs two coefficients or more, not {pieces}")
        super().__init__(
            name=f"spline of {pieces}",
            formula=f"c1 B1(log x) + ... + c{pieces} B{pieces}(log x)",
            source="de Boor 1978, A Practical Guide to Splines",
            inputs=1,
            parameters=tuple(Parameter(f"c{i + 1}", f"height of bump {i + 1}") for i in range(pieces)),
        )
        object.__setattr__(self, "pieces", pieces)

    def bind(self, x: Floats, y: Floats) -> "BoundSpline":
        spread = Spread.of(x, y)
        degree = min(DEGREE, self.pieces - 1)
        inner = np.quantile(np.log(x[:, 0]) - spread.log_x_mean, np.linspace(0, 1, self.pieces - degree + 1)[1:-1])
        ends = np.full(degree + 1, spread.z_low), np.full(degree + 1, spread.z_low + spread.z_range)
        return BoundSpline(self, spread, degree, tuple(np.concatenate([ends[0], inner, ends[1]])))


@dataclass(frozen=True)
class BoundSpline(BoundCurve):
    """The coefficients, each about as high as the curve where its bump is."""

    family: Spline
    degree: int
    knots: tuple[float, ...]
    space: ClassVar[Space] = "linear"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        most = np.full(self.family.pieces, 1e9 * self.spread.y_size)
        return -most, most

    @property
    def start_box(self) -> tuple[Floats, Floats]:
        s = self.spread
        low = np.full(self.family.pieces, s.y_low - s.y_range)
        return low, low + 3 * s.y_range

    def _parts(self, theta: tuple[Floats, ...], z: Floats) -> tuple[Floats, list[Floats]]:
        bumps = self._bumps(z)
        value = theta[0] * bumps[0]
        for height, bump in zip(theta[1:], bumps[1:], strict=True):
            value = value + height * bump
        return value, bumps

    def _bumps(self, z: Floats) -> list[Floats]:
        """Every B-spline at z, by the recursion of Cox and de Boor."""
        t = self.knots
        z = np.clip(z, t[0], t[-1])
        last = max(i for i in range(len(t) - 1) if t[i] < t[i + 1])  # the right edge belongs to the last piece
        bumps = [
            np.where((z >= t[i]) & ((z < t[i + 1]) | ((i == last) & (z <= t[i + 1]))), 1.0, 0.0)
            for i in range(len(t) - 1)
        ]
        for k in range(1, self.degree + 1):
            bumps = [
                _rise(z, t[i], t[i + k]) * bumps[i] + (1 - _rise(z, t[i + 1], t[i + k + 1])) * bumps[i + 1]
                for i in range(len(bumps) - 1)
            ]
        return bumps

    def natural(self, theta: Floats) -> dict[str, Floats]:
        return {p.name: theta[:, i] for i, p in enumerate(self.family.parameters)}


def _rise(z: Floats, start: float, end: float) -> Floats:
    """From 0 at `start` to 1 at `end`; 0 where they are the same knot."""
    return np.zeros_like(z) if end <= start else (z - start) / (end - start)
