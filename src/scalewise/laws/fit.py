"""Fitting one law to one data set, with resampled parameters; a fit that cannot be had is a value that says why."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalewise.laws.families import CURVES, SURFACES, BoundFamily, Family
from scalewise.laws.memory import remembered
from scalewise.laws.points import numbers
from scalewise.laws.refit import SMALL, Resampling, at_edge, refit
from scalewise.laws.residual import LOG_HUBER, Binomial, Residual, Squares
from scalewise.laws.solver import Problem, solve

Floats = NDArray[np.float64]

STARTS = 64
LEAST_SINGULAR = 1e-6
"""A direction of parameters that moves no prediction, relative to the one that moves them most."""
EDGE_SHARE = 0.025
"""More refits than this at a bound, and the 95 % interval reaches it."""
EXACT = 1e-15
"""An objective below this per point is that of an exact law."""
AGREEMENT = 1e-6
"""Two starts agree when their objectives differ by less than this share."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Fit:
    """A fitted law. `problem` says why there is none; everything else may then be empty.

    `theta` (1, parameters) is the best fit and `draws` (resamples, parameters) the refits, in the internal coordinates
    of `bound`. `data` is what was fitted and how distance was counted. `agreeing` is the share of random starts that
    found the best objective. `noise` is the robust standard deviation of `residuals`, which are differences of log y
    or of y, as the residual's space says. `unconverged` counts refits that did not converge; they are among the draws.
    """

    family: Family
    bound: BoundFamily | None
    data: Problem | None
    theta: Floats
    draws: Floats
    objective: float
    agreeing: float
    noise: float
    residuals: Floats
    points: int
    clusters: int
    unconverged: int = 0
    problem: str | None = None

    @property
    def ok(self) -> bool:
        return self.problem is None

    def _bound(self) -> BoundFamily:
        if self.bound is None:
            raise ValueError(f"the {self.family.name} law was not fitted: {self.problem}")
        return self.bound

    @property
    def residual(self) -> Residual:
        """How distance was counted."""
        return self._data().residual

    def _data(self) -> Problem:
        if self.data is None:
            raise ValueError(f"the {self.family.name} law was not fitted: {self.problem}")
        return self.data

    @property
    def best_and_draws(self) -> Floats:
        """The best fit as row 0, then every refit: (1 + resamples, parameters)."""
        return np.concatenate([self.theta, self.draws])

    def curves(self, x: Floats) -> Floats:
        """y at x under the best fit (row 0) and every refit: (1 + resamples, points)."""
        return self._bound().predict(self.best_and_draws, x)

    def predict(self, x: Floats, level: float = 0.95, new_run: bool = False, seed: int = 0) -> list[Estimate]:
        """y at x (points, inputs) with the interval of the fitted mean, or of a new run's outcome."""
        curves = self.curves(x)
        draws = curves[1:]
        if new_run:
            noise = np.random.default_rng(seed).normal(0.0, self.noise, draws.shape)
            draws = draws * np.exp(noise) if self.residual.space == "log" else draws + noise
        return [estimate(curves[0, i], draws[:, i], level) for i in range(curves.shape[1])]

    def parameter_draws(self) -> dict[str, Floats]:
        """The formula's parameters by name: the best fit in row 0, then every refit."""
        return self._bound().natural(self.best_and_draws)

    def parameters(self, level: float = 0.95) -> dict[str, Estimate]:
        """The formula's parameters by name."""
        return {name: estimate(float(v[0]), v[1:], level) for name, v in self.parameter_draws().items()}

    def _repr_html_(self) -> str:
        """What a notebook shows: the formula, and its parameters with their intervals."""
        from html import escape

        head = f"<p><b>{escape(self.family.name)}</b> <code>{escape(self.family.formula)}</code></p>"
        if not self.ok:
            return f"{head}<p>{escape(str(self.problem))}</p>"
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{e.value:.4g}</td><td>[{e.low:.4g}, {e.high:.4g}]</td></tr>"
            for name, e in self.parameters().items()
        )
        heads = "<tr><th>parameter</th><th>value</th><th>95 % interval</th></tr>"
        return f"{head}<table>{heads}{rows}</table><p>{self.points} points, {self.clusters} clusters</p>"

    def at_bound(self) -> list[str]:
        """Parameters whose best fit, or 95 % interval, reaches the edge of what is allowed: they are not identified."""
        edge = at_edge(self._bound(), self.best_and_draws)
        free = np.less(*self._bound().bounds)  # a chance level that was given has no interval to reach
        held = free & (edge[0] | (edge.mean(axis=0) > EDGE_SHARE))
        names = [p.name for p in self.family.parameters]
        return [name for name, is_held in zip(names, held, strict=True) if is_held]


