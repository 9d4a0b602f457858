"""How much should the drift count beside the laws before backtests? Chosen on all collections of curves but one.

    python bench/drift.py

Prints the error on the collection left out, relative to laws alone, with the share that is best on the others: the
geometric mean over collections of the mean error (root mean square of log y over a curve's withheld points), so that
none counts more for being large or hard to continue. In use is one half, which favours neither; the last line says what
it costs. A minute.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from curves import Curve, Floats, all_curves
from scalewise.laws.drift import NAME
from scalewise.laws.extrapolate import DRIFT_SHARE, extrapolate

SHARES = np.round(np.linspace(0, 1, 11), 1)


def errors(curve: Curve) -> Floats:
    """Of one curve with each of SHARES. Backtests multiply the odds of the drift by the same for all of them."""
    forecast = extrapolate(curve.x, curve.y, curve.x_new)
    actual = np.log(curve.y_new)
    if forecast.drift is None:
        return np.full(SHARES.size, np.sqrt(np.mean((forecast.centre - actual) ** 2)))
    weight, drift = forecast.weights[NAME], np.log(forecast.by_family[NAME])
    laws = (forecast.centre - weight * drift) / (1 - weight)
    by_backtests = weight * (1 - DRIFT_SHARE), (1 - weight) * DRIFT_SHARE
    counted = SHARES * by_backtests[0] / (SHARES * by_backtests[0] + (1 - SHARES) * by_backtests[1])
    missed = counted[:, None] * drift + (1 - counted[:, None]) * laws - actual
    found: Floats = np.sqrt(np.mean(missed**2, axis=1))
    return found


def main() -> None:
    by_collection: dict[str, list[Floats]] = {}
    for curve in all_curves():
        by_collection.setdefault(curve.collection, []).append(errors(curve))
    names = list(by_collection)
    means = np.array([np.mean(by_collection[name], axis=0) for name in names])
    relative = np.log(means / means[:, :1])
    print("error relative to laws alone, by the share of the drift")
    print(f"{'':22s}" + "".join(f"{share:6.1f}" for share in SHARES))
    for name, row in zip(names, np.exp(relative), strict=True):
        print(f"{name:22s}" + "".join(f"{value:6.2f}" for value in row))
    print("chosen on the others, and the mean error there")
    for i, name in enumerate(names):
        best = int(np.argmin(np.delete(relative, i, axis=0).mean(axis=0)))
        print(f"{name:22s}{SHARES[best]:6.1f}  {means[i, 0]:.4f} -> {means[i, best]:.4f}")
    overall = relative.mean(axis=0)
    best = int(np.argmin(overall))
    print(f"best on all: {SHARES[best]:.1f}, error times {np.exp(overall[best]):.2f}; in use: {DRIFT_SHARE}")


if __name__ == "__main__":
    main()
