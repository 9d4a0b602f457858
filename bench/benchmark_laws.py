"""M1 to M4 of Alabdulmohsin et al. 2022 (arXiv 2209.06640) on their benchmark: their estimators, and our fits.

    python bench/benchmark_laws.py [FOLDER]

FOLDER holds curves.csv.gz (domain, task, model, seen_examples, loss, training: 1 fit on it, 0 predict it) and
reference_m1_m4.csv, what the authors' code gives. An error is the RMSLE, the root mean square of log(predicted / true)
where training = 0. A win rate is the share of curves on which a method has the lowest error, cut to 3 decimals; ties
share. About two minutes on one thread.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scalewise.laws.extrapolate import extrapolate
from scalewise.laws.families import M3, M4, POWER, POWER_FLOOR, BoundFamily, Family
from scalewise.laws.residual import LOG_SQUARES
from scalewise.laws.solver import Problem, solve

Floats = NDArray[np.float64]
FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "extrapolation_benchmark"
FAMILIES: dict[str, Family] = {"M1": POWER, "M2": POWER_FLOOR, "M3": M3, "M4": M4}

MARGIN = 1e-3
"""Their err_inf and err_0 stay this far from the data, and a bound on err_0 is widened by as much."""
MOST_ITERATIONS = 10_000
GRADIENT_ITERATIONS = 100
"""How many times regression alternates with gradient descent before it alternates with Newton's method."""
GRADIENT_STEPS, GRADIENT_RATE = 10, 1e-6
"""Theirs: 1000 steps of 1e-8, the same path in finer steps."""
NEWTON_STEPS, NEWTON_RATE = 12, 0.6
"""Theirs: 100 steps of 0.1. Either leaves .00002 to .00003 of the distance to the levels' minimum."""
LEAST_CURVATURE = 1e-5
STOP = 1e-10
"""They stop when beta changes by less than this (absolute)."""
ROUNDING = 1e-13
"""A relative change of beta below this is rounding: a large beta never meets `STOP`."""
LEVELS, LEAST_ALPHA = 10_000, 1e-5
"""They read M4 off a grid of so many losses from err_inf to err_0, unless alpha is less than this."""
STARTS = 50


@dataclass(frozen=True)
class Curve:
    """Distinct points to fit on (x rising) and all points to predict: x in examples or tokens, y a loss."""

    domain: str
    x: Floats
    y: Floats
    x_new: Floats
    y_new: Floats

    def bind(self, name: str) -> BoundFamily:
        """M1, M2, M3 or M4 in the internal coordinates of the points to fit on."""
        return FAMILIES[name].bind(self.x[:, None], self.y)

    def rmsle(self, predicted: Floats) -> float:
        """Root mean square error of log loss at the points to predict."""
        return float(np.sqrt(np.mean(np.log(predicted / self.y_new) ** 2)))


def read_curves(path: Path) -> list[Curve]:
    """In the order of the file, which is that of the reference."""
    curves = []
    for (domain, *_), rows in pl.read_csv(path).group_by("domain", "task", "model", maintain_order=True):
        seen = rows.filter(pl.col("training") == 1).unique("seen_examples").sort("seen_examples")
        unseen = rows.filter(pl.col("training") == 0)
        columns = [part[c].to_numpy() for part in (seen, unseen) for c in ("seen_examples", "loss")]
        curves.append(Curve(str(domain), *columns))
    return curves


