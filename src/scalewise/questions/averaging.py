"""Several laws of one outcome, averaged by how well each describes it: none is selected and the choice forgotten.

What is asked of a curve (does it bend upwards, how much does it change) is asked of every refit of every law; an answer
is a share of all of them, weighted by law.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import Fit, fit_law
from scalewise.laws.families import Family
from scalewise.laws.fit import Estimate
from scalewise.laws.refit import Resampling
from scalewise.laws.residual import PLAIN_SQUARES, Binomial, Residual, Squares
from scalewise.questions.evidence import design_effect, dispersion_of, free_parameters, log_evidence, misfit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_WEIGHT = 5e-3
"""A law of less weight is not refitted: it could not move an answer."""
FEWEST_CLUSTERS = 10
"""Whole clusters are drawn with replacement from this many on, where the errors are not squares."""


@dataclass(frozen=True)
class Average:
    """Laws of y against x, fitted to the same points.

    `fits` holds those with some weight, with refits, the likeliest first; `weights` (as `fits`) sum to 1.
    `all_weights` and `misfits` (-2 log likelihood) name every law that could be fitted, `left_out` says why another
    could not. `noise` is the spread of one run about the laws; `design` by how much clusters swell the variance of a
    mean; `dispersion` by how much the errors' variance exceeds what the items or standard errors given would have.
    """

    fits: tuple[Fit, ...]
    weights: Floats
    all_weights: dict[str, float]
    misfits: dict[str, float]
    left_out: dict[str, str]
    noise: float
    design: float
    dispersion: float
    residual: Residual

    def ask(self, what: Callable[[Fit], Floats]) -> "Pooled":
        """What holds of each curve: the best fit of every law in row 0, its refits after it, (1 + resamples, ...)."""
        values = [np.asarray(what(fit), dtype=np.float64) for fit in self.fits]
        best = np.tensordot(self.weights, np.array([v[0] for v in values]), axes=1)
        shares = np.concatenate(
            [np.full(v.shape[0] - 1, w / (v.shape[0] - 1)) for v, w in zip(values, self.weights, strict=True)]
        )
        return Pooled(best, np.concatenate([v[1:] for v in values]), shares)

    def curves(self, x: Floats) -> "Pooled":
        """y at x (points,)."""
        return self.ask(lambda fit: fit.curves(x[:, None]))

    def error(self, y: Floats) -> Floats:
        """The standard deviation of one more run where the laws have these values."""
        if self.residual.known_size:
            return np.maximum(self.residual.typical_error(y), 1e-12)
        return np.full(np.shape(y), max(self.noise, 1e-12))


@dataclass(frozen=True)
class Pooled:
    """Numbers of the best fits, averaged (...), and of every refit (refits, ...), which count by `shares` (refits,)."""

    best: Floats
    draws: Floats
    shares: Floats

    @property
    def probability(self) -> float:
        """The weighted share of refits: of a number that is 1 where something holds."""
        return float(np.clip(self.shares @ self.draws, 0.0, 1.0))

    def quantiles(self, at: Sequence[float]) -> Floats:
        """Weighted quantiles of every number: (quantiles, ...)."""
        order = np.argsort(self.draws, axis=0, kind="stable")
        ordered = np.take_along_axis(self.draws, order, axis=0)
        passed = np.cumsum(self.shares[order], axis=0)
        places = [np.minimum((passed < q).sum(axis=0), len(passed) - 1) for q in at]
        return np.array([np.take_along_axis(ordered, p[None], axis=0)[0] for p in places])

    def estimates(self, level: float = 0.95) -> list[Estimate]:
        """Each number (numbers,) with its interval."""
        low, high = self.quantiles(((1 - level) / 2, (1 + level) / 2))
        return [Estimate(float(b), float(a), float(c)) for b, a, c in zip(self.best, low, high, strict=True)]


def averaged(
    families: Sequence[Family],
    x: Floats,
    y: Floats,
    residual: Residual | None = None,
    clusters: Ints | None = None,
    resamples: int = 1000,
    seed: int = 0,
    refuse: Callable[[Fit], str | None] = lambda fit: None,
    prior: Callable[[Family], float] = lambda family: 1.0,
    absorbed: int = 0,
) -> Average:
    """Fit every family to y(x) and weigh it by the evidence of the points (`evidence.py`) times its prior weight.

    Without a residual, differences of y count, and their size is what the best law leaves. `clusters` (points,) says
    which runs err alike: refits then keep them together, and the criterion counts as many points as they are worth.
    `refuse` says why a fitted law is out of the question, if it is; `absorbed` how many levels were taken out of y
    beforehand. Raises ValueError when no family can be fitted.
    """
    residual = residual or PLAIN_SQUARES
    tried = [fit_law(f, x, y, resamples=0, residual=residual, seed=seed) for f in families]
    problems = [fit.problem or refuse(fit) for fit in tried]
    able = [fit for fit, problem in zip(tried, problems, strict=True) if not problem]
    left_out = {fit.family.name: problem for fit, problem in zip(tried, problems, strict=True) if problem}
    _check_any(able, left_out)
    closest = min(able, key=lambda fit: fit.objective)
    design = design_effect(closest.residuals, clusters)
    dispersion = dispersion_of(closest)
    points = (x.size - absorbed) / design
    evidence = np.array([np.log(prior(fit.family)) + log_evidence(fit, points, dispersion) for fit in able])
    shares = np.exp(evidence - evidence.max())
    shares = shares / shares.sum()
    kept = [i for i in np.argsort(-shares, kind="stable") if shares[i] >= LEAST_WEIGHT]
    sized = _sized(residual, dispersion)
    resampling = _whole_clusters(residual, clusters)
    together = clusters if resampling or not residual.known_size else None
    fits = tuple(
        fit_law(able[i].family, x, y, together, resamples, residual=sized, resampling=resampling, seed=seed)
        for i in kept
    )
    found = [i for i, fit in enumerate(fits) if fit.ok]
    left_out |= {fit.family.name: str(fit.problem) for fit in fits if not fit.ok}
    _check_any(found, left_out)
    weights = np.array([shares[kept[i]] for i in found])
    weights = weights / weights.sum()
    left = [np.sum(fits[i].residuals ** 2) / _freedom(fits[i], absorbed) for i in found]
    return Average(
        fits=tuple(fits[i] for i in found),
        weights=weights,
        misfits={fit.family.name: misfit(fit, points, dispersion) for fit in able},
        all_weights={able[i].family.name: float(shares[i]) for i in np.argsort(-shares, kind="stable")},
        left_out=left_out,
        noise=float(np.sqrt(weights @ np.array(left))),
        design=design,
        dispersion=dispersion,
        residual=sized,
    )


def _freedom(fit: Fit, absorbed: int) -> int:
    return max(1, fit.points - absorbed - free_parameters(fit))


def _check_any(left: Sequence[object], left_out: dict[str, str]) -> None:
    if not left:
        raise ValueError("no law can be fitted: " + "; ".join(f"{name}: {why}" for name, why in left_out.items()))


def _sized(residual: Residual, dispersion: float) -> Residual:
    """The residual with errors of the size that the data show."""
    if isinstance(residual, Binomial):
        return replace(residual, overdispersion=dispersion)
    if isinstance(residual, Squares) and residual.errors is not None:
        return replace(residual, errors=residual.errors * np.sqrt(dispersion))
    return residual


def _whole_clusters(residual: Residual, clusters: Ints | None) -> Resampling | None:
    """How to refit: errors of known size are simulated run by run unless there are clusters enough to draw from."""
    if clusters is None or not residual.known_size or int(clusters.max()) + 1 < FEWEST_CLUSTERS:
        return None
    return "clusters"
