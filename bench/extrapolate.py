"""Continue the 60 curves of Alabdulmohsin et al. 2022 (arXiv 2209.06640) and score the forecasts.

    python bench/extrapolate.py [CURVES.csv]

CURVES.csv has the columns domain, task, model, seen_examples, loss, training (1 fit on it, 0 predict it). The width of
intervals (`WIDENING`) is chosen on a random half of the curves, whole groups at a time, and reported on the other half:
run this on other curves to choose it anew. One thread.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

from scalewise.laws.extrapolate import WIDENING, Forecast, extrapolate

CURVES = Path(__file__).resolve().parents[2] / "shared" / "data" / "extrapolation_benchmark" / "curves.csv.gz"
LEVEL = 0.9
WIDTHS = np.round(np.geomspace(0.5, 4.0, 61), 3)
FARTHEST = 0.1
"""The share of a curve's predicted points, at its end, that counts as farthest."""


def scaled(forecast: Forecast, y: np.ndarray) -> np.ndarray:
    """Errors of the forecast in units of its scale without the widening."""
    units: np.ndarray = (np.log(y) - forecast.centre) / (forecast.scale / WIDENING)
    return units


def main() -> None:
    table = pl.read_csv(sys.argv[1] if len(sys.argv) > 1 else CURVES)
    domains, groups, errors, scores, farthest, densities, seconds = [], [], [], [], [], [], []
    for (domain, task, model), curve in table.group_by("domain", "task", "model", maintain_order=True):
        points = curve.unique(["seen_examples", "loss", "training"]).sort("seen_examples")
        seen, unseen = points.filter(pl.col("training") == 1), points.filter(pl.col("training") == 0)
        y = unseen["loss"].to_numpy()
        started = time.perf_counter()
        forecast = extrapolate(seen["seen_examples"], seen["loss"], unseen["seen_examples"])
        seconds.append(time.perf_counter() - started)
        domains.append(str(domain))
        groups.append(f"{str(task).split('_')[0]} {model}")
        errors.append(np.sqrt(np.mean((np.log(y) - forecast.centre) ** 2)))
        scores.append(np.abs(scaled(forecast, y)))
        farthest.append(scores[-1][-max(1, round(FARTHEST * y.size)) :])
        densities.append(np.mean(forecast.log_density(y)))
    domain, error = np.array(domains), np.array(errors)
    images = domain == "IC"
    print(f"mean RMSLE: image classification {error[images].mean():.4f} ({images.sum()} curves, goal .028)")
    print(f"            language {error[~images].mean():.4f} ({(~images).sum()} curves, goal .014)")
    for name in np.unique(domain):
        print(
            f"            {name:4s} mean {error[domain == name].mean():.4f}, "
            f"median {np.median(error[domain == name]):.4f}"
        )
    print(f"mean log density, image classification: {np.mean(np.array(densities)[images]):.2f} (goal 3.25)")
    print(f"seconds a curve: mean {np.mean(seconds):.2f}, most {np.max(seconds):.2f} (goal 1.5)")
    coverage(groups, scores, farthest)


def coverage(groups: list[str], scores: list[np.ndarray], farthest: list[np.ndarray]) -> None:
    """Choose the width on one half of the groups, report on the other, for several random halves."""
    from scipy.stats import t

    from scalewise.laws.extrapolate import DEGREES

    edge = float(t.ppf(0.5 + LEVEL / 2, DEGREES))

    def share(which: list[int], values: list[np.ndarray], width: float) -> float:
        return float(np.mean([np.mean(values[i] <= edge * width) for i in which]))

    names = sorted(set(groups))
    found, points, last = [], [], []
    for half in range(50):
        mine = set(np.random.default_rng(half).permutation(names)[: len(names) // 2])
        chosen = [i for i, g in enumerate(groups) if g in mine]
        held = [i for i, g in enumerate(groups) if g not in mine]
        width = min(WIDTHS, key=lambda w: abs(share(chosen, scores, float(w)) - LEVEL))
        found.append(float(width))
        points.append(share(held, scores, float(width)))
        last.append(share(held, farthest, float(width)))
    everything = list(range(len(groups)))
    print(f"nominal {LEVEL:.0%} with the width in use ({WIDENING}), all curves: ", end="")
    print(
        f"{share(everything, scores, WIDENING):.1%} of points, "
        f"{share(everything, farthest, WIDENING):.1%} of the farthest"
    )
    print(f"width chosen on random halves: median {np.median(found):.2f}; on the other halves, mean over 50 splits:")
    print(f"{np.mean(points):.1%} of points (goal 86-94 %), {np.mean(last):.1%} of the farthest (goal at least 82 %)")
    print(
        f"split 0: width {found[0]:.2f}, {points[0]:.1%} of points, {last[0]:.1%} of the farthest, on curves not used"
    )


if __name__ == "__main__":
    main()
