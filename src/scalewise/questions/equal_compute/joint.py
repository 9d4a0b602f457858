"""One law of size and data for all sizes together, and each size's own distance from it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import CHINCHILLA, Fit, fit_law
from scalewise.laws.extrapolate import DEGREES, LEAST_SPAN, SHORTEST
from scalewise.laws.paths import WITHOUT_END, Paths
from scalewise.questions.equal_compute.contest import Entrant
from scalewise.questions.equal_compute.curves import thinned
from scalewise.questions.equal_compute.measured import Size
from scalewise.questions.observations import at_most, clusters_of

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REACH_BACK = 10.0
"""The law is fitted to the last factor of 10 of every curve: further back it bends more than such a law can."""
MOST_POINTS = 2_000
WIDENING = 1.27
"""The width at which forecasts by laws alone, of one curve, held what they should (`bench/extrapolate.py`)."""
ORIGINS = 3
"""The law is backtested from this many places before the end of the curves."""
FEWEST_SEEN = 2
"""A size of which a backtest sees fewer points has no place of its own in it."""


@dataclass(frozen=True)
class Backtest:
    """How the law did on the ends of the curves, unseen: the longest log distance tried and the error there.

    `growth` is the error beyond the noise per unit of log distance.
    """

    log_distance: float
    error: float
    growth: float


@dataclass(frozen=True)
class JointLaw:
    """A law fitted to all runs together, moved to where each size stands.

    `offsets` are each size's log loss above the law under the best fit and every refit, (1 + resamples,): late points
    count most, in proportion to their tokens. `noise` is the spread of log loss about the moved law.
    """

    fit: Fit
    offsets: dict[Size, Floats]
    noise: float
    backtest: Backtest | None

    def losses(self, size: Size, tokens: Floats) -> Floats:
        """The size's loss after so many tokens, under the best fit and every refit: (1 + resamples, tokens)."""
        x = np.stack([np.full(tokens.size, size.params), tokens], axis=1)
        curves: Floats = self.fit.curves(x) * np.exp(self.offsets[size])[:, None]
        return curves

    def entrant(self, size: Size, tokens: float, end: float) -> Entrant:
        """The size's loss after so many tokens, as widely as noise, refits and backtests from its `end` allow."""
        logs = np.log(self.losses(size, np.array([tokens]))[:, 0])
        low, high = np.percentile(logs[1:], [15.87, 84.13])  # a few refits run far away, so no standard deviation
        missed = self.error(tokens / end) - self.noise
        return Entrant(
            float(logs[0]), WIDENING * self.noise, DEGREES, WIDENING * float(np.hypot(missed, (high - low) / 2))
        )

    def error(self, times: float) -> float:
        """Noise and backtest error of log loss at so many times the data's tokens."""
        growth = self.backtest.growth if self.backtest else 0.0
        return self.noise + growth * max(0.0, float(np.log(times)))

    def paths(self, size: Size, compute: Floats, tokens: Floats, end: float, seed: int) -> Paths:
        """The refits as paths along compute, which are so many tokens; tilted by how backtests missed."""
        values = self.losses(size, np.append(tokens, tokens[-1] * WITHOUT_END))[1:]
        growth = self.backtest.growth if self.backtest else 0.0
        tilt = growth * np.random.default_rng([seed, 2]).standard_t(DEGREES, (values.shape[0], 1))
        return Paths(compute, values[:, :-1] * np.exp(tilt * np.maximum(np.log(tokens / end), 0.0)), values[:, -1])


@dataclass(frozen=True)
class _Points:
    """Thinned points of all curves: the log of tokens and loss, and which size each belongs to, numbered."""

    x: Floats
    log_loss: Floats
    size: Ints
    clusters: Ints

    @property
    def log_tokens(self) -> Floats:
        return np.asarray(np.log(self.x[:, 1]))

    def offsets(self, fit: Fit, seen: NDArray[np.bool_]) -> Floats:
        """Each size's mean log loss above the law where it was seen: (1 + resamples, sizes)."""
        above = self.log_loss - np.log(fit.curves(self.x))
        weights = np.zeros((self.x.shape[0], int(self.size.max()) + 1))
        weights[np.arange(self.size.size), self.size] = self.x[:, 1] * seen
        total: Floats = above @ (weights / np.maximum(weights.sum(axis=0), 1e-300))
        return total


