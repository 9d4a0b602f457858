"""95 % intervals of shares and of their differences, from few clusters: t, and never wider than shares can be."""

import math

import numpy as np
from numpy.typing import NDArray

from scalewise.runs.clustered import ROUNDING, flat_error, half_width

Floats = NDArray[np.float64]


def between_shares(value: float, margin: float) -> tuple[float, float, float]:
    """A difference of shares and its interval, which lie between -1 and 1."""
    return value, max(-1.0, value - margin), min(1.0, value + margin)


def mean_share(values: Floats) -> tuple[float, float, float]:
    """The mean of shares (clusters,) and its 95 % interval."""
    deviation, count = float(values.std(ddof=1)), values.size
    margin = half_width(flat_error(count) if deviation < ROUNDING else deviation / count**0.5, count)
    value = float(values.mean())
    return value, max(0.0, value - margin), min(1.0, value + margin)


def share_interval(value: float, se: float, clusters: int, responses: int) -> tuple[float, float]:
    """The interval of a share of yes: Wilson's, with t, at the number of independent responses that `se` amounts to.

    Dean and Pagano 2015 recommend it for clustered responses: near 0 and 1, where value +- t se is too short, it is
    not. Where all responses are alike, every cluster counts as one.
    """
    spread = value * (1 - value)
    size = min(responses, spread / se**2) if spread > ROUNDING else clusters
    weight = half_width(1.0, clusters) ** 2 / size
    if math.isinf(weight):
        return 0.0, 1.0
    centre = (value + weight / 2) / (1 + weight)
    margin = math.sqrt(weight * (spread + weight / 4)) / (1 + weight)
    return max(0.0, centre - margin), min(1.0, centre + margin)
