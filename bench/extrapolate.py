"""Continue the 60 curves of Alabdulmohsin et al. 2022 (arXiv 2209.06640) and others, and score the forecasts.

    python bench/extrapolate.py [CURVES.csv]

CURVES.csv has the columns domain, task, model, seen_examples, loss, training (1 fit on it, 0 predict it). The width of
intervals (`WIDENING`) is chosen on a random half of the curves, whole groups at a time, and reported on the other half:
run this on other curves to choose it anew. Without CURVES.csv the last lines are for training curves of language models
and for double descents, whose last parts are withheld; nothing is chosen on them. One thread.
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
from numpy.typing import NDArray

from curves import BENCHMARK, IMAGES, Curve, Floats, benchmark, double_descents, training_curves
from scalewise.laws.extrapolate import DEGREES, WIDENING, extrapolate

LEVEL = 0.9
WIDTHS = np.round(np.geomspace(0.5, 4.0, 61), 3)
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
    seconds = [s.seconds for s in scores]
    print("goal of the mean log density, image classification: 3.25")
    print(f"seconds a curve: mean {np.mean(seconds):.2f}, most {np.max(seconds):.2f} (goal 1.5)")
    coverage(scores)
    if path == BENCHMARK:
        others(score([*training_curves(), *double_descents()]))


def share_within(which: Iterable[Floats], width: float) -> float:
    """Of the misses of each curve, averaged over curves: how many the nominal interval of that width holds."""
    from scipy.special import stdtrit

    edge = float(stdtrit(DEGREES, 0.5 + LEVEL / 2)) * width
    return float(np.mean([np.mean(misses <= edge) for misses in which]))


def coverage(scores: list[Score]) -> None:
    """Choose the width on one half of the groups, report on the other, for several random halves."""
    names: NDArray[np.str_] = np.unique([s.curve.group for s in scores])
    found, points, last = [], [], []
    for half in range(50):
        mine = set(np.random.default_rng(half).permutation(names)[: len(names) // 2])
        chosen = [s.misses for s in scores if s.curve.group in mine]
        held = [s for s in scores if s.curve.group not in mine]
        width = min(WIDTHS, key=lambda w: abs(share_within(chosen, float(w)) - LEVEL))
        found.append(float(width))
        points.append(share_within([s.misses for s in held], float(width)))
        last.append(share_within([s.farthest for s in held], float(width)))
    print(
        f"nominal {LEVEL:.0%} with the width in use ({WIDENING}), all curves: "
        f"{share_within([s.misses for s in scores], WIDENING):.1%} of points, "
        f"{share_within([s.farthest for s in scores], WIDENING):.1%} of the farthest"
    )
    print(f"width chosen on random halves: median {np.median(found):.2f}; on the other halves, mean over 50 splits:")
    print(f"{np.mean(points):.1%} of points (goal 86-94 %), {np.mean(last):.1%} of the farthest (goal at least 82 %)")
    print(
        f"split 0: width {found[0]:.2f}, {points[0]:.1%} of points, {last[0]:.1%} of the farthest, on curves not used"
    )


def others(scores: list[Score]) -> None:
    """Collections on which nothing was chosen."""
    print("others: mean RMSLE, mean log density, points and farthest held by the nominal interval")
    for name in dict.fromkeys(s.curve.collection for s in scores):
        mine = [s for s in scores if s.curve.collection == name]
        print(
            f"{name:16s} {np.mean([s.error for s in mine]):.4f} {np.mean([s.log_density for s in mine]):6.2f} "
            f"{share_within([s.misses for s in mine], WIDENING):6.1%} "
            f"{share_within([s.farthest for s in mine], WIDENING):6.1%}  {len(mine)} curves"
        )


if __name__ == "__main__":
    main()
