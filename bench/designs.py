"""Do 95 % intervals of the optimal size hold in small designs? Coverage over simulated grids of 9, 16 and 25 runs.

    python bench/designs.py [SIMULATIONS]

Truth: Chinchilla's law, on grids of sizes 1e7 to 1e9 and tokens 2e8 to 2e10. Noise of log loss: sd .003, .01, and from
.003 to .01 as the loss rises; or six points along every run, sd .003 each and .005 shared by the run. Asked: the size
with the lowest loss at a compute in the middle of the design, and ten times beyond its largest. One thread.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import CHINCHILLA, fit_law

Floats = NDArray[np.float64]
RESAMPLES = 400
E, A, ALPHA, B, BETA = 1.8, 480.0, 0.35, 2100.0, 0.37
CHECKPOINTS = "6 points a run"
SIZES = np.geomspace(1e4, 1e13, 3000)


def law(x: Floats) -> Floats:
    loss: Floats = E + A / x[:, 0] ** ALPHA + B / x[:, 1] ** BETA
    return loss


def optimum(curves: Floats) -> Floats:
    """log of the size at the lowest point of each curve (fits, sizes)."""
    sizes: Floats = np.log(SIZES[np.argmin(curves, axis=1)])
    return sizes


def covered(side: int, noise: str, simulations: int) -> tuple[float, float]:
    """Share of intervals of log N* that hold the truth: inside the design, and ten times beyond it."""
    n, d = np.meshgrid(np.geomspace(1e7, 1e9, side), np.geomspace(2e8, 2e10, side))
    x = np.stack([n.ravel(), d.ravel()], axis=1)
    runs = np.arange(side * side)
    if noise == CHECKPOINTS:
        ages = np.geomspace(0.1, 1.0, 6)
        x = np.repeat(x, ages.size, axis=0) * np.stack([np.ones(6), ages], axis=1)[np.tile(np.arange(6), runs.size)]
        runs = np.repeat(runs, ages.size)
    y = law(x)
    rank = (np.log(y) - np.log(y).min()) / np.ptp(np.log(y))
    sd = {"sd .003": 0.003, "sd .01": 0.01, "sd .003 to .01": 0.003 * (10 / 3) ** rank, CHECKPOINTS: 0.003}[noise]
    flops = 6 * x.prod(axis=1)
    at = [float(np.sqrt(flops.min() * flops.max())), 10 * float(flops.max())]
    paths = [np.stack([SIZES, c / (6 * SIZES)], axis=1) for c in at]
    truths = [optimum(law(path)[None])[0] for path in paths]
    held = np.zeros(2)
    for i in range(simulations):
        rng = np.random.default_rng([i, side])
        errors = sd * rng.normal(size=y.size)
        if noise == CHECKPOINTS:
            errors += 0.005 * rng.normal(size=runs.max() + 1)[runs]
        fit = fit_law(CHINCHILLA, x, y * np.exp(errors), runs, resamples=RESAMPLES, seed=i)
        for j, (path, truth) in enumerate(zip(paths, truths, strict=True)):
            low, high = np.percentile(optimum(fit.curves(path)[1:]), [2.5, 97.5])
            held[j] += low <= truth <= high
    inside, beyond = held / simulations
    return float(inside), float(beyond)


def main() -> None:
    simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(f"coverage of 95 % intervals of the optimal size, {simulations} simulations a cell (goal 92-98 %)")
    for side in (3, 4, 5):
        for noise in ("sd .003", "sd .01", "sd .003 to .01", CHECKPOINTS):
            inside, beyond = covered(side, noise, simulations)
            print(
                f"  {side * side:2d} runs, {noise:14s}: inside {inside:.1%}, ten times beyond {beyond:.1%}", flush=True
            )


if __name__ == "__main__":
    main()
