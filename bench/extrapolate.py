"""Continue the 60 curves of Alabdulmohsin et al. 2022 (arXiv 2209.06640) and others, and score the forecasts.

    python bench/extrapolate.py [CURVES.csv]

CURVES.csv has the columns domain, task, model, seen_examples, loss, training (1 fit on it, 0 predict it). The width of
intervals (`WIDENING`) is chosen on a random half of the curves, whole groups at a time and each collection counting
alike, and reported on the other half: run this on other curves to choose it anew. Where the authors' results are beside
CURVES.csv, the error is also printed as a share of M4's on the same curves. Without CURVES.csv the last lines add
training curves of language models, losses of the best size against compute and double descents, whose last parts are
withheld. One thread.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curves import BENCHMARK, IMAGES, Curve, Floats, benchmark, best_losses, double_descents, training_curves
from scalewise.laws.calibrate import conformal_width
from scalewise.laws.extrapolate import WIDENING, extrapolate, half_width

LEVEL = 0.9
WIDTHS = np.round(np.geomspace(0.5, 4.0, 61), 3)
REFERENCE = "reference_m1_m4.csv"
"""Beside the curves, if there is one: what the authors' own code reaches on each."""
GOAL_OF_M4 = 0.0280 / 0.0415
"""The best published mean error on all 72 image curves (Lee et al. 2025, arXiv 2505.23032) as a share of M4's there."""
FARTHEST = 0.1
"""The share of a curve's predicted points, at its end, that counts as farthest."""


@dataclass(frozen=True)
class Score:
    """How the forecast of one curve did; `misses` (points,) in units of its scale without the widening."""

    curve: Curve
    error: float
    misses: Floats
    log_density: float
    seconds: float

    @property
    def farthest(self) -> Floats:
        """The misses at the curve's end."""
        return self.misses[-max(1, round(FARTHEST * self.misses.size)) :]


def score(curves: Iterable[Curve]) -> list[Score]:
    """Continue each curve."""
    found = []
    for curve in curves:
        started = time.perf_counter()
        forecast = extrapolate(curve.x, curve.y, curve.x_new)
        seconds = time.perf_counter() - started
        missed = np.log(curve.y_new) - forecast.centre
        found.append(
            Score(
                curve,
                float(np.sqrt(np.mean(missed**2))),
                np.abs(missed) / (forecast.scale / WIDENING),
                float(np.mean(forecast.log_density(curve.y_new))),
                seconds,
            )
        )
    return found


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else BENCHMARK
    scores = score(benchmark(path))
    images = [s for s in scores if s.curve.collection == IMAGES]
    language = [s for s in scores if s.curve.collection != IMAGES]
    for name, group, goal in (("image classification", images, 0.028), ("language", language, 0.014)):
        if group:
            errors = [s.error for s in group]
            print(
                f"{name}: mean RMSLE {np.mean(errors):.4f} (goal {goal}), median {np.median(errors):.4f}, mean log "
                f"density {np.mean([s.log_density for s in group]):.2f}, {len(group)} curves"
            )
    relative_to_m4(images, path.parent / REFERENCE)
    seconds = [s.seconds for s in scores]
    print("goal of the mean log density, image classification: 3.25")
    print(f"seconds a curve: mean {np.mean(seconds):.2f}, most {np.max(seconds):.2f} (goal 1.5)")
    coverage(scores)
    if path == BENCHMARK:
        more = score([*training_curves(), *best_losses(), *double_descents()])
        others(more)
        coverage([*scores, *more])


def relative_to_m4(scores: list[Score], reference: Path) -> None:
    """The mean error as a share of M4's on the same curves, so that it does not depend on which of them are present."""
    if not scores or not reference.exists():
        return
    rows = pl.read_csv(reference).filter(pl.col("estimator") == "M4").select("task", "model", "rmsle").rows()
    of_m4 = {f"{task} {model}": rmsle for task, model, rmsle in rows}
    pairs = np.array([(s.error, of_m4[s.curve.name]) for s in scores if s.curve.name in of_m4])
    groups = np.array([s.curve.group for s in scores if s.curve.name in of_m4])
    if not pairs.size:
        return
    ours, theirs = pairs.mean(axis=0)
    rng, names = np.random.default_rng(0), np.unique(groups)
    drawn = [
        np.concatenate([pairs[groups == name] for name in rng.choice(names, names.size)]).mean(axis=0)
        for _ in range(2000)
    ]
    low, high = np.percentile([one / other for one, other in drawn], [2.5, 97.5])
    print(
        f"image classification: {ours / theirs:.3f} of M4's error, {theirs:.4f} on the same {len(pairs)} curves (goal "
        f"{GOAL_OF_M4:.3f}, here {GOAL_OF_M4 * theirs:.4f}); over groups of curves {low:.2f} to {high:.2f} in 95 %"
    )


def held(scores: list[Score], width: float, farthest: bool = False) -> float:
    """The share of points in the nominal interval of that width: of a curve, over curves, then over collections."""
    edge = half_width(LEVEL) * width
    by_collection: dict[str, list[float]] = {}
    for s in scores:
        misses = s.farthest if farthest else s.misses
        by_collection.setdefault(s.curve.collection, []).append(float(np.mean(misses <= edge)))
    return float(np.mean([np.mean(shares) for shares in by_collection.values()]))


def coverage(scores: list[Score]) -> None:
    """Choose the width on one half of the groups, report on the other, for several random halves."""
    names: NDArray[np.str_] = np.unique([s.curve.group for s in scores])
    found, points, last, conformal = [], [], [], []
    for half in range(50):
        mine = set(np.random.default_rng(half).permutation(names)[: len(names) // 2])
        chosen = [s for s in scores if s.curve.group in mine]
        others = [s for s in scores if s.curve.group not in mine]
        width = float(min(WIDTHS, key=lambda w: abs(held(chosen, float(w)) - LEVEL)))
        found.append(width)
        points.append(held(others, width))
        last.append(held(others, width, farthest=True))
        conformal.append(held(others, conformal_width([s.misses for s in chosen], LEVEL)))
    print(f"nominal {LEVEL:.0%} of points, {len(scores)} curves, each collection counting alike:")
    print(
        f"  width in use ({WIDENING}): {held(scores, WIDENING):.1%}, farthest "
        f"{held(scores, WIDENING, farthest=True):.1%} (goals 86-94 % and at least 82 %)"
    )
    print(
        f"  chosen on random halves: median {np.median(found):.2f}; on the other halves, mean over 50: "
        f"{np.mean(points):.1%}, farthest {np.mean(last):.1%}"
    )
    print(f"  by conformal risk control on the same halves (`calibrate`), on the others: {np.mean(conformal):.1%}")
    print(f"  half 0: width {found[0]:.2f}, {points[0]:.1%} and {last[0]:.1%} on the other")


def others(scores: list[Score]) -> None:
    """Mean error and log density, points and farthest points held, for each collection."""
    print("others: mean RMSLE, mean log density, points and farthest held by the nominal interval")
    for name in dict.fromkeys(s.curve.collection for s in scores):
        mine = [s for s in scores if s.curve.collection == name]
        print(
            f"{name:16s} {np.mean([s.error for s in mine]):.4f} {np.mean([s.log_density for s in mine]):6.2f} "
            f"{held(mine, WIDENING):6.1%} {held(mine, WIDENING, farthest=True):6.1%}  {len(mine)} curves"
        )


if __name__ == "__main__":
    main()
