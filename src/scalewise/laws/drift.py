"""Continuing a curve from where it is now: a slope that drifts and fades.

    y = level + noise,  d level = slope dz,  d slope = -slope / fade dz + sqrt(q) dW,  z = log x

A law is bent by the whole curve; this follows its end, and is right where no law is. It is the smooth trend of Harvey
1989 (Forecasting, structural time series models and the Kalman filter, section 2.3) for uneven steps, damped as in
Gardner and McKenzie 1985 (Management Science 31(10)). The variance q is averaged over a grid by its likelihood, the
noise follows in closed form. No curve drifts equally all along, so what it did long ago says little of how it drifts
now: the likelihood forgets, as in Raftery et al. 2010 (Technometrics 52(1)). The fade cannot be told from one curve:
each is a member of its own.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NAME = "drift"
FADES = (1.0, 2.0, 4.0, 8.0)
"""In log x: a slope has faded by a factor of e when x has grown 2.7, 7, 55 or 3000 times."""
SLOPE_VARIANCES = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0)
"""q, per unit of log x, in units of the noise's variance."""
MEMORY = 0.17
"""In log x: over so much of the curve the likelihood forgets by a factor of e. Chosen by `bench/drift.py`."""
FEWEST_X = 5
"""With fewer distinct x there is hardly a trend to speak of."""
MOST_X = 300
"""Of longer curves means are followed, over steps of equal length in log x."""


@dataclass(frozen=True)
class Drift:
    """The trend after each distinct x, for every fade and every variance of the slope (models).

    z (distinct x,) is log x; states (distinct x, models, 2): level and slope, given all until there, with covariances
    (distinct x, models, 3) of level, both and slope in units of the noise's variance, noise (distinct x, models);
    log_likelihood (distinct x, models), of the last MEMORY. `at` (origins,) numbers the last x each origin has seen.
    """

    z: Floats
    states: Floats
    covariances: Floats
    noise: Floats
    log_likelihood: Floats
    at: NDArray[np.intp]

    def shares(self, origin: int) -> Floats:
        """How likely each variance is (fades, variances), from what an origin has seen; rows sum to 1."""
        seen = self.log_likelihood[self.at[origin]].reshape(len(FADES), -1)
        shares = np.exp(seen - seen.max(axis=1, keepdims=True))
        likely: Floats = shares / shares.sum(axis=1, keepdims=True)
        return likely

    def continued(self, z: Floats) -> Floats:
        """The level at log x z (points,) beyond what each origin has seen, for each fade: (fades, origins, points)."""
        curves = np.empty((len(FADES), self.at.size, z.size))
        for origin, last in enumerate(self.at):
            means = np.einsum("fv,fvs->fs", self.shares(origin), self.states[last].reshape(len(FADES), -1, 2))
            run = _run(z - self.z[last], np.array(FADES)[:, None])
            curves[:, origin] = means[:, :1] + means[:, 1:] * run
        return curves

    def draw(self, z: Floats, paths: NDArray[np.intp], rng: np.random.Generator) -> Floats:
        """Levels that may have been and may follow at z (points,): (sum of paths, points).

        `paths` (fades,) says how many have each fade. Between observations a path is straight in log x. Beyond them it
        follows its last level and slope: how far it strays from these is what backtests say, as for a law.
        """
        shares = self.shares(0)
        per_fade = shares.shape[1]
        models = np.concatenate([f * per_fade + rng.choice(per_fade, size=n, p=shares[f]) for f, n in enumerate(paths)])
        states = self._sample(models, rng)
        levels = np.array([np.interp(z, self.z, path) for path in states[..., 0].T]).reshape(models.size, z.size)
        level, slope = states[-1].T[:, :, None]
        beyond = z > self.z[-1]
        levels[:, beyond] = level + slope * _run(z[beyond] - self.z[-1], np.repeat(FADES, paths)[:, None])
        return levels

    def _sample(self, models: NDArray[np.intp], rng: np.random.Generator) -> Floats:
        """States (distinct x, paths, 2), each given all observations: drawn backwards (Carter and Kohn 1994)."""
        fade, variance = _models()[:, models]
        normal = rng.normal(size=(self.z.size, models.size, 2))
        scale = np.sqrt(self.noise[-1, models])[:, None]
        drawn = np.empty_like(normal)
        mean, cov = self.states[-1, models], self.covariances[-1, models]
        drawn[-1] = mean + scale * _correlated(cov, normal[-1])
        for i in range(self.z.size - 2, -1, -1):
            mean, cov = self.states[i, models], self.covariances[i, models]
            ahead, after = _step(mean, cov, self.z[i + 1] - self.z[i], fade, variance)
            run, kept = _transition(self.z[i + 1] - self.z[i], fade)
            # covariance of the state here with the state there, and its product with the inverse of the latter's
            across = np.array(
                [
                    [cov[:, 0] + run * cov[:, 1], kept * cov[:, 1]],
                    [cov[:, 1] + run * cov[:, 2], kept * cov[:, 2]],
                ]
            )
            gain = np.einsum("abm,bcm->acm", across, _inverse(after))
            mean = mean + np.einsum("abm,mb->ma", gain, drawn[i + 1] - ahead)
            less = np.einsum("abm,cbm->acm", gain, across)
            cov = np.stack([cov[:, 0] - less[0, 0], cov[:, 1] - less[0, 1], cov[:, 2] - less[1, 1]], axis=1)
            drawn[i] = mean + scale * _correlated(cov, normal[i])
        return drawn