def estimate(value: float, draws: Floats, level: float = 0.95) -> Estimate:
    """The percentile interval of resampled values around an estimate."""
    tail = 50 * (1 - level)
    low, high = np.percentile(draws, [tail, 100 - tail]) if draws.size else (np.nan, np.nan)
    return Estimate(float(value), float(low), float(high))


@remembered
def fit_law(
    family: Family,
    x: ArrayLike,
    y: ArrayLike,
    clusters: ArrayLike | None = None,
    resamples: int = 1000,
    residual: Residual | None = None,
    resampling: Resampling | None = None,
    seed: int = 0,
) -> Fit:
    """Fit y(x) at x (points,) or (points, inputs) from many random starts, then refit it to `resamples` data sets.

    `clusters` (points,) says what belongs together, as the points of one run do; without it every point stands for
    itself. `residual` says how distance is counted (`residual.py`). By default differences of log y are, for families
    that are positive by construction, else differences of y: as squares where there are fewer than 50 clusters, and
    with Huber's loss where there are more and y is on a log scale. `resampling` (`refit.py`): "wild" by default for
    squares and fewer than 50 clusters, "parametric" where the residual knows the size of its errors, else "clusters".
    Same seed, same result. What cannot be fitted is a value whose `problem` says why.
    """
    start_rng, resample_rng = np.random.default_rng(seed).spawn(2)
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    xs = xs[:, None] if xs.ndim == 1 else xs
    grouped = np.unique(np.arange(ys.size) if clusters is None else clusters, return_inverse=True)[1]
    points, groups = ys.size, int(grouped.max(initial=-1)) + 1
    if problem := _wrong_numbers(family, xs, ys, grouped):
        return _failed(family, points, problem)
    bound = family.bind(xs, ys)
    residual = residual or _usual_residual(bound, groups)
    if problem := _wrong_y(bound, residual, ys) or _too_few(bound, xs, groups):
        return _failed(family, points, problem)
    data = Problem(xs, residual.observed(ys)[None], np.ones((1, points)), residual)
    tried = solve(bound, data, bound.starts(STARTS, start_rng))
    best = int(np.argmin(tried.objective))
    objective = float(tried.objective[best])
    if not np.isfinite(objective):
        return _failed(family, points, f"no start of {family.formula} has a finite objective on these points")
    theta = tried.theta[best : best + 1]
    value, jacobian = bound.in_space(residual.space, theta, xs)
    residuals = data.observed[0] - value[0]
    problem = _unidentified(family, bound, theta, jacobian[0])
    how = resampling or _usual_resampling(residual, groups)
    refits = refit(bound, data, theta, grouped, how, 0 if problem else resamples, resample_rng)
    return Fit(
        family=family,
        bound=bound,
        data=data,
        theta=theta,
        draws=refits.draws,
        objective=objective,
        agreeing=float(np.mean(tried.objective <= objective * (1 + AGREEMENT) + EXACT * points)),
        noise=_robust_sd(residuals, theta.shape[1]),
        residuals=residuals,
        points=points,
        clusters=groups,
        unconverged=refits.unconverged,
        problem=problem,
    )


def _usual_residual(bound: BoundFamily, groups: int) -> Residual:
    if bound.space == "log" and groups >= SMALL:
        return LOG_HUBER
    return Squares(bound.space)


def _usual_resampling(residual: Residual, groups: int) -> Resampling:
    if residual.known_size:
        return "parametric"
    return "wild" if groups < SMALL and not residual.robust else "clusters"