@dataclass(frozen=True)
class Estimate:
    """The authors' parameters: err_inf + beta x^c (M1, M2), beta (1/x + gamma)^c (M3), and M4's implicit law."""

    beta: float
    c: float
    err_inf: float = 0.0
    gamma: float = 0.0
    alpha: float = 0.0
    err_0: float = 1.0

    def internal(self, name: str, curve: Curve) -> Floats:
        """theta (1, parameters) of our family bound to the curve; -inf is the logarithm of a floor or shift of 0."""
        centre = float(np.log(curve.x).mean())
        with np.errstate(divide="ignore"):
            log_floor, log_shift = np.log(self.err_inf), np.log(self.gamma) + centre
        level = float(np.log(self.beta) + self.c * centre)
        theta = {
            "M1": [level, -self.c],
            "M2": [log_floor, level, -self.c],
            "M3": [np.log(self.beta) + self.c * (np.logaddexp(0.0, log_shift) - centre), self.c, log_shift],
            "M4": [self.err_inf, self.err_0, level, -self.c, self.alpha],
        }
        return np.array([theta[name]])

    def predict(self, name: str, curve: Curve) -> Floats:
        """Our family's loss at the points to predict, for M4 rounded to the authors' grid."""
        predicted: Floats = curve.bind(name).predict(self.internal(name, curve), curve.x_new[:, None])[0]
        if self.alpha < LEAST_ALPHA:
            return predicted
        step = (self.err_0 - self.err_inf) / (LEVELS - 1)
        return self.err_inf + step * np.round((predicted - self.err_inf) / step)


def read_reference(path: Path) -> dict[str, list[tuple[Estimate, float]]]:
    """What the authors' code gives for each curve: parameters and RMSLE, by estimator."""
    found: dict[str, list[tuple[Estimate, float]]] = {name: [] for name in FAMILIES}
    for row in pl.read_csv(path).iter_rows(named=True):
        parameters = {name: float(row[name]) for name in ("beta", "c", "err_inf", "gamma", "alpha", "err_0")}
        found[row["estimator"]].append((Estimate(**parameters), float(row["rmsle"])))
    return found


def authors_m1(curve: Curve) -> Estimate:
    """Linear regression of log y on log x."""
    c, log_beta = np.polyfit(np.log(curve.x), np.log(curve.y), 1)
    return Estimate(float(np.exp(log_beta)), float(c))


def authors_m3(curve: Curve) -> Estimate:
    """Regression of log y on log(1/x + gamma), alternating with the best gamma that fits one point exactly."""
    log_y, gamma, before = np.log(curve.y), 0.0, np.inf
    for _ in range(MOST_ITERATIONS):
        slope, log_beta = np.polyfit(np.log(1 / curve.x + gamma), log_y, 1)
        c = max(0.0, float(slope))
        if abs(np.exp(log_beta) - before) < STOP or c == 0.0:
            break
        before = np.exp(log_beta)
        exact = np.exp((log_y - log_beta) / c) - 1 / curve.x
        tried = np.append(gamma, exact[exact >= 0])
        misfit = np.sum((log_y - log_beta - c * np.log(1 / curve.x + tried[:, None])) ** 2, axis=1)
        gamma = float(tried[np.argmin(misfit)])
    return Estimate(float(np.exp(log_beta)), c, gamma=gamma)