def joint_law(observed: "pl.DataFrame", asked: float, resamples: int, seed: int) -> JointLaw | None:
    """Chinchilla's law over all curves, backtested to the log distance `asked` where they are long enough.

    None when it cannot be fitted, or groups are mixed.
    """
    if observed["group"].n_unique() > 1 or observed["params"].n_unique() < 3:
        return None
    if "tokens" not in observed.columns or observed["tokens"].null_count():
        return None
    points = _points(observed, seed)
    fit = fit_law(CHINCHILLA, points.x, np.exp(points.log_loss), points.clusters, resamples, seed=seed)
    if not fit.ok:
        return None
    whole = np.ones(points.size.size, dtype=bool)
    offsets = points.offsets(fit, whole)
    group = str(observed["group"][0])
    sizes = np.unique(points.x[:, 0])
    misfit = points.log_loss - np.log(fit.curves(points.x)[0]) - offsets[0, points.size]
    freedom = max(1, misfit.size - fit.theta.shape[1] - sizes.size)
    noise = float(np.sqrt(misfit @ misfit / freedom))
    own = {Size(group, float(params)): offsets[:, i] for i, params in enumerate(sizes)}
    return JointLaw(fit, own, noise, _backtest(points, asked, noise, seed))


def _points(observed: "pl.DataFrame", seed: int) -> _Points:
    import polars as pl

    if observed["run"].n_unique() == observed.height:
        return _as_points(observed, seed)
    parts = []
    for run in observed.partition_by("run", maintain_order=True):
        late = run.filter(pl.col("tokens") >= pl.col("tokens").max() / REACH_BACK)
        tokens, loss = thinned(late["tokens"].to_numpy(), late["loss"].to_numpy())
        head = late.select("group", "run", "params").head(1)
        parts.append(head.join(pl.DataFrame({"tokens": tokens, "loss": loss}), how="cross"))
    return _as_points(pl.concat(parts), seed)


def _as_points(rows: "pl.DataFrame", seed: int) -> _Points:
    import polars as pl

    rows, _ = at_most(rows, [], seed, MOST_POINTS)
    x = rows.select(pl.col("params", "tokens").cast(pl.Float64)).to_numpy()
    size = np.unique(x[:, 0], return_inverse=True)[1].astype(np.int64)
    return _Points(x, np.log(rows["loss"].to_numpy()), size, clusters_of(rows))


def _backtest(points: _Points, asked: float, noise: float, seed: int) -> Backtest | None:
    """Refit to the early part of every curve and look at the rest, from nearer and farther before the end."""
    z = points.log_tokens
    ends, starts = np.full(int(points.size.max()) + 1, -np.inf), np.full(int(points.size.max()) + 1, np.inf)
    np.maximum.at(ends, points.size, z)
    np.minimum.at(starts, points.size, z)
    longest = min(max(asked, SHORTEST), (1 - LEAST_SPAN) * float(np.median(ends - starts)))
    squares, distances, error = [], [], 0.0
    for distance in np.linspace(0, longest, ORIGINS + 1)[1:]:
        seen = z <= ends[points.size] - distance + 1e-9
        counts = np.bincount(points.size[seen], minlength=ends.size)
        unseen = ~seen & (counts[points.size] >= FEWEST_SEEN)
        if not unseen.any():
            continue
        fit = fit_law(
            CHINCHILLA, points.x[seen], np.exp(points.log_loss[seen]), points.clusters[seen], resamples=0, seed=seed
        )
        if not fit.ok:
            continue
        missed = points.log_loss - np.log(fit.curves(points.x)[0]) - points.offsets(fit, seen)[0, points.size]
        last = np.full(ends.size, -np.inf)
        np.maximum.at(last, points.size[seen], z[seen])
        squares.append(float(np.mean(np.maximum(missed[unseen] ** 2 - noise**2, 0.0))))
        distances.append(float(np.mean((z - last[points.size])[unseen] ** 2)))
        error = float(np.sqrt(np.mean(missed[unseen] ** 2)))
    if not squares:
        return None
    return Backtest(longest, error, float(np.sqrt(sum(squares) / sum(distances))))
