"""What a size would reach with other compute: by its own curve, by the law of all sizes, and by both averaged."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import Forecast, extrapolate
from scalewise.laws.extrapolate import DEGREES, WIDENING
from scalewise.laws.families import LOGISTIC, M3, POWER_FLOOR, Family
from scalewise.laws.paths import Paths, sample_paths
from scalewise.questions.equal_compute.contest import Entrant
from scalewise.questions.equal_compute.curves import Curve
from scalewise.questions.equal_compute.joint import JointLaw

Floats = NDArray[np.float64]

OWN, JOINT, AVERAGE = "own curve", "joint law", "average"
FEWEST_POINTS = 4
MANY_CURVES, MOST_CURVES = 10, 24
"""With more curves than the first, only the laws of up to four parameters continue them: the others take most of the
time. More than the second are not continued."""
QUICK: tuple[Family, ...] = (POWER_FLOOR, M3, LOGISTIC)
DOUBLINGS, STEPS = 20, 4
"""Paths go on for this many doublings of compute, in so many steps each."""
MOST_REFITS = 400
"""Refits of each law: more would not change a digit that is shown."""


@dataclass(frozen=True)
class Outlook:
    """A size's loss at `at` compute. `own` is its own curve continued, `joint` the law of all sizes moved to it.

    `share` is what the law of all sizes counts for in the average; `paths` are curves that may be, by way.
    """

    at: float
    own: Forecast | None
    joint: Entrant | None
    joint_backtested: bool
    share: float
    paths: dict[str, Paths]

    @property
    def ways(self) -> dict[str, tuple[float | None, Entrant]]:
        """The share and the loss of each way there is; where there are two, their average comes last."""
        found: dict[str, tuple[float | None, Entrant]] = {}
        if self.own is not None:
            found[OWN] = (1 - self.share, _entrant(self.own))
        if self.joint is not None:
            found[JOINT] = (self.share, self.joint)
        if self.own is not None and self.joint is not None:
            found[AVERAGE] = (None, _average(_entrant(self.own), self.joint, self.share))
        return found

    @property
    def entrant(self) -> Entrant:
        """The loss by all ways together."""
        return list(self.ways.values())[-1][1]

    @property
    def backtested(self) -> bool:
        """Whether backtests stand behind all that counts, from as far before the end of the curves as it reaches."""
        own = self.share == 1 or (self.own is not None and self.own.backtested)
        return own and (self.share == 0 or self.joint_backtested)


def is_curve(curve: Curve) -> bool:
    """Whether a size was observed at enough compute for a law of its own."""
    return np.unique(curve.compute).size >= FEWEST_POINTS


def outlook(
    curve: Curve,
    joint: JointLaw | None,
    at: float,
    tokens_per_compute: float | None,
    families: Sequence[Family] | None,
    refits: int,
    seed: int,
) -> Outlook | None:
    """What the size would reach at `at` compute; None where neither its own curve nor a law of all sizes says it.

    Its own curve is not asked where there are no `families` to ask; None are all that `extrapolate` knows.
    """
    spent = float(curve.compute.max())
    asked = is_curve(curve) and (families is None or len(families) > 0)
    own = extrapolate(curve.compute, curve.loss, [at], families=families, seed=seed) if asked else None
    law = joint if joint is not None and curve.size in joint.offsets and tokens_per_compute else None
    if own is None and law is None:
        return None
    grid = _grid(float(curve.compute.min()), spent)
    paths = {OWN: sample_paths(own, grid, refits, seed)} if own else {}
    other = None
    if law is not None and tokens_per_compute:
        other = law.entrant(curve.size, at * tokens_per_compute, spent * tokens_per_compute)
        paths[JOINT] = law.paths(curve.size, grid, grid * tokens_per_compute, spent * tokens_per_compute, seed)
    share = _share(own, other, law)
    paths[AVERAGE] = _pooled(paths, share, seed)
    reached = law is not None and law.backtest is not None and law.backtest.log_distance >= 0.99 * np.log(at / spent)
    return Outlook(at, own, other, reached, share, paths)


def _grid(first: float, end: float) -> Floats:
    """Compute from the first point of a curve to far beyond its end; the end and twice the end are among them."""
    seen = np.geomspace(first, end, 4 * STEPS, endpoint=False)
    return np.append(seen[seen < end * (1 - 1e-9)], end * 2.0 ** (np.arange(DOUBLINGS * STEPS + 1) / STEPS))


def _entrant(forecast: Forecast) -> Entrant:
    noise, whole = WIDENING * forecast.noise, float(forecast.scale[0])
    return Entrant(float(forecast.centre[0]), noise, DEGREES, float(np.sqrt(max(0.0, whole**2 - noise**2))))


def _share(own: Forecast | None, joint: Entrant | None, law: JointLaw | None) -> float:
    """What the law of all sizes counts for: each way as 1 / (noise + backtest error at that distance).

    Nothing that could not be backtested counts beside what could.
    """
    if own is None or joint is None or law is None:
        return float(own is None)
    if own.backtest is None or law.backtest is None:
        neither = own.backtest is None and law.backtest is None
        return 0.5 if neither else float(own.backtest is None)
    precise = 1 / (own.noise + own.backtest.growth * own.distance), 1 / law.error(float(np.exp(own.distance)))
    return precise[1] / sum(precise)


def _average(own: Entrant, joint: Entrant, share: float) -> Entrant:
    """The mean; its variance is that of the ways, and of the distance between them."""
    shares = np.array([1 - share, share])
    noise, missed = np.array([own.scale or 0.0, joint.scale or 0.0]), np.array([own.missed, joint.missed])
    between = share * (1 - share) * (own.log_loss - joint.log_loss) ** 2
    centre = float(shares @ [own.log_loss, joint.log_loss])
    return Entrant(centre, float(np.sqrt(shares @ noise**2)), DEGREES, float(np.sqrt(shares @ missed**2 + between)))


def _pooled(paths: dict[str, Paths], share: float, seed: int) -> Paths:
    """Paths of both ways, each as many as it counts for."""
    if share in (0.0, 1.0):
        return paths[JOINT if share else OWN]
    rng = np.random.default_rng([seed, 3])
    most = min(p.limits.size for p in paths.values())
    chosen = []
    for way, part in ((OWN, 1 - share), (JOINT, share)):
        rows = np.sort(rng.choice(paths[way].limits.size, round(part * most), replace=False))
        chosen.append((paths[way].values[rows], paths[way].limits[rows]))
    values, limits = (np.concatenate(parts) for parts in zip(*chosen, strict=True))
    return Paths(paths[OWN].x, values, limits)