class Levels:
    """M2 or M4 on all curves at once: regression alternates with steps on the levels err_inf and err_0.

    Regression is of log(y - err_inf) on 1, -log x and, for M4, log(err_0 - y) with non-negative coefficients (log beta,
    -c, alpha). As in the authors' code the last column keeps the err_0 of the start, while the steps use the current
    one: what M4 converges to is a fixed point and not the least squares of all five parameters.
    """

    def __init__(self, curves: Sequence[Curve], between: bool) -> None:
        size = max(c.x.size for c in curves)
        # absent points repeat the last one and weigh nothing
        self.log_x, self.y = (
            np.array([np.pad(v, (0, size - v.size), mode="edge") for v in vs])
            for vs in ([np.log(c.x) for c in curves], [c.y for c in curves])
        )
        self.weights = np.array([np.arange(size) < c.x.size for c in curves]) / [[c.x.size] for c in curves]
        self.most_inf = np.array([c.y.min() for c in curves]) - MARGIN
        self.least_0 = np.array([c.y.max() for c in curves]) + MARGIN
        domain = np.array([c.domain for c in curves])
        self.most_0 = np.where(np.isin(domain, ["IC", "BB"]), 1.0 + MARGIN, np.inf)
        self.err_inf, self.err_0 = self.most_inf.copy(), np.where(domain == "BB", 1.0 + MARGIN, 1.0)
        self.coefficients = np.zeros((len(curves), 3))
        self.between = between
        self.design = np.stack([np.ones_like(self.y), -self.log_x, np.log(self.err_0[:, None] - self.y)], axis=2)
        # non-negative least squares of three columns: the best of the seven supports on which none is negative
        supports = [s for n in (1, 2, 3) for s in combinations(range(3), n)] if between else [(0, 1)]
        root = np.sqrt(self.weights)[:, :, None]
        self.solvers = np.zeros((len(curves), len(supports), 3, size))
        for i, support in enumerate(map(list, supports)):
            inverse = np.linalg.pinv(root * self.design[:, :, support])
            self.solvers[:, i, support] = inverse * root.transpose(0, 2, 1)

    def estimates(self) -> list[Estimate]:
        """Alternate until each curve's beta stands still."""
        rows = np.arange(len(self.y))
        beta = np.full(rows.size, np.inf)
        for k in range(MOST_ITERATIONS):
            self._regress(rows)
            self._move(rows, newton=k >= GRADIENT_ITERATIONS)
            now = np.exp(self.coefficients[rows, 0])
            moving = np.abs(now - beta) >= np.maximum(STOP, ROUNDING * now)
            if k > GRADIENT_ITERATIONS + 1:
                rows, now = rows[moving], now[moving]
            if not rows.size:
                break
            beta = now
        log_beta, slope, alpha = self.coefficients.T
        found = np.stack([np.exp(log_beta), -slope, self.err_inf, np.zeros_like(alpha), alpha, self.err_0], axis=1)
        return [Estimate(*row) for row in found.tolist()]

    def _regress(self, rows: NDArray[np.intp]) -> None:
        labels = np.log(self.y[rows] - self.err_inf[rows, None])
        found = np.matmul(self.solvers[rows], labels[:, None, :, None])[..., 0]
        missed = labels[:, None] - np.matmul(found, self.design[rows].transpose(0, 2, 1))
        misfit = np.einsum("cp,csp->cs", self.weights[rows], missed**2)
        if self.between:
            misfit[(found < 0).any(axis=2)] = np.inf
        self.coefficients[rows] = found[np.arange(rows.size), np.argmin(misfit, axis=1)]

    def _move(self, rows: NDArray[np.intp], newton: bool) -> None:
        """Lower the squared error of logs by err_inf and err_0, each by its own derivatives."""
        y, weights = self.y[rows], self.weights[rows]
        log_beta, slope, alpha = self.coefficients[rows].T[:, :, None]
        power = log_beta - slope * self.log_x[rows]
        low, high = self.err_inf[rows, None], self.err_0[rows, None]
        for _ in range(NEWTON_STEPS if newton else GRADIENT_STEPS):
            above, below = y - low, high - y
            error = np.log(above) - alpha * np.log(below) - power
            by_low = -np.sum(weights * error / above, axis=1, keepdims=True)
            by_high = -alpha * np.sum(weights * error / below, axis=1, keepdims=True)
            if newton:
                twice_low = np.sum(weights * (1 - error) / above**2, axis=1, keepdims=True)
                twice_high = alpha * np.sum(weights * (alpha + error) / below**2, axis=1, keepdims=True)
                by_low, by_high = _newton(by_low, twice_low), _newton(by_high, twice_high)
            rate = NEWTON_RATE if newton else GRADIENT_RATE
            low = np.clip(low - rate * by_low, 0.0, self.most_inf[rows, None])
            high = np.clip(high - rate * by_high, self.least_0[rows, None], self.most_0[rows, None])
        self.err_inf[rows], self.err_0[rows] = low[:, 0], high[:, 0]


