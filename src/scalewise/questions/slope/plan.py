"""The cheapest further runs that are expected to settle whether slopes differ, from the design of the fitted laws.

What a further point of each group would do to the standard error of the difference follows from the laws' derivatives
there; the estimate itself will move by what the error loses (its variance is the difference of the two variances).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.questions import wording
from scalewise.questions.next_run import flops_at, proposal
from scalewise.questions.slope.contrasts import Contrast
from scalewise.questions.slope.curves import Average, Law
from scalewise.questions.slope.samples import Sample
from scalewise.runs.table import Runs

Floats = NDArray[np.float64]

STRETCHES = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Beyond the largest x of the data."""
SHORTER = (1.0, 1.5, 3.0)
"""Before the smallest, or closer to the floor of a loss."""
SEEDS = (1, 2, 3, 5, 8, 16)
WANTED = 0.8
NUDGE = 1e-6


@dataclass(frozen=True)
class Candidate:
    """`seeds` runs at `x` in each of the two groups: their cost in flops, the chance that they settle the question and
    the half width of the 95 % interval of the ratio of exponents then."""

    x: tuple[float, float]
    seeds: int
    flops: float | None
    settles: float
    half: float


def next_run(
    runs: Runs,
    average: Average,
    sample: Sample,
    contrast: Contrast,
    x: str,
    margin: float,
    budget: float | None,
    runs_a_point: int,
) -> str:
    """The cheapest runs that settle the slope of this group with 80 % probability, or the ones that come closest."""
    pair = (0, contrast.group)
    places = _places(average, sample, pair)
    one = [runs.of_group(sample.names[group]) for group in pair]
    found = []
    for place in places:
        costs = [flops_at(of, x, at) for of, at in zip(one, place, strict=True)]
        for seeds in SEEDS:
            cost = None if None in costs else seeds * runs_a_point * sum(c for c in costs if c is not None)
            found.append(Candidate(place, seeds, cost, *_outlook(average, sample, pair, place, seeds, margin)))
    affordable = [c for c in found if budget is None or c.flops is None or c.flops <= budget]
    names = [sample.names[group] for group in pair]
    enough = [c for c in affordable if c.settles >= WANTED] or [c for c in found if c.settles >= WANTED]
    if not enough:
        best = max(affordable or found, key=lambda c: c.settles)
        text = _said(best, names, x, runs_a_point, budget)
        return f"no single further point would settle it with {WANTED:.0%} probability; the best is {text}"
    cheapest = min(enough, key=lambda c: c.flops or c.seeds * sum(c.x))
    return _said(cheapest, names, x, runs_a_point, budget)


def _places(average: Average, sample: Sample, pair: tuple[int, int]) -> list[tuple[float, float]]:
    """The x of new points of both groups: the same, or for a loss, which has a floor, as much closer to it."""
    spans = [sample.span(group) for group in pair]
    floors = [float(average.heaviest.curves.start[0, group]) for group in pair]
    if any(floors):
        return [(floors[0] + (spans[0][0] - floors[0]) / s, floors[1] + (spans[1][0] - floors[1]) / s) for s in SHORTER]
    low, high = min(s[0] for s in spans), max(s[1] for s in spans)
    return [(at, at) for at in (*(high * s for s in STRETCHES), *(low / s for s in SHORTER))]


def _said(c: Candidate, names: list[str], x: str, runs_a_point: int, budget: float | None) -> str:
    what = "a run" if runs_a_point == 1 else f"a budget of {runs_a_point} runs"
    at = list(dict.fromkeys(wording.count(value) for value in c.x))
    return proposal(
        f"{what} of each of {' and '.join(names)} at {x} {' and '.join(at)}",
        None if c.flops is None else c.flops / c.seeds,
        c.seeds,
        f"expected to settle it with {wording.probability(c.settles)} probability and to leave the ratio of exponents "
        f"known to +/- {c.half:.2g}",
        budget,
    )


