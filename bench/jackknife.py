"""How often the intervals and verdicts of general-factor and matched-loss err, in worlds whose truth is known.

    python bench/jackknife.py [WORLDS]

Both leave out one cluster at a time (`scalewise.laws.jackknife`). WORLDS is how many there are per row, 400 by default
(about three minutes on one core).
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys

import numpy as np
import polars as pl
from numpy.typing import NDArray

import scalewise as sw
from scalewise.laws.jackknife import Jackknifed
from scalewise.questions.general_factor.components import ClusterSums, Components, correlations
from scalewise.questions.general_factor.factor import Factor
from scalewise.questions.matched_loss.effect import effect_of, pieces_for
from scalewise.questions.matched_loss.overlap import observed, overlapping

Floats = NDArray[np.float64]

WITH_SCALE = 0.8
"""Correlation of the factor with log compute."""
FACTORS = {
    "alike, .76": np.full(8, 0.85),
    "mixed, .63": np.array([0.95, 0.9, 0.9, 0.8, 0.8, 0.7, 0.6, 0.3]),
    "one unrelated, .75": np.array([0.95, 0.95, 0.9, 0.9, 0.9, 0.9, 0.9, 0.0]),
    "half, .50": np.full(8, np.sqrt(3 / 7)),
}
"""Loadings of eight tasks by name, with the share of the first component."""
SIZES = (3, 4, 5, 8)


def scores(rng: np.random.Generator, families: int, each: int, loadings: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Scores and a last column of log compute (models, tasks + 1); half of all variance is the family's."""

    def normal(columns: int) -> Floats:
        shared = np.repeat(rng.normal(size=(families, columns)), each, axis=0)
        return np.asarray(np.sqrt(0.5) * (shared + rng.normal(size=(families * each, columns))))

    factor = normal(1)
    tasks = loadings * factor + np.sqrt(1 - loadings**2) * normal(loadings.size)
    scale = WITH_SCALE * factor + np.sqrt(1 - WITH_SCALE**2) * normal(1)
    return np.hstack([tasks, scale]), np.repeat(np.arange(families), each)


def factor_row(name: str, families: int, each: int, worlds: int) -> str:
    """Shares of worlds: share of variance missed, r with compute missed, answered yes, answered no."""
    loadings = FACTORS[name]
    matrix = np.outer(loadings, loadings)
    np.fill_diagonal(matrix, 1.0)
    values, vectors = np.linalg.eigh(matrix)
    share = values[-1] / loadings.size
    with_scale = WITH_SCALE * abs(vectors[:, -1] @ loadings) / np.sqrt(values[-1])
    counts = np.zeros(4)
    for world in range(worlds):
        table, clusters = scores(np.random.default_rng(world), families, each, loadings)
        r = correlations(ClusterSums.of(table, clusters).covariance)
        tasks = r[:, :-1, :-1]
        factor = Factor(tuple(map(str, range(loadings.size))), Components(tasks), tasks, np.zeros(loadings.size))
        a, b = (
            factor.share.estimate(),
            Jackknifed.of(factor.components.correlation_with_last(r), "correlation").estimate(),
        )
        missed = (not a.low <= share <= a.high, not b.low <= with_scale <= b.high)
        counts += (*missed, factor.probability >= 0.95, factor.probability <= 0.05)
    shown = "  ".join(f"{100 * c / worlds:7.1f}" for c in counts)
    return f"{name:20} {families:8} {each:6}  {shown}"


def curves(rng: np.random.Generator, sizes: int, seeds: int, gain: float, shape: float) -> pl.DataFrame:
    """Runs of so many sizes over one decade and a half; accuracy is a logistic in loss, with errors of the size (and
    of the run, half as large) and autocorrelated noise along each run. `gain` is per tenfold size."""
    rows = []
    for n in np.geomspace(1e7, 3e8, sizes):
        own = rng.normal(0, shape)
        for seed in range(seeds):
            tokens = np.geomspace(3e8, 6e10, 30)
            loss = 1.7 + 400 / n**0.34 + 1500 / tokens**0.38 + rng.normal(0, 0.003, 30)
            noise = rng.normal(0, 0.005, 30)
            for i in range(1, 30):
                noise[i] += 0.5 * noise[i - 1]
            level = 0.25 + 0.6 / (1 + np.exp(4 * (loss - 3.0))) + gain * np.log10(n / 1e7)
            y = level + own + rng.normal(0, shape / 2) + noise
            rows += [(f"{n:.4g} {seed}", n, t, float(a), float(b)) for t, a, b in zip(tokens, loss, y, strict=True)]
    return pl.DataFrame(rows, ["run", "params", "tokens", "loss", "accuracy"], orient="row")


def effect_row(sizes: int, seeds: int, gain: float, worlds: int) -> str:
    """Shares of worlds: rise missed, answered yes, answered no."""
    counts = np.zeros(3)
    for world in range(worlds):
        table = curves(np.random.default_rng(world), sizes, seeds, gain, shape=0.005)
        points, _ = overlapping(observed(sw.read(table), "loss", "accuracy", "params", None, None, "all"))
        effect = effect_of(points, "size", pieces_for(points.loss.size), 0)
        assert not isinstance(effect, str)
        assert effect.error is not None
        e, probability = effect.error.estimate(), effect.error.probability_above(0.0)
        counts += (not e.low <= gain <= e.high, probability >= 0.95, probability <= 0.05)
    return f"{sizes:5} {seeds:5} {gain:6.3f}  " + "  ".join(f"{100 * c / worlds:6.1f}" for c in counts)


def main() -> None:
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    print(f"general-factor, per cent of {worlds} worlds")
    print(f"{'loadings, share':20} families models  share missed, r missed, yes, no")
    for name in FACTORS:
        for families, each in ((6, 1), (10, 1), (20, 1), (40, 1), (10, 3), (40, 3)):
            print(factor_row(name, families, each, worlds), flush=True)
    print(f"\nmatched-loss, per cent of {worlds} worlds")
    print("sizes seeds   gain  rise missed, yes, no")
    for gain in (0.0, 0.02):
        for sizes in SIZES:
            for seeds in (1, 3):
                print(effect_row(sizes, seeds, gain, worlds), flush=True)


if __name__ == "__main__":
    main()
