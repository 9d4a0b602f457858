"""Extrapolating a loss of size and data: several laws averaged, none selected, and an interval that backtests support.

Members are families x weights of the prior x weights of the tail, as for a curve (`extrapolate.py`), fitted with
Huber's loss. Runs of much compute count more, because every law misses small runs in its own way and the
answer lies beyond the large ones. `bench/surfaces.py` scores this against the published recipe, one
unweighted fit of Chinchilla's law.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalewise.laws.backtest import Backtest, weigh
from scalewise.laws.extrapolate import LEAST_SPAN, MOST_STEPS, SHORTEST, Forecast, Member
from scalewise.laws.families import COUPLED, SURFACES, Family
from scalewise.laws.memory import remembered
from scalewise.laws.points import numbers
from scalewise.laws.residual import LOG_HUBER
from scalewise.laws.solver import Problem, solve

Floats = NDArray[np.float64]

PRIOR_WEIGHTS = (25.0, 5.0)
"""In units of what a residual as large as the noise costs: what a prior one standard deviation away costs."""
TAIL_WEIGHTS = (1.0, 2.0)
"""Points count as compute to this power."""
MISS_WEIGHT = 0.5
"""So do they where it is asked how far a law lies from the runs that it did see."""
STARTS = 12
ORIGINS = 3
FEWEST_POINTS, FEWEST_SIZES = 10, 3
"""A fit, or a backtest, on less than this says nothing."""
MOST_POINTS = 600
"""More than these change no law by more than its backtest error; a random sample of them is fitted."""
EQUAL = 0.02
"""Compute within 2 % is the same budget, and is held out together."""
USUAL_GROWTH = 0.023
"""Error per unit of log compute where runs are too few for a backtest: the median over splits of public data sets."""
WIDENING = 0.9
"""The width at which 95 % intervals hold 95 % of the losses of every public data set, the worst included; on average
they then hold 98 % (`bench/surfaces.py`)."""


@dataclass(frozen=True)
class AveragedSurface:
    """Laws of size and data with their weights, fitted to x (points, 2), by rising compute.

    `reach` is the log of the largest params x tokens seen, `growth` the backtests' error per unit of log compute
    beyond it, on the log scale.
    """

    members: tuple[Member, ...]
    data: Problem
    noise: float
    backtest: Backtest | None
    reach: float
    left_out: dict[str, str]

    def forecast(self, x: ArrayLike) -> Forecast:
        """The loss of new runs at x (points, 2): params and tokens."""
        new = np.asarray(x, dtype=np.float64).reshape(-1, 2)
        for i, name in enumerate(("params", "tokens")):
            numbers(f"new {name}", new[:, i], positive=True)
        curves = np.concatenate([m.bound.value_in("log", m.theta[None], new) for m in self.members])
        weights = np.array([m.weight for m in self.members])
        centre = weights @ curves
        distances = np.maximum(np.log(new).sum(axis=1) - self.reach, 0.0)
        growth = self.backtest.growth if self.backtest else USUAL_GROWTH
        variance = self.noise**2 + (growth * distances) ** 2 + weights @ (curves - centre) ** 2
        names = [m.bound.family.name for m in self.members]
        shares = {name: weights * [n == name for n in names] for name in dict.fromkeys(names)}
        return Forecast(
            x=new,
            centre=centre,
            scale=WIDENING * np.sqrt(variance),
            is_log=True,
            noise=self.noise,
            weights={name: float(share.sum()) for name, share in shares.items()},
            by_family={name: np.exp(share @ curves / share.sum()) for name, share in shares.items()},
            backtest=self.backtest,
            left_out=self.left_out,
            members=self.members,
            data=self.data,
            drift=None,
            drift_weights=np.empty(0),
            _distances=distances,
        )


@remembered
def extrapolate_surface(
    params: ArrayLike, tokens: ArrayLike, y: ArrayLike, families: Sequence[Family] = SURFACES, seed: int = 0
) -> AveragedSurface:
    """Average laws of the loss y > 0 of runs of params and tokens (each (points,)), to be asked for further runs.

    Members are weighted by 1 / (noise + backtest error + what they miss of the runs they saw); backtests fit the runs
    of less compute and predict the rest, from up to three origins. The variance of a forecast is
    noise^2 + (growth x log distance in compute)^2 + the spread between members.
    ValueError names what is wrong with the data.
    """
    sizes, lengths, losses = (
        numbers(name, values, positive=True) for name, values in (("params", params), ("tokens", tokens), ("y", y))
    )
    if not sizes.size == lengths.size == losses.size:
        raise ValueError(f"there are {sizes.size} params, {lengths.size} tokens and {losses.size} values of y")
    if sizes.size < FEWEST_POINTS or np.unique(sizes).size < FEWEST_SIZES:
        raise ValueError(
            f"averaging laws of size and data needs {FEWEST_POINTS} runs of {FEWEST_SIZES} sizes; there are "
            f"{sizes.size} of {np.unique(sizes).size}"
        )
    rng = np.random.default_rng(seed)
    order = np.lexsort((losses, sizes, np.log(sizes * lengths)))
    if order.size > MOST_POINTS:
        order = order[np.sort(rng.choice(order.size, MOST_POINTS, replace=False))]
    x, observed = np.stack([sizes, lengths], axis=1)[order], np.log(losses[order])
    z = np.log(x).sum(axis=1)
    left_out = {
        f.name: f"{len(f.parameters)} parameters and {z.size} points" for f in families if len(f.parameters) >= z.size
    }
    origins = _origins(z, x[:, 0])
    noise = _noise(x, losses[order], rng)
    fitted = [_members(f, x, losses[order], origins, noise, rng) for f in families if f.name not in left_out]
    curves = np.concatenate([values for values, _ in fitted])
    members = [member for _, found in fitted for member in found]
    counts = np.exp(MISS_WEIGHT * (z - z[-1]))
    missed = np.sqrt((curves[:, 0] - observed) ** 2 @ counts / counts.sum())
    weights, backtest = weigh(curves, origins, z, observed, noise, missed=missed)
    return AveragedSurface(
        tuple(replace(m, weight=float(w)) for m, w in zip(members, weights, strict=True)),
        Problem(x, observed[None], np.ones((1, z.size)), LOG_HUBER),
        noise,
        backtest,
        float(z[-1]),
        left_out,
    )


def _origins(z: Floats, sizes: Floats) -> NDArray[np.bool_]:
    """What each refit sees (refits, points): everything, then only runs of less and less compute."""
    longest = (1 - LEAST_SPAN) * (z[-1] - z[0])
    masks = [np.ones(z.size, dtype=bool)]
    for distance in np.linspace(0, longest, ORIGINS + 1)[1:]:
        seen = z <= z[-1] - distance - EQUAL
        enough = seen.sum() >= FEWEST_POINTS and np.unique(sizes[seen]).size >= FEWEST_SIZES
        if distance >= SHORTEST and enough and seen.sum() < masks[-1].sum():
            masks.append(seen)
    return np.array(masks)


def _noise(x: Floats, y: Floats, rng: np.random.Generator) -> float:
    """The robust standard deviation of log residuals about the richest of the laws."""
    bound = COUPLED.bind(x, y)
    problem = Problem(x, np.log(y)[None], np.ones((1, y.size)), LOG_HUBER, np.full(1, 1e-7))
    solution = solve(bound, problem, bound.starts(2 * STARTS, rng), MOST_STEPS)
    best = solution.theta[[np.argmin(solution.objective)]]
    away = np.abs(np.log(y) - bound.value_in("log", best, x)[0])
    freedom = max(1, y.size - best.size)
    return max(float(1.4826 * np.median(away) * np.sqrt(y.size / freedom)), 1e-5)


def _members(
    family: Family, x: Floats, y: Floats, origins: NDArray[np.bool_], noise: float, rng: np.random.Generator
) -> tuple[Floats, list[Member]]:
    """Every member of one family from every origin: its log losses (members, origins, points), and itself."""
    bound = family.bind(x, y)
    rows = [(p, t, seen) for p in PRIOR_WEIGHTS for t in TAIL_WEIGHTS for seen in origins]
    compute = np.exp(np.log(x).sum(axis=1) - np.log(x[-1]).sum())
    weights = np.array([compute**t * seen for _, t, seen in rows])
    weights *= np.array([seen.sum() for _, _, seen in rows])[:, None] / weights.sum(axis=1, keepdims=True)
    unit = min(noise, LOG_HUBER.delta) * noise
    problem = Problem(
        x,
        np.log(y)[None],
        np.repeat(weights, STARTS, axis=0),
        LOG_HUBER,
        np.repeat([p * unit for p, _, _ in rows], STARTS),
    )
    solution = solve(bound, problem, np.tile(bound.starts(STARTS, rng), (len(rows), 1)), MOST_STEPS)
    objective = np.where(np.isfinite(solution.objective), solution.objective, np.inf).reshape(len(rows), STARTS)
    theta = solution.theta.reshape(len(rows), STARTS, -1)[np.arange(len(rows)), np.argmin(objective, axis=1)]
    whole = range(0, len(rows), len(origins))
    members = [Member(bound, theta[i], rows[i][0] * unit, rows[i][1], 0.0) for i in whole]
    return bound.value_in("log", theta, x).reshape(len(members), len(origins), -1), members
