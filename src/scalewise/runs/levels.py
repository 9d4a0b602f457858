"""Which runs had equal compute: values that lie close together on a log scale form a level."""

import numpy as np
from numpy.typing import NDArray

EQUAL_WITHIN = 0.02
"""Two amounts of compute within 2 % are equal: a batch more or less of a short run."""
WIDEST = 0.10
"""No level is wider than this, however gradually its values follow each other."""


def compute_levels(compute: NDArray[np.float64]) -> NDArray[np.int64]:
    """The level of each value, numbered from the lowest: (values,)."""
    distinct, back = np.unique(compute, return_inverse=True)
    with np.errstate(divide="ignore"):  # a curve may begin at no compute, which is a level of its own
        logs = np.log(distinct)
    levels = np.zeros(distinct.size, np.int64)
    first = 0
    for i in range(1, distinct.size):
        apart = logs[i] - logs[i - 1] > np.log1p(EQUAL_WITHIN) or logs[i] - logs[first] > np.log1p(WIDEST)
        first = i if apart else first
        levels[i] = levels[i - 1] + apart
    return np.asarray(levels[back])
