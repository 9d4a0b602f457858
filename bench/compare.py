"""How often does `compare` find a break that is not there, and does it find one that is?

    python bench/compare.py [SIMULATED DATA SETS]

No break: y = (.3 + .7 x^-.5) e^noise. A break: the exponent .5 changes by .3 at x = 11. 60 points over a factor of 120,
noise of standard deviation .01 with first-order autocorrelation rho along the curve. "A power law with a floor" is
tested against "one break" at 5 %. AICc, on the same data, prefers the law with the lower criterion.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time

import numpy as np

from scalewise.laws.autocorrelation import autoregressive
from scalewise.laws.compare import LEVEL, compare, fit_families
from scalewise.laws.families import ONE_BREAK, POWER_FLOOR
from scalewise.laws.residual import LOG_SQUARES
from scalewise.laws.solver import Problem, solve

POINTS, SD, SIMULATIONS = 60, 0.01, 99


def aicc(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether AICc prefers the break."""
    values = []
    for family in (POWER_FLOOR, ONE_BREAK):
        bound = family.bind(x[:, None], y)
        problem = Problem(x[:, None], np.log(y)[None], np.ones((1, y.size)), LOG_SQUARES)
        error = 2 * solve(bound, problem, bound.starts(48, np.random.default_rng(0))).objective.min()
        k = len(family.parameters) + 1
        values.append(y.size * np.log(error / y.size) + 2 * k + 2 * k * (k + 1) / (y.size - k - 1))
    return bool(values[1] < values[0])


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    x = np.geomspace(1, 120, POINTS)
    curves = {"no break": 0.3 + 0.7 * x**-0.5, "a break of .3": x**-0.5 * (1 + (x / 11) ** 5) ** (0.3 / 5)}
    print(f"share of {count} data sets in which the break is preferred at {LEVEL:.0%}, and by AICc")
    for name, curve in curves.items():
        for rho in (0.0, 0.5, 0.9):
            started, found, by_aicc, rhos = time.perf_counter(), 0, 0, []
            for i in range(count):
                noise = autoregressive(rho, (1, POINTS), np.random.default_rng([i, int(10 * rho)]))[0]
                y = 2 * curve * np.exp(SD * noise)
                result = compare(fit_families(x, y, (POWER_FLOOR, ONE_BREAK)), simulations=SIMULATIONS, seed=i)
                found += result.pairs[0].p_first <= LEVEL
                by_aicc += aicc(x, y)
                rhos.append(result.rho)
            seconds = (time.perf_counter() - started) / count
            print(
                f"  {name:14s} rho {rho:.1f}: {found / count:6.1%}   AICc {by_aicc / count:6.1%}   "
                f"(rho estimated {np.mean(rhos):.2f}, {seconds:.1f} s each)",
                flush=True,
            )


if __name__ == "__main__":
    main()
