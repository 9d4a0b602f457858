"""One group against the baseline under the averaged laws: exponents, level, x for the same y, and the crossing."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import Estimate
from scalewise.laws.fit import estimate
from scalewise.questions.multiplicity import holm
from scalewise.questions.slope.curves import Average, Curves
from scalewise.questions.slope.samples import Sample

Floats = NDArray[np.float64]

BEYOND = 100.0
"""How many times beyond the data, to either side, a crossing is looked for."""
GRID = 401
ALPHA = 0.05


@dataclass(frozen=True)
class Crossing:
    """Where two curves meet: `x` and its 95 % interval, of which an end is None where the data do not set it, and the
    probability that they meet at an x that both groups cover (None where no x is covered by both)."""

    x: float | None
    low: float | None
    high: float | None
    inside: float | None


@dataclass(frozen=True)
class Contrast:
    """A group against the baseline.

    `ratio` is its exponent as a share of the baseline's and `p` the p-value of their difference, `p_holm` adjusted for
    the number of groups; `p_alike` is the p-value against a difference as large as the margin. `level` is log y here
    minus there at the geometric middle `middle` of the x that both cover; None where there is none.
    """

    group: int
    ratio: Estimate
    p: float
    p_alike: float
    middle: float | None
    level: Estimate | None
    p_level: float | None
    crossing: Crossing
    p_holm: float = 1.0

    @property
    def slope_differs(self) -> bool:
        return self.p_holm <= ALPHA

    @property
    def slope_alike(self) -> bool:
        return not self.slope_differs and self.p_alike <= ALPHA

    @property
    def level_differs(self) -> bool:
        return self.p_level is not None and self.p_level <= ALPHA


def contrasts(average: Average, sample: Sample, margin: float) -> list[Contrast]:
    """Every other group against the baseline, group 0."""
    found = [_contrast(average, sample, group, margin) for group in range(1, len(sample.names))]
    adjusted = holm([c.p for c in found])
    return [Contrast(**{**vars(contrast), "p_holm": float(p)}) for contrast, p in zip(found, adjusted, strict=True)]


def two_sided(draws: Floats) -> float:
    """The p-value of a difference being 0, from its refits."""
    beyond = min(np.sum(draws <= 0), np.sum(draws >= 0))
    return float(min(1.0, 2 * (1 + beyond) / (1 + draws.size)))


def _contrast(average: Average, sample: Sample, group: int, margin: float) -> Contrast:
    ratio = average.of(lambda c: c.exponent[:, group] / c.exponent[:, 0])
    apart = average.of(lambda c: (c.exponent[:, group] - c.exponent[:, 0]) / abs(c.exponent[0, 0]))[1:]
    within = max(np.mean(apart >= margin), np.mean(apart <= -margin))
    both = shared_x(sample, group)
    middle = float(np.sqrt(both[0] * both[1])) if both else None
    level = None
    if middle is not None:
        level = average.of(lambda c: _gap(c, group, np.array([middle]))[:, 0])
    return Contrast(
        group,
        estimate(float(ratio[0]), ratio[1:]),
        two_sided(apart),
        float((1 + within * apart.size) / (1 + apart.size)),
        middle,
        None if level is None else estimate(float(level[0]), level[1:]),
        None if level is None else two_sided(level[1:]),
        _crossing(average, sample, group, both),
    )


def _gap(curves: Curves, group: int, x: Floats) -> Floats:
    """log y of the group minus the baseline's at x: (1 + refits, points)."""
    return curves.log_y(group, x) - curves.log_y(0, x)


def shared_x(sample: Sample, group: int) -> tuple[float, float] | None:
    """The smallest and the largest x that both the baseline and the group cover."""
    (low, high), (first, last) = sample.span(0), sample.span(group)
    both = max(low, first), min(high, last)
    return both if both[0] < both[1] else None


