"""Power laws with a shift: of x (a slow start), or of 1/x (a slow end; M3 of the extrapolation benchmark)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import BoundCurve, Spread, sigmoid
from scalewise.laws.families.family import Family, Parameter, Space

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ShiftedPower(Family):
    """A power of x + x0, or of 1/x + gamma."""

    of_inverse: bool

    def bind(self, x: Floats, y: Floats) -> "BoundShiftedPower":
        return BoundShiftedPower(self, Spread.of(x, y))


@dataclass(frozen=True)
class BoundShiftedPower(BoundCurve):
    """(log y at the centre, exponent, log of the shift)."""

    family: ShiftedPower
    space: ClassVar[Space] = "log"

    @property
    def _sign(self) -> float:
        return 1.0 if self.family.of_inverse else -1.0

    @property
    def _shift_box(self) -> tuple[float, float]:
        """The shift is felt inside the data: near the start for x + x0, near the end for 1/x + gamma."""
        if self.family.of_inverse:
            return -self.spread.z_high - 3.0, -self.spread.z_low
        return self.spread.z_low - 3.0, self.spread.z_high

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        low, high = self._shift_box
        middle = np.log(self.spread.y_size)
        return np.array([middle - 40.0, -4.0, low - 20.0]), np.array([middle + 40.0, 4.0, high + 3.0])

    @property
    def start_box(self) -> tuple[Floats, Floats]:
        low, high = self._shift_box
        middle = np.log(self.spread.y_size)
        return np.array([middle - 2.0, 0.0, low]), np.array([middle + 2.0, 1.0, high])

    def _parts(self, theta: tuple[Floats, ...], z: Floats) -> tuple[Floats, list[Floats]]:
        level, exponent, shift = theta
        t = -z if self.family.of_inverse else z
        # taken at the centre, or a large shift would move the whole curve and trade off against its level
        base = self._sign * (np.logaddexp(t, shift) - np.logaddexp(0.0, shift))
        by_shift = self._sign * exponent * (sigmoid(shift - t) - sigmoid(shift))
        return level + exponent * base, [np.ones_like(base), base, by_shift]

    def natural(self, theta: Floats) -> dict[str, Floats]:
        level, exponent, shift = theta.T
        centre = self.spread.log_x_mean
        level = level - self._sign * exponent * np.logaddexp(0.0, shift)
        moved = shift - centre if self.family.of_inverse else shift + centre
        values = [np.exp(level + exponent * centre), exponent, np.exp(moved)]
        return dict(zip((p.name for p in self.family.parameters), values, strict=True))


SHIFTED_POWER = ShiftedPower(
    name="shifted power",
    formula="A / (x + x0)^alpha",
    source="Rosenfeld et al. 2020, arXiv 1909.12673",
    inputs=1,
    parameters=(
        Parameter("A", "coefficient"),
        Parameter("alpha", "exponent"),
        Parameter("x0", "shift of x"),
    ),
    of_inverse=False,
)

M3 = ShiftedPower(
    name="M3",
    formula="beta (1/x + gamma)^c",
    source="Alabdulmohsin et al. 2022, arXiv 2209.06640, M3",
    inputs=1,
    parameters=(
        Parameter("beta", "coefficient"),
        Parameter("c", "exponent"),
        Parameter("gamma", "shift of 1/x"),
    ),
    of_inverse=True,
)
