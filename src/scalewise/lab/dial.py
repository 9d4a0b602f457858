"""Sizes by one dial: the number of trainable parameters, from which width, depth and heads follow by a rule.

At every depth there is a width that comes nearest to the parameters asked for; taken is the depth whose width is
nearest to `aspect` times it. Arms of other architectures get about the same parameters in shapes of their own.
"""

import math
from collections.abc import Callable, Iterator
from itertools import count, pairwise

from scalewise.lab.shapes import Shape

WIDTHS_PER_DOUBLING = 4
"""Widths are 16, 20, 24, 28, 32, 40, ...: what processors multiply fast, an eighth from the wanted one at most."""
NARROWEST = 8
HEAD_WIDTH = 32
MOST_DEPTH = 64
ShapeAt = Callable[[int, int, int], Shape]
"""The shape of a width, a depth and a number of heads."""


def dialled(params: float, aspect: float, shape_at: ShapeAt) -> tuple[int, int, int]:
    """Width, depth and heads of the model of about `params` parameters whose width is about `aspect` depths."""
    shapes = [(_width(params, depth, shape_at), depth) for depth in range(1, MOST_DEPTH + 1)]
    width, depth = min(shapes, key=lambda shape: abs(math.log(shape[0] / shape[1] / aspect)))
    return width, depth, heads_of(width)


def heads_of(width: int) -> int:
    """The most heads of at least `HEAD_WIDTH`, each of an even width (rotary positions turn pairs)."""
    return next(heads for heads in range(max(1, width // HEAD_WIDTH), 0, -1) if width % (2 * heads) == 0)


def _width(params: float, depth: int, shape_at: ShapeAt) -> int:
    """The width at which a model of this depth has the nearest number of parameters, which grow with it."""
    for low, high in pairwise(_widths()):
        if _params(high, depth, shape_at) >= params:
            return min(low, high, key=lambda width: abs(math.log(_params(width, depth, shape_at) / params)))
    raise AssertionError("widths have no end")


def _widths() -> Iterator[int]:
    for doubling in count():
        narrowest = NARROWEST * 2**doubling
        yield from range(narrowest, 2 * narrowest, max(4, narrowest // WIDTHS_PER_DOUBLING))


def _params(width: int, depth: int, shape_at: ShapeAt) -> int:
    return shape_at(width, depth, heads_of(width)).params
