"""What members of an average count for: refitted to less of the curve, how far did they miss the rest of it?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Backtest:
    """The average of laws against the end of the curve it did not see, from several origins.

    `log_distance` is the longest distance tested, `error` the root mean square error there (on the forecast's scale),
    `growth` the error per unit of log distance beyond the noise.
    """

    origins: int
    log_distance: float
    error: float
    growth: float


def weigh(
    curves: Floats,
    origins: NDArray[np.bool_],
    z: Floats,
    observed: Floats,
    noise: float,
    usual: Floats | None = None,
    missed: Floats | float = 0.0,
    power: float = 1.0,
) -> tuple[Floats, Backtest | None]:
    """The members' weights, and how their average did from every origin.

    curves (members, origins, points or more); origins (origins, points): what each refit saw, the first everything; z
    (points,) log scale, rising; observed (points,) in the space of the curves; usual (members,): weights without a
    backtest, all alike by default; missed (members,): how far each lies from what it did see, where that counts too.
    A member's weight is divided by (noise + its error in backtests + missed)^power.
    """
    if usual is None:
        usual = np.full(curves.shape[0], 1.0 / curves.shape[0])
    if len(origins) == 1:
        weights = usual / (noise + missed) ** power
        return weights / weights.sum(), None
    unseen = [np.flatnonzero(~seen) for seen in origins[1:]]
    errors = [curves[:, k + 1, late] - observed[late] for k, late in enumerate(unseen)]
    by_member = np.sqrt(np.mean([np.mean(e**2, axis=1) for e in errors], axis=0))
    weights = usual / (noise + by_member + missed) ** power
    weights /= weights.sum()
    averaged = [weights @ e for e in errors]
    distances = [z[late] - z[late[0] - 1] for late in unseen]
    beyond = sum(float(np.mean(np.maximum(a**2 - noise**2, 0.0))) for a in averaged)
    growth = np.sqrt(beyond / sum(float(np.mean(d**2)) for d in distances))
    return weights, Backtest(
        origins=len(unseen),
        log_distance=float(distances[-1].max()),
        error=float(np.sqrt(np.mean(averaged[-1] ** 2))),
        growth=float(growth),
    )
