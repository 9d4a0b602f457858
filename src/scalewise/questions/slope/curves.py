"""The laws that are averaged: a power law, one with a floor that the groups share, one with a floor for each.

No law is selected. Each is fitted to the points of all groups at once, with a coefficient and an exponent for each
group, and counts by its Akaike weight, corrected for few points (Burnham and Anderson 2002, section 2.9): whatever is
computed from the curves is the weighted mean over laws, and its draws are a mixture of the laws' refits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.laws import POWER, POWER_FLOOR, Fit, fit_law
from scalewise.laws.families import Family, Grouped
from scalewise.laws.residual import LOG_SQUARES, Residual, Squares
from scalewise.questions.slope.samples import Sample

Floats = NDArray[np.float64]

Formula = tuple[str, Family, tuple[str, ...]]
"""Name, formula, and what differs between groups."""
LAWS: tuple[Formula, ...] = (
    ("no floor", POWER, ("A", "alpha")),
    ("shared floor", POWER_FLOOR, ("A", "alpha")),
    ("own floors", POWER_FLOOR, ("E", "A", "alpha")),
)
FLOORS_ONLY: Formula = ("one exponent", POWER_FLOOR, ("E", "A"))
"""The other explanation of curves that are no shift of each other; it knows no difference of exponents to average."""
AS_GOOD = 0.1
"""A law with this share of the weight of the best one explains the points as well."""


@dataclass(frozen=True)
class Curves:
    """y = floor + A / (x - start)^exponent in every group: arrays (1 + refits, groups), the best fit in row 0."""

    log_a: Floats
    exponent: Floats
    floor: Floats
    start: Floats

    def log_y(self, group: int, x: Floats) -> Floats:
        """log y at x (points,): (1 + refits, points)."""
        at = np.log(np.maximum(x - self.start[:, [group]], 1e-300))
        with np.errstate(over="ignore"):
            y: Floats = self.floor[:, [group]] + np.exp(self.log_a[:, [group]] - self.exponent[:, [group]] * at)
        return np.log(y)

    def log_x(self, group: int, y: Floats) -> Floats:
        """log of the x at which y (points,) or (1 + refits, points) is reached, infinite where it never is."""
        above = y - self.floor[:, [group]]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            reached = (self.log_a[:, [group]] - np.log(np.maximum(above, 0.0))) / self.exponent[:, [group]]
            return np.log(self.start[:, [group]] + np.exp(reached))


@dataclass(frozen=True)
class Law:
    """One law's fit to all groups, and the share it has in the average."""

    name: str
    fit: Fit
    curves: Curves
    weight: float


@dataclass(frozen=True)
class Average:
    """Several laws at once; `picked` (refits,) says whose refit each draw of the mixture is.

    `floors_only` stands beside them: floors differ and exponents do not. Its weight is in units of the best law's.
    """

    laws: tuple[Law, ...]
    picked: NDArray[np.int64]
    left_out: dict[str, str]
    floors_only: Law | None = None

    def of(self, quantity: Callable[[Curves], Floats]) -> Floats:
        """A quantity (1 + refits, ...) under all laws: their weighted mean in row 0, then the mixture's draws.

        Where it is infinite under some law, row 0 is the draws' median.
        """
        under = np.stack([quantity(law.curves) for law in self.laws])
        draws = under[self.picked, 1 + np.arange(self.picked.size)]
        with np.errstate(invalid="ignore"):
            mean = np.tensordot(np.array([law.weight for law in self.laws]), under[:, 0], axes=1)
            mean = np.where(np.isfinite(mean), mean, np.median(draws, axis=0))
        return np.concatenate([mean[None], draws])

    @property
    def heaviest(self) -> Law:
        return max(self.laws, key=lambda law: law.weight)


