"""Points of a curve as people hand them over: checked, as arrays, in the order of x."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def numbers(name: str, values: ArrayLike, positive: bool) -> Floats:
    """A sequence of finite numbers, greater than 0 if `positive`. ValueError says which one is not, and where."""
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if not array.size:
        raise ValueError(f"{name} is empty")
    wrong = np.flatnonzero(~np.isfinite(array) | ((array <= 0) & positive))
    if wrong.size:
        rows = ", ".join(str(i) for i in wrong[:5])
        kind = "finite and greater than 0" if positive else "finite"
        raise ValueError(f"{name} must be {kind}; it is {array[wrong[0]]:g} at position {rows}")
    return array


def curve(x: ArrayLike, y: ArrayLike, positive_y: bool, fewest: int, purpose: str) -> tuple[Floats, Floats]:
    """x > 0 and y (points,), by rising x. ValueError says what is wrong, or that `purpose` needs more distinct x."""
    if np.ndim(x) > 1 or np.shape(x) != np.shape(y):
        raise ValueError(
            f"x and y must be two sequences of one length; they have shapes {np.shape(x)} and {np.shape(y)}"
        )
    xs, ys = numbers("x", x, positive=True), numbers("y", y, positive_y)
    distinct = np.unique(xs).size
    if distinct < fewest:
        raise ValueError(f"there are {distinct} distinct x; {purpose} needs at least {fewest}")
    order = np.argsort(xs, kind="stable")
    return xs[order], ys[order]
