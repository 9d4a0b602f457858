"""Sizes by one dial: the number of trainable parameters, from which width, depth and heads follow by a rule.

At every depth there is a width that comes nearest to the parameters asked for; taken is the depth whose width is
nearest to `aspect` times it, or the one depth, or the depth at the one width, that is given. Arms of other
architectures get about the same parameters in shapes of their own.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, pairwise

from scalewise.lab.shapes import Shape

WIDTHS_PER_DOUBLING = 4
"""Widths are 16, 20, 24, 28, 32, 40, ...: what processors multiply fast, an eighth from the wanted one at most."""
NARROWEST = 8
HEAD_WIDTH = 32
MOST_DEPTH = 64
MOST_OFF = 1.5
"""By what factor a model of a given width may miss the parameters asked for."""
ShapeAt = Callable[[int, int, int], Shape]
"""The shape of a width, a depth and a number of heads."""


@dataclass(frozen=True)
class Rules:
    """How a shape follows from its parameters: the width is about `aspect` depths and a head `head_width` wide, unless
    a depth, a width or a number of heads is given."""

    aspect: float = 24.0
    head_width: int = HEAD_WIDTH
    heads: int | None = None
    depth: int | None = None
    width: int | None = None

    def heads_of(self, width: int) -> int:
        """The given number; else the most heads that are wide enough, each of an even width (rotary positions turn
        pairs)."""
        if self.heads:
            return self.heads
        most = max(1, width // self.head_width)
        return next((heads for heads in range(most, 0, -1) if width % (2 * heads) == 0), 1)

    def fits(self, width: int) -> bool:
        return width % (2 * self.heads_of(width)) == 0


def dialled(params: float, rules: Rules, shape_at: ShapeAt) -> tuple[int, int, int]:
    """Width, depth and heads of the model of about `params` parameters. Raises ValueError where a given width allows
    none."""

    def off(width: int, depth: int) -> float:
        return abs(math.log(shape_at(width, depth, rules.heads_of(width)).params / params))

    depths = [rules.depth] if rules.depth else list(range(1, MOST_DEPTH + 1))
    if rules.width:
        width = rules.width
        depth = min(depths, key=lambda depth: off(width, depth))
        if off(width, depth) > math.log(MOST_OFF):
            raise ValueError(f"no depth up to {depths[-1]} gives a model of width {width} about {params:g} params")
    else:
        shapes = [(_width(params, depth, rules, shape_at), depth) for depth in depths]
        width, depth = min(shapes, key=lambda shape: abs(math.log(shape[0] / shape[1] / rules.aspect)))
    return width, depth, rules.heads_of(width)


def _width(params: float, depth: int, rules: Rules, shape_at: ShapeAt) -> int:
    """The width at which a model of this depth has the nearest number of parameters, which grow with it."""

    def params_at(width: int) -> int:
        return shape_at(width, depth, rules.heads_of(width)).params

    for low, high in pairwise(_widths(rules)):
        if params_at(high) >= params:
            return min(low, high, key=lambda width: abs(math.log(params_at(width) / params)))
    raise AssertionError("widths have no end")


def _widths(rules: Rules) -> Iterator[int]:
    """Where a number of heads is given, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, ... times the narrowest that they divide."""
    unit = 2 * rules.heads if rules.heads else 0
    for doubling in count():
        narrowest = (unit or NARROWEST) * 2**doubling
        step = max(unit or 4, narrowest // WIDTHS_PER_DOUBLING)
        yield from (width for width in range(narrowest, 2 * narrowest, step) if rules.fits(width))