def _crossing(average: Average, sample: Sample, group: int, both: tuple[float, float] | None) -> Crossing:
    """The interval holds the x at which a difference of 0 is inside the 95 % interval of the difference (Fieller 1954).

    So it has an open end where the curves may be parallel from there on.
    """
    spans = sample.span(0), sample.span(group)
    low, high = min(s[0] for s in spans), max(s[1] for s in spans)
    shifted = any(law.curves.start.any() for law in average.laws)
    reach = 1.0 if shifted else BEYOND  # a loss has a floor: nothing is known far beyond it
    grid = np.geomspace(low / reach, high * reach, GRID)
    gap = average.of(lambda c: _gap(c, group, grid))
    inside = None
    if both:
        covered = gap[1:, (grid >= both[0]) & (grid <= both[1])]
        inside = float(np.mean(np.any(np.diff(np.sign(covered), axis=1) != 0, axis=1)))
    crossed = np.flatnonzero(np.diff(np.sign(gap[0])) != 0)
    x = None
    if crossed.size:
        middle = np.sqrt(low * high)
        k = int(crossed[np.argmin(np.abs(np.log(grid[crossed] / middle)))])
        share = gap[0, k] / (gap[0, k] - gap[0, k + 1])
        x = float(grid[k] * (grid[k + 1] / grid[k]) ** share)
    below, above = np.percentile(gap[1:], [2.5, 97.5], axis=0)
    possible = np.flatnonzero((below <= 0) & (above >= 0))
    if not possible.size:
        return Crossing(x, x, x, inside)
    first, last = int(possible[0]), int(possible[-1])
    return Crossing(
        x,
        None if first == 0 else float(grid[first]),
        None if last == GRID - 1 else float(grid[last]),
        inside,
    )


@dataclass(frozen=True)
class Multiplier:
    """How many times as much x the baseline needs as a group does for the same `y`; `log` is its logarithm
    (1 + refits,) and `log_x` that of the x at which the group reaches y. `asked`: this place was asked about."""

    group: int
    y: float
    log_x: float
    log: Floats
    asked: bool = False

    @property
    def times(self) -> Estimate:
        e = estimate(float(self.log[0]), self.log[1:])
        with np.errstate(over="ignore"):
            return Estimate(*(float(np.exp(v)) for v in (e.value, e.low, e.high)))


def multipliers(average: Average, sample: Sample, group: int, at: float | None) -> list[Multiplier]:
    """At both ends and the middle of the y that both groups reach, after the place asked about: a y, or else an x of
    the baseline."""
    both = shared_y(average, sample, group)
    if both is None:
        return []
    found = [_at_y(average, group, float(y)) for y in np.geomspace(*both, 3)]
    if at is None:
        return found
    if both[0] <= at <= both[1]:
        return [_at_y(average, group, at, asked=True), *found]
    low, high = sample.span(0)
    if low <= at <= high:
        y = float(np.exp(average.of(lambda c: c.log_y(0, np.array([at]))[:, 0])[0]))
        if both[0] <= y <= both[1]:
            return [_at_x(average, group, at, y), *found]
    return found


def _at_y(average: Average, group: int, y: float, asked: bool = False) -> Multiplier:
    log = average.of(lambda c: _apart(c.log_x(0, np.array([y])), c.log_x(group, np.array([y]))))
    x = float(average.of(lambda c: c.log_x(group, np.array([y]))[:, 0])[0])
    return Multiplier(group, y, x, log, asked)


def _at_x(average: Average, group: int, x: float, y: float) -> Multiplier:
    """The baseline has x; the group needs what it takes for the same y, which is about `y`."""
    log = average.of(lambda c: _apart(np.log([[x]]), c.log_x(group, np.exp(c.log_y(0, np.array([x]))))))
    return Multiplier(group, y, float(np.log(x) - log[0]), log, asked=True)


def _apart(baseline: Floats, group: Floats) -> Floats:
    """Differences of log x (1 + refits,); 0 where a refit lets neither curve come that far."""
    with np.errstate(invalid="ignore"):
        return np.nan_to_num((baseline - group)[:, 0], nan=0.0, posinf=np.inf, neginf=-np.inf)


def main_one(found: list[Multiplier], group: int) -> Multiplier | None:
    """A group's multiplier at the place asked about, else in the middle."""
    own = [m for m in found if m.group == group]
    return next((m for m in own if m.asked), own[len(own) // 2] if own else None)


def shared_y(average: Average, sample: Sample, group: int) -> tuple[float, float] | None:
    """The lowest and the highest y that the curves of both groups reach at the x of their own points."""
    reached = []
    for one in (0, group):
        ends = np.array(sample.span(one))
        reached.append(np.exp(np.sort(average.of(partial(Curves.log_y, group=one, x=ends))[0])))
    low, high = max(r[0] for r in reached), min(r[1] for r in reached)
    return (float(low), float(high)) if low < high else None