def _unidentified(family: Family, bound: BoundFamily, theta: Floats, jacobian: Floats) -> str | None:
    """Which parameters trade off against each other without any prediction moving, if some do."""
    free = ~at_edge(bound, theta)[0] & (np.abs(jacobian).max(axis=1) > 0)
    if not free.any():
        return None
    moves = jacobian[free] / np.linalg.norm(jacobian[free], axis=1, keepdims=True)
    left, size, _ = np.linalg.svd(moves, full_matrices=False)
    if size[-1] > LEAST_SINGULAR * size[0]:
        return None
    names = np.array([p.name for p in family.parameters])[free]
    traded = names[np.abs(left[:, -1]) > 0.1]
    return f"the points do not determine {', '.join(traded)} of {family.formula}: they can trade off freely"


def _wrong_numbers(family: Family, x: Floats, y: Floats, clusters: NDArray[np.int64]) -> str | None:
    """Which number is none that any law can speak of, if one is not."""
    if x.ndim != 2 or x.shape != (y.size, family.inputs) or clusters.size != y.size:
        return f"{family.formula} takes {family.inputs} numbers a point; x has shape {x.shape} for {y.size} values of y"
    try:
        for i in range(x.shape[1]):
            numbers("x", x[:, i], positive=i < family.scales)
        numbers("y", y, positive=False)
    except ValueError as error:
        return str(error)
    return None


def _too_few(bound: BoundFamily, x: Floats, groups: int) -> str | None:
    """Why these points cannot determine the law, if they cannot, and which others they could."""
    family = bound.family
    needed = int(np.sum(np.less(*bound.bounds)))
    distinct = len(np.unique(x, axis=0))
    most = min(distinct, groups - 1)
    if needed > most:
        counted = f"{distinct} distinct points" if distinct < needed else f"only {groups} independent runs"
        alike = [f for f in (*CURVES, *SURFACES) if (f.inputs, f.scales) == (family.inputs, family.scales)]
        others = [f.name for f in alike if len(f.parameters) <= most]
        could = f"; they can determine: {', '.join(others)}" if others else ""
        return f"{family.formula} has {needed} parameters and there are {counted}{could}"
    return _in_step(x[:, :2]) if family.scales == 2 else None


def _in_step(scales: Floats) -> str | None:
    """Whether two inputs (points, 2) vary, and not only together."""
    centred = np.log(scales) - np.log(scales).mean(axis=0)
    first, second = (centred**2).sum(axis=0)
    if first < 1e-12 or second < 1e-12:
        return "one of the two inputs never varies, so its effect cannot be seen"
    if abs((centred[:, 0] * centred[:, 1]).sum()) > 0.9995 * np.sqrt(first * second):
        return "the two inputs rise in step, so their effects cannot be told apart"
    return None


def _wrong_y(bound: BoundFamily, residual: Residual, y: Floats) -> str | None:
    """Which y lies outside what the law or the residual can speak of, if one does."""
    if "log" in (bound.space, residual.space) and (wrong := np.flatnonzero(y <= 0)).size:
        return f"{bound.family.formula} needs y greater than 0; it is {y[wrong[0]]:g} at position {wrong[0]}"
    if isinstance(residual, Binomial) and (wrong := np.flatnonzero((y < 0) | (y > 1))).size:
        return f"y is a share of items, between 0 and 1; it is {y[wrong[0]]:g} at position {wrong[0]}"
    return None


def _failed(family: Family, points: int, problem: str) -> Fit:
    nothing = np.empty((0, len(family.parameters)))
    return Fit(family, None, None, nothing, nothing, np.nan, 0.0, np.nan, np.empty(0), points, 0, problem=problem)


def _robust_sd(residuals: Floats, parameters: int) -> float:
    """1.4826 times the median absolute residual, corrected for the fitted parameters."""
    freedom = max(1, residuals.size - parameters)
    return float(1.4826 * np.median(np.abs(residuals)) * np.sqrt(residuals.size / freedom))
