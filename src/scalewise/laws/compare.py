"""Telling laws apart: which of several families the data speak for, and when they cannot tell.

Criteria such as AICc take correlated errors for structure: along a training curve with rho = .9 they find a break in
nine of ten curves that have none. Here every family in turn is taken for the truth: data are simulated from its fit,
with the noise's autocorrelation and changing size, and all families are refitted to them. How often does a rival
look better than it does on the real data? Which family would have been chosen? What new point would settle it?
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalewise.laws.contest import Contest, Outcome
from scalewise.laws.families import (
    LINEAR,
    LOGARITHM,
    LOGISTIC,
    ONE_BREAK,
    POWER,
    POWER_CEILING,
    POWER_FLOOR,
    STEP,
    Family,
    Logistic,
)
from scalewise.laws.fit import Fit, fit_law
from scalewise.laws.points import curve
from scalewise.laws.residual import LOG_SQUARES, PLAIN_SQUARES, Residual

Floats = NDArray[np.float64]

FOR_LOSSES: tuple[Family, ...] = (POWER, POWER_FLOOR, LOGARITHM, ONE_BREAK)
FOR_ACCURACIES: tuple[Family, ...] = (LINEAR, LOGARITHM, POWER_CEILING, LOGISTIC, STEP)
LEVEL = 0.05
POWER_WANTED = 0.8
STRETCHES = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
SEEDS = (1, 2, 3, 5, 8, 16, 32)


@dataclass(frozen=True)
class Pair:
    """Two families. `ratio` is the log likelihood ratio, above 0 in favour of `second`.

    `p_first` is how often, if `first` were true, `second` would look at least this much better; `p_second` the other
    way round. `power` is the chance that data like these would reject `first` if `second` were true. `preferred` is a
    name, "neither" or "cannot tell".
    """

    first: str
    second: str
    ratio: float
    p_first: float
    p_second: float
    power: float
    preferred: str


@dataclass(frozen=True)
class Settling:
    """A new point at `x`, as the mean of `seeds` runs, that would tell two families apart with this `power`.

    `x` has one number per input of the laws.
    """

    first: str
    second: str
    x: tuple[float, ...]
    seeds: int
    power: float


@dataclass(frozen=True)
class Comparison:
    """What the data say about the families.

    `criterion` is the Bayesian information criterion with correlated errors, lower is better;
    `confusion[truth][chosen]` is the share of data sets simulated from `truth` in which `chosen` had the lowest.
    `survivors` are the families that no rival rejects. `settling` names a new point for each pair that cannot be told
    apart, `unsettled` are the pairs for which none of STRETCHES and SEEDS is enough. `left_out` says why a family could
    not take part, `notes` what to know beforehand.
    """

    families: tuple[str, ...]
    points: int
    noise_sd: float
    rho: float
    criterion: dict[str, float]
    pairs: tuple[Pair, ...]
    confusion: dict[str, dict[str, float]]
    survivors: tuple[str, ...]
    settling: tuple[Settling, ...]
    unsettled: tuple[tuple[str, str], ...]
    left_out: dict[str, str]
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """One sentence."""
        if len(self.survivors) == 1:
            return f"Of these families only {self.survivors[0]} is not rejected by a rival."
        if not self.survivors:
            return "Each of these families is rejected by a rival: none of them describes the data."
        return f"The data cannot tell {_listed(self.survivors)} apart."


def fit_families(
    x: ArrayLike,
    y: ArrayLike,
    families: Sequence[Family] | None = None,
    residual: Residual | None = None,
    chance: float | None = None,
    seed: int = 0,
) -> list[Fit]:
    """Fits of several families of curves to y(x), x > 0, for `compare`; by default of those that people argue about.

    Without a residual, values that are all above 0 and not all within 1 count as log y (losses), others as y
    (accuracies). `chance` is the accuracy of guessing, where it is known. Raises ValueError naming what is wrong with
    the data.
    """
    curve(x, y, positive_y=False, fewest=4, purpose="comparing laws")
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if residual is None:
        residual = LOG_SQUARES if ys.min() > 0 and ys.max() > 1 else PLAIN_SQUARES
    wanted = families or (FOR_LOSSES if residual.space == "log" else FOR_ACCURACIES)
    known = [replace(f, chance=chance) if isinstance(f, Logistic) and chance is not None else f for f in wanted]
    return [fit_law(f, xs, ys, resamples=0, residual=residual, seed=seed) for f in known]


def compare(fits: Sequence[Fit], simulations: int = 200, seed: int = 0) -> Comparison:
    """Compare the families of several fits to the same data, one point a run or the points of one curve.

    What fits say is their family and the data: all are refitted, with the first one's residual, squares in place of
    Huber's loss. Raises ValueError when fewer than two of them have a family that can be fitted, when they are not fits
    of the same data, or when several points belong to one run.
    """
    pool = [fit for fit in fits if fit.bound is not None]
    left_out = {fit.family.name: str(fit.problem) for fit in fits if fit.bound is None}
    if len(pool) < 2:
        can = f"only {pool[0].family.name}" if pool else "none"
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise ValueError(f"of the {len(fits)} families, {can} can be fitted; two are needed ({why})")
    data, first = pool[0].data, pool[0]
    assert data is not None
    for fit in pool:
        if fit.data is None or not np.array_equal(fit.data.x, data.x) or fit.points != fit.clusters:
            raise ValueError("laws are compared on the same points, each a run of its own or all on one curve")
    bounds = [fit.bound for fit in pool if fit.bound is not None]
    order = np.argsort(data.x[:, 0], kind="stable") if data.x.shape[1] == 1 else np.arange(first.points)
    x = data.x[order]
    contest = Contest(x, data.observed[0][order], bounds, data.residual.at(order), simulations, seed)
    new = _candidates(x)
    outcome = contest.run(new)
    return _judge(pool, contest.sizes, outcome, new, x, left_out)


def _judge(
    pool: list[Fit], sizes: Floats, outcome: Outcome, new: Floats, x: Floats, left_out: dict[str, str]
) -> Comparison:
    names = tuple(fit.family.name for fit in pool)
    count, points = len(names), x.shape[0]
    criterion = -2 * outcome.log_likelihood + sizes * np.log(points)
    pairs = tuple(_pair(names, outcome.log_likelihood, a, b) for a in range(count) for b in range(a + 1, count))
    rejected = {
        loser
        for p in pairs
        for loser, value in ((p.first, p.p_first), (p.second, p.p_second))
        if value <= LEVEL and p.preferred != "cannot tell"
    }
    survivors = tuple(n for n in names if n not in rejected)
    chosen = np.argmin(criterion[:, 1:], axis=2)
    undecided = [p for p in pairs if p.first in survivors and p.second in survivors]
    found = [_settle(p, names.index(p.first), names.index(p.second), outcome, new, x) for p in undecided]
    return Comparison(
        families=names,
        points=points,
        noise_sd=outcome.sd,
        rho=outcome.rho,
        criterion={n: float(c) for n, c in zip(names, criterion[outcome.best, 0], strict=True)},
        pairs=pairs,
        confusion={
            n: {m: float(np.mean(row == j)) for j, m in enumerate(names)} for n, row in zip(names, chosen, strict=True)
        },
        survivors=survivors,
        settling=tuple(s for s in found if s is not None),
        unsettled=tuple((p.first, p.second) for p, s in zip(undecided, found, strict=True) if s is None),
        left_out=left_out,
        notes=_notes(pool),
    )


def _notes(pool: list[Fit]) -> tuple[str, ...]:
    """What the analyst should know: a chance level that is estimated although it could be given."""
    if any(isinstance(fit.family, Logistic) and fit.family.chance is None for fit in pool):
        return ("the chance level was not given, so it is estimated; a known one makes the comparison sharper",)
    return ()


def _pair(names: tuple[str, ...], log_likelihood: Floats, a: int, b: int) -> Pair:
    """Each family in turn is the null hypothesis, the other the rival that may look better by chance."""
    better_b = log_likelihood[a, :, b] - log_likelihood[a, :, a]
    better_a = log_likelihood[b, :, a] - log_likelihood[b, :, b]
    p_a, p_b = _p_value(better_b), _p_value(better_a)
    needed = np.quantile(better_b[1:], 1 - LEVEL)
    power = float(np.mean(-better_a[1:] > needed))
    preferred = "cannot tell"
    if p_a <= LEVEL and p_b <= LEVEL:
        preferred = "neither"
    elif p_a <= LEVEL:
        preferred = names[b]
    elif p_b <= LEVEL:
        preferred = names[a]
    return Pair(names[a], names[b], float(better_b[0]), p_a, p_b, power, preferred)


def _candidates(x: Floats) -> Floats:
    """Where a new point (inputs,) might be: (new points, inputs).

    On a curve beyond its end, between its points or before its start; on a surface beyond its corners.
    """
    low, high = x.min(axis=0), x.max(axis=0)
    if x.shape[1] == 1:
        within = np.geomspace(low, high, 7)[1:-1]
        return np.concatenate([high * np.array(STRETCHES)[:, None], within, low / np.array([[2.0], [10.0]])])
    corners = [np.where(np.array(c, dtype=bool), high, low) for c in np.ndindex(*(2,) * x.shape[1])]
    grown = [high * np.array(s) for s in ((1.0, 3.0), (3.0, 1.0), (3.0, 3.0), (10.0, 10.0))]
    return np.array([*corners, *grown])


def _settle(pair: Pair, a: int, b: int, outcome: Outcome, new: Floats, x: Floats) -> Settling | None:
    """The fewest seeds, then the nearest x, that reach the power wanted for a pair that is not told apart."""
    from scipy.special import ndtr, ndtri

    null_spread = np.var(outcome.ahead[a, a, 1:], axis=0)
    gap = outcome.ahead[b, b, 0] - outcome.ahead[b, a, 1:]  # a new point from b, as seen by a's refits to data from b
    for seeds in SEEDS:
        noise = outcome.error[b] / np.sqrt(seeds)
        edge = ndtri(1 - LEVEL / 2) * np.sqrt(null_spread + noise**2)
        power = np.mean(ndtr((gap - edge) / noise) + ndtr((-edge - gap) / noise), axis=0)
        power = np.where(np.isfinite(power), power, 0.0)
        enough = np.flatnonzero(power >= POWER_WANTED)
        if enough.size:
            far = np.abs(np.log(new[enough] / x.max(axis=0))).sum(axis=1)
            best = enough[np.argmin(far)]
            return Settling(pair.first, pair.second, tuple(float(v) for v in new[best]), seeds, float(power[best]))
    return None


def _p_value(ratios: Floats) -> float:
    """The share of simulated ratios at least as large as the real one (first), which counts as one of them."""
    return float((1 + np.sum(ratios[1:] >= ratios[0])) / ratios.size)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
