"""Smoothly broken power laws over a floor: the exponent changes by c_i about d_i, over a width f_i in log x."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.curve import LEAST_FLOOR_SHARE, BoundCurve, Spread, sigmoid
from scalewise.laws.families.family import Family, Parameter, Space

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BrokenPower(Family):
    """One or two breaks."""

    breaks: int

    def bind(self, x: Floats, y: Floats) -> "BoundBrokenPower":
        return BoundBrokenPower(self, Spread.of(x, y))


@dataclass(frozen=True)
class BoundBrokenPower(BoundCurve):
    """(log a, log b, c0), then (c_i, log d_i, log f_i) for each break."""

    family: BrokenPower
    space: ClassVar[Space] = "log"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        s = self.spread
        floor, middle = np.log(s.y_low), np.log(s.y_size)
        low = [floor + np.log(LEAST_FLOOR_SHARE), middle - 20.0, -4.0]
        high = [floor, middle + 20.0, 4.0]
        return (
            np.array(low + [-4.0, s.z_low, np.log(s.z_range / 60)] * self.family.breaks),
            np.array(high + [4.0, s.z_high + s.z_range, np.log(s.z_range)] * self.family.breaks),
        )

    @property
    def start_box(self) -> tuple[Floats, Floats]:
        s = self.spread
        floor, middle = np.log(s.y_low), np.log(s.y_size)
        low = [floor - 4.0, middle - 2.0, 0.0]
        high = [floor, middle + 1.0, 0.8]
        return (
            np.array(low + [-0.5, s.z_low, np.log(s.z_range / 20)] * self.family.breaks),
            np.array(high + [0.5, s.z_high, np.log(s.z_range / 3)] * self.family.breaks),
        )

    def _parts(self, theta: tuple[Floats, ...], z: Floats) -> tuple[Floats, list[Floats]]:
        floor, level, exponent = theta[:3]
        line = level - exponent * z
        by_break: list[Floats] = []
        for i in range(self.family.breaks):
            change, place, log_width = theta[3 + 3 * i : 6 + 3 * i]
            width = np.exp(log_width)
            u = (z - place) / width
            bend, share = np.logaddexp(0.0, u), sigmoid(u)
            line = line - change * width * bend
            by_break += [-width * bend, change * share, -change * width * (bend - u * share)]
        value = np.logaddexp(floor, line)
        above = sigmoid(line - floor)
        return value, [1 - above, above, -above * z, *(above * derivative for derivative in by_break)]

    def natural(self, theta: Floats) -> dict[str, Floats]:
        centre = self.spread.log_x_mean
        level, exponent = theta[:, 1], theta[:, 2]
        values = {"a": np.exp(theta[:, 0]), "b": np.exp(level + exponent * centre), "c0": exponent}
        for i in range(self.family.breaks):
            change, place, log_width = theta[:, 3 + 3 * i : 6 + 3 * i].T
            values |= {
                f"c{i + 1}": change,
                f"d{i + 1}": np.exp(place + centre),
                f"f{i + 1}": np.exp(log_width),
            }
        return values


def _broken(breaks: int) -> BrokenPower:
    factors = " ".join(f"(1 + (x/d{i})^(1/f{i}))^(-c{i} f{i})" for i in range(1, breaks + 1))
    parameters = [Parameter("a", "floor"), Parameter("b", "coefficient"), Parameter("c0", "exponent before the breaks")]
    for i in range(1, breaks + 1):
        parameters += [
            Parameter(f"c{i}", f"change of exponent at break {i}"),
            Parameter(f"d{i}", f"x of break {i}"),
            Parameter(f"f{i}", f"width of break {i} in log x"),
        ]
    return BrokenPower(
        name="one break" if breaks == 1 else "two breaks",
        formula=f"a + b x^-c0 {factors}",
        source="Caballero et al. 2022, arXiv 2210.14891, equation 1",
        inputs=1,
        parameters=tuple(parameters),
        breaks=breaks,
    )


ONE_BREAK, TWO_BREAKS = _broken(1), _broken(2)