def _newton(slope: Floats, curvature: Floats) -> Floats:
    """Newton's step uphill; none where the curvature is nearly 0."""
    bent = np.abs(curvature) > LEAST_CURVATURE
    return np.where(bent, slope / np.where(bent, curvature, 1.0), 0.0)


def authors_estimates(curves: Sequence[Curve]) -> dict[str, list[Estimate]]:
    """Each curve's parameters by the authors' four estimators, at their notebook's settings."""
    return {
        "M1": [authors_m1(c) for c in curves],
        "M2": Levels(curves, between=False).estimates(),
        "M3": [authors_m3(c) for c in curves],
        "M4": Levels(curves, between=True).estimates(),
    }


def errors_of(estimates: Mapping[str, Sequence[Estimate]], curves: Sequence[Curve]) -> dict[str, Floats]:
    """RMSLE (curves,) of each estimator."""
    return {
        name: np.array([c.rmsle(e.predict(name, c)) for e, c in zip(found, curves, strict=True)])
        for name, found in estimates.items()
    }


def our_fit(name: str, curve: Curve) -> Floats:
    """theta (1, parameters) of the least squares of log y over all parameters, the best of many starts."""
    bound = curve.bind(name)
    problem = Problem(curve.x[:, None], np.log(curve.y)[None], np.ones((1, curve.x.size)), LOG_SQUARES)
    solution = solve(bound, problem, bound.starts(STARTS, np.random.default_rng(0)))
    return solution.theta[[np.argmin(solution.objective)]]


def win_rates(errors: Mapping[str, Floats]) -> dict[str, float]:
    """By the authors' rule: errors cut to 3 decimals, a failed fit counts as 1, ties share the win."""
    cut = np.floor(np.nan_to_num(np.array(list(errors.values())), nan=1.0) * 1000)
    won = cut == cut.min(axis=0)
    return dict(zip(errors, (won / won.sum(axis=0)).mean(axis=1).tolist(), strict=True))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    curves = read_curves(folder / "curves.csv.gz")
    known = read_reference(folder / "reference_m1_m4.csv")
    reference = {name: np.array([e for _, e in rows]) for name, rows in known.items()}
    theirs = errors_of(authors_estimates(curves), curves)
    ours = {
        n: np.array([c.rmsle(c.bind(n).predict(our_fit(n, c), c.x_new[:, None])[0]) for c in curves]) for n in FAMILIES
    }
    average = {"average": np.array([c.rmsle(extrapolate(c.x, c.y, c.x_new).median) for c in curves])}
    for name, error in theirs.items():
        away = np.abs(error - reference[name])
        print(f"{name}: {np.mean(away < 1e-6):.0%} of curves within 1e-6 of the reference, farthest {away.max():.1e}")
    domain = np.array([c.domain for c in curves])
    methods = {"authors'": theirs, "reference": reference, "our": ours, "scalewise": average}
    for which in dict.fromkeys(domain):
        mine = domain == which
        print(f"\nRMSLE, {which}, {mine.sum()} curves".ljust(31) + "median    mean")
        for label, errors in methods.items():
            for name, error in errors.items():
                print(f"  {label + ' ' + name:26s}{np.median(error[mine]):8.4f}{error[mine].mean():8.4f}")
    contests = {"authors'": theirs, "reference": reference, "our": ours}
    contests |= {"our, average": ours | average, "authors', average": theirs | average}
    for title, mine in (("IC", domain == "IC"), ("language", domain != "IC")):
        print(f"\nwin rates, {title}")
        for label, errors in contests.items():
            rates = win_rates({name: error[mine] for name, error in errors.items()})
            print(f"  {label:18s}" + "  ".join(f"{name} {rate:.3f}" for name, rate in rates.items()))


if __name__ == "__main__":
    main()