def _outlook(
    average: Average, sample: Sample, pair: tuple[int, int], x: tuple[float, float], seeds: int, margin: float
) -> tuple[float, float]:
    """The chance that the question is settled, and the half width of the ratio's interval then.

    Every law in turn is the truth, as often as its weight says; the others then lose weight by how far off what they
    predict at the new points is.
    """
    from scipy.special import ndtr, stdtrit

    laws, group = average.laws, pair[1]
    weights = np.array([law.weight for law in laws])
    shares = [law.curves.exponent[:, group] / law.curves.exponent[:, 0] - 1 for law in laws]
    apart = np.array([share[0] for share in shares])
    before = np.array([np.ptp(np.percentile(share[1:], [15.9, 84.1])) / 2 for share in shares])
    shrunk, freedom = np.array([_shrinkage(law, sample, pair, x, seeds) for law in laws]).T
    then = weights * _likelihoods(laws, sample, pair, x, seeds)
    then /= then.sum(axis=1, keepdims=True)
    centre = then @ apart
    after = np.sqrt(then @ (before * shrunk) ** 2 + then @ apart**2 - centre**2)
    moves = np.sqrt(np.maximum(before**2 * (1 - shrunk**2), 1e-12))
    free = 1 / (then @ (1 / freedom))
    wide, narrow = (stdtrit(free, p) * after for p in (0.975, 0.95))
    differ = ndtr((centre - wide) / moves) + ndtr((-wide - centre) / moves)
    room = np.minimum(margin - narrow, wide)
    alike = np.where(room > 0, ndtr((room - centre) / moves) - ndtr((-room - centre) / moves), 0.0)
    return float(min(1.0, weights @ (differ + alike))), float(weights @ wide)


def _likelihoods(
    laws: tuple[Law, ...], sample: Sample, pair: tuple[int, int], x: tuple[float, float], seeds: int
) -> Floats:
    """How likely each law (columns) makes the new points that each law (rows) predicts, relative to its own."""
    distance = np.zeros((len(laws), len(laws)))
    for group, at in zip(pair, x, strict=True):
        ahead = [law.curves.log_y(group, np.array([at]))[:, 0] for law in laws]
        centre = np.array([draws[0] for draws in ahead])
        errors = np.array([_noise(law, sample) ** 2 / seeds for law in laws])
        variance = np.array([np.var(draws[1:]) for draws in ahead]) + errors
        distance += (centre[:, None] - centre) ** 2 / variance
    return np.exp(-0.5 * distance)


def _noise(law: Law, sample: Sample) -> float:
    """How far off its law one more point is, in log y."""
    if sample.errors is not None:
        return float(np.median(sample.errors))
    return float(np.sqrt(2 * law.fit.objective / max(1, law.fit.points - law.fit.theta.shape[1])))


def _shrinkage(
    law: Law, sample: Sample, pair: tuple[int, int], x: tuple[float, float], seeds: int
) -> tuple[float, float]:
    """The standard error of the difference with the new points, as a share of today's, and the degrees of freedom."""
    bound, fit = law.fit.bound, law.fit
    assert bound is not None
    assert fit.data is not None
    members = np.repeat(pair, seeds)
    new = np.stack([np.repeat(x, seeds) - law.curves.start[0, members], members.astype(np.float64)], axis=1)
    inputs = np.concatenate([fit.data.x, new])
    _, jacobian = bound.in_space("log", fit.theta, inputs)
    errors = np.ones(sample.x.size) if sample.errors is None else sample.errors
    design = jacobian[0] / np.append(errors, np.full(members.size, np.median(errors)))
    toward = _gradient(law, pair[1])

    def variance(points: int) -> float:
        used = design[:, :points]
        return float(toward @ np.linalg.pinv(used @ used.T) @ toward)

    freedom = max(1, inputs.shape[0] - fit.theta.shape[1])
    ratio = variance(inputs.shape[0]) / max(variance(sample.x.size), 1e-300)
    return float(np.sqrt(min(ratio, 1.0))), 1e6 if sample.errors is not None else float(freedom)


def _gradient(law: Law, group: int) -> Floats:
    """The derivative of the difference of exponents by the law's internal coordinates."""
    fit = law.fit
    assert fit.bound is not None
    steps = NUDGE * np.eye(fit.theta.shape[1])
    sides = []
    for sign in (1, -1):
        values = fit.bound.natural(fit.theta + sign * steps)
        sides.append(values[f"alpha[{group}]"] - values["alpha[0]"])
    return np.asarray((sides[0] - sides[1]) / (2 * NUDGE))