def fit_drift(z: Floats, observed: Floats, origins: NDArray[np.bool_]) -> Drift | None:
    """Follow a curve: log x z (points,), rising, and observed (points,); origins (origins, points) see it up to an x.

    One pass of the Kalman filter serves all origins. None where one of them sees fewer than FEWEST_X distinct x.
    """
    which = _steps(z, origins)
    at = np.array([which[seen].max() for seen in origins])
    if at.min() + 1 < FEWEST_X:
        return None
    counts = np.bincount(which)
    distinct, means = np.bincount(which, z) / counts, np.bincount(which, observed) / counts
    fade, slope_variance = _models()
    models = fade.size
    states, covariances = np.empty((distinct.size, models, 2)), np.empty((distinct.size, models, 3))
    noise, log_likelihood = np.zeros((distinct.size, models)), np.zeros((distinct.size, models))
    # nothing is known of the first level and slope: two observations give both exactly
    gap = distinct[1] - distinct[0]
    states[:2, :, 0], states[:2, :, 1] = means[:2, None], (means[1] - means[0]) / gap
    first, second = 1 / counts[:2]
    covariances[:2] = np.stack(
        [
            np.full(models, second),
            np.full(models, second / gap),
            (first + second) / gap**2 + slope_variance * gap,
        ],
        axis=1,
    )
    squares = np.zeros(models)
    recent, logs, count = np.zeros(models), np.zeros(models), 0.0
    tiny = (1e-9 * (np.abs(means).max() + np.ptp(means)) + 1e-150) ** 2
    for i in range(2, distinct.size):
        gap = distinct[i] - distinct[i - 1]
        mean, cov = _step(states[i - 1], covariances[i - 1], gap, fade, slope_variance)
        missed, variance = means[i] - mean[:, 0], cov[:, 0] + 1 / counts[i]
        gain = cov[:, :2] / variance[:, None]
        states[i] = mean + gain * missed[:, None]
        covariances[i, :, :2] = cov[:, :2] * (1 - gain[:, :1])
        covariances[i, :, 2] = cov[:, 2] - gain[:, 1] * cov[:, 1]
        squares += missed**2 / variance
        noise[i] = np.maximum(squares / (i - 1), tiny)
        kept = np.exp(-gap / MEMORY)
        recent, logs, count = kept * recent + missed**2 / variance, kept * logs + np.log(variance), kept * count + 1
        log_likelihood[i] = -0.5 * (count * np.log(np.maximum(recent / count, tiny)) + logs)
    return Drift(distinct, states, covariances, noise, log_likelihood, at)


def _steps(z: Floats, origins: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Which points (points,) are followed as one: those at one x or, of many, close together and seen by one origin."""
    if np.unique(z).size > MOST_X:
        z = np.floor((z - z[0]) / (z[-1] - z[0]) * MOST_X) - origins.sum(axis=0) / (2 * len(origins))
    found: NDArray[np.intp] = np.unique(z, return_inverse=True)[1]
    return found


def _models() -> Floats:
    """Fades and variances of all models, fade by fade: (2, models)."""
    return np.array(list(product(FADES, SLOPE_VARIANCES))).T


def _transition(gap: Floats | float, fade: Floats) -> tuple[Floats, Floats]:
    """How far a unit slope carries the level over a gap in log x, and what is left of it."""
    kept = np.exp(-gap / fade)
    return fade * -np.expm1(-gap / fade), kept


def _run(gaps: Floats, fade: Floats) -> Floats:
    """How far a unit slope carries the level; not at all backwards."""
    return _transition(np.maximum(gaps, 0.0), fade)[0]


def _step(mean: Floats, cov: Floats, gap: float, fade: Floats, slope_variance: Floats) -> tuple[Floats, Floats]:
    """Mean (models, 2) and covariance (models, 3) of the state a gap later.

    What the slope gains on the way does not fade before the end of the gap.
    """
    run, kept = _transition(gap, fade)
    level, both, slope = cov.T
    return (
        np.stack([mean[:, 0] + run * mean[:, 1], kept * mean[:, 1]], axis=1),
        np.stack(
            [
                level + 2 * run * both + run**2 * slope + slope_variance * gap**3 / 3,
                kept * (both + run * slope) + slope_variance * gap**2 / 2,
                kept**2 * slope + slope_variance * gap,
            ],
            axis=1,
        ),
    )


def _correlated(cov: Floats, normal: Floats) -> Floats:
    """Normal draws (paths, 2) with covariances (paths, 3)."""
    level = np.sqrt(np.maximum(cov[:, 0], 1e-300))
    cross = cov[:, 1] / level
    own = np.sqrt(np.maximum(cov[:, 2] - cross**2, 0.0))
    return np.stack([level * normal[:, 0], cross * normal[:, 0] + own * normal[:, 1]], axis=1)


def _inverse(cov: Floats) -> Floats:
    """Of symmetric matrices given as (paths, 3): (2, 2, paths)."""
    level, both, slope = cov.T
    inverse: Floats = np.array([[slope, -both], [-both, level]]) / np.maximum(level * slope - both**2, 1e-300)
    return inverse