def average(sample: Sample, resamples: int, seed: int, source: str, floors: bool = True) -> Average:
    """All laws that these points can determine, weighted; without `floors` only the power law.

    Raises QuestionError when they determine none.
    """
    laws_asked = LAWS if floors else LAWS[:1]
    residual = _residual(sample, laws_asked, seed)
    fits = [(law[0], _fit(sample, law, residual, resamples, seed)) for law in laws_asked]
    fitted = [(name, fit) for name, fit in fits if fit.ok]
    if not fitted:
        raise QuestionError(f"{source}: no law can be fitted to the groups: {fits[0][1].problem}.")
    weights = _weights([fit for _, fit in fitted])
    laws = tuple(
        Law(name, fit, _curves(fit, len(sample.names)), float(weight))
        for (name, fit), weight in zip(fitted, weights, strict=True)
    )
    left_out = {name: str(fit.problem) for name, fit in fits if not fit.ok}
    beside = _floors_only(sample, residual, fits, resamples, seed) if floors else None
    return Average(laws, _picked(weights, resamples, seed), left_out, beside)


def _floors_only(
    sample: Sample, residual: Residual, fits: list[tuple[str, Fit]], resamples: int, seed: int
) -> Law | None:
    fit = _fit(sample, FLOORS_ONLY, residual, resamples, seed)
    best = min(_criterion(other) for _, other in fits if other.ok)
    if not fit.ok or not np.isfinite(best):
        return None
    weight = min(1.0, float(np.exp(-0.5 * (_criterion(fit) - best))))
    return Law(FLOORS_ONLY[0], fit, _curves(fit, len(sample.names)), weight)


def _picked(weights: Floats, resamples: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, 1]).choice(weights.size, resamples, p=weights)


def _fit(sample: Sample, law: Formula, residual: Residual, resamples: int, seed: int) -> Fit:
    _, base, differing = law
    return fit_law(
        Grouped(base, len(sample.names), differing),
        sample.inputs,
        sample.y,
        sample.clusters,
        resamples,
        residual,
        "parametric" if residual.known_size else "wild",
        seed,
    )


def _residual(sample: Sample, laws: Sequence[Formula], seed: int) -> Residual:
    """Least squares of log y, in units of the points' standard errors where there are any.

    Where the law that fits best still misses by more than these say, they are widened by as much.
    """
    if sample.errors is None:
        return LOG_SQUARES
    given = Squares("log", sample.errors)
    fits = [_fit(sample, law, given, 0, seed) for law in laws]
    excess = [2 * f.objective / free for f in fits if f.ok and (free := f.points - f.theta.shape[1]) > 0]
    return replace(given, errors=sample.errors * np.sqrt(max(1.0, min(excess, default=1.0))))


def _weights(fits: Sequence[Fit]) -> Floats:
    """Akaike weights; all alike where the points are too few to correct them."""
    criteria = np.array([_criterion(fit) for fit in fits])
    if not np.isfinite(criteria).any():
        return np.full(len(fits), 1 / len(fits))
    weights = np.exp(-0.5 * (criteria - criteria.min()))
    return np.asarray(weights / weights.sum())


def _criterion(fit: Fit) -> float:
    """Akaike's, with the correction for few points where the size of the errors is estimated too."""
    parameters, points = fit.theta.shape[1], fit.clusters
    if fit.residual.known_size:
        return float(2 * fit.objective + 2 * parameters)
    count, spare = parameters + 1, points - parameters - 2
    if spare <= 0:
        return float("inf")
    size = points * np.log(max(2 * fit.objective / fit.points, 1e-30))
    return float(size + 2 * count + 2 * count * (count + 1) / spare)


def _curves(fit: Fit, groups: int) -> Curves:
    values = fit.parameter_draws()
    rows = next(iter(values.values())).size

    def of(name: str) -> Floats:
        """A parameter by group, whether it differs or not: (1 + refits, groups)."""
        if name in values:
            return np.repeat(values[name][:, None], groups, axis=1)
        return np.stack([values[f"{name}[{group}]"] for group in range(groups)], axis=1)

    floor = of("E") if any(name.split("[")[0] == "E" for name in values) else np.zeros((rows, groups))
    return Curves(np.log(of("A")), of("alpha"), floor, np.zeros((rows, groups)))
