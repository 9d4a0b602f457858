"""How fast should the drift forget, and how much should it count beside the laws? Chosen on other collections.

    python bench/drift.py

Prints the error for every memory, power of the backtest error and share of the drift, relative to laws alone, as the
geometric mean over collections of the mean error (root mean square of log y over a curve's withheld points), so that
none counts more for being large or hard to continue; then what each collection gets from the choice that is best on all
others. The power in use is 2, one over the mean square. At that power, in use are the best memory and the least share
that is within 1 % of the best, so that laws, which say more than a drift does, count as much as the evidence lets them.
Some minutes.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from curves import Curve, Floats, all_curves
from scalewise.laws import drift
from scalewise.laws.extrapolate import DRIFT_SHARE, POWER, extrapolate
from scalewise.laws.memory import remember

MEMORIES = (0.06, 0.12, 0.17, 0.25, 0.5, np.inf)
POWERS = (1.0, 2.0, 3.0)
SHARES = np.round(np.linspace(0, 1, 11), 1)
ALLOWED = 0.01
IN_USE = drift.MEMORY


def errors(curve: Curve) -> Floats:
    """Of one curve with each of MEMORIES, POWERS and SHARES."""
    found = []
    remember(1000)  # the laws are the same for every memory
    for memory in MEMORIES:
        drift.MEMORY = memory
        found.append(_by_power_and_share(curve))
    remember(0)
    return np.array(found)


def _by_power_and_share(curve: Curve) -> Floats:
    forecast = extrapolate(curve.x, curve.y, curve.x_new)
    laws = [m.bound.value_in("log", m.theta[None], curve.x_new[:, None]) for m in forecast.members]
    ahead = np.concatenate(laws)
    shares = np.zeros((SHARES.size, 1))
    if forecast.drift is not None:
        ahead = np.concatenate([ahead, forecast.drift.continued(np.log(curve.x_new))[:, 0]])
        shares = SHARES[:, None]
    weights = np.array([*(m.weight for m in forecast.members), *forecast.drift_weights])
    is_drift = np.arange(weights.size) >= len(laws)
    usual = np.where(is_drift, shares / max(is_drift.sum(), 1), (1 - shares) / len(laws))
    # what backtests multiplied the weights by, at power 1
    counted = np.where(is_drift, DRIFT_SHARE / max(is_drift.sum(), 1), (1 - DRIFT_SHARE) / len(laws))
    precision = (weights / counted) ** (1 / POWER)
    found = np.empty((len(POWERS), SHARES.size))
    for i, power in enumerate(POWERS):
        at = usual * precision**power
        missed = at @ ahead / at.sum(axis=1, keepdims=True) - np.log(curve.y_new)
        found[i] = np.sqrt(np.mean(missed**2, axis=1))
    return found


def main() -> None:
    by_collection: dict[str, list[Floats]] = {}
    for curve in all_curves():
        by_collection.setdefault(curve.collection, []).append(errors(curve))
    names = list(by_collection)
    means = np.array([np.mean(by_collection[name], axis=0) for name in names])
    in_use = POWERS.index(POWER)
    relative = np.log(means / means[:, :1, in_use : in_use + 1, :1])
    print("error relative to laws alone, by memory (in log x), power and share of the drift")
    print(f"{'':12s}" + "".join(f"{share:6.1f}" for share in SHARES))
    for i, power in enumerate(POWERS):
        for memory, row in zip(MEMORIES, np.exp(relative[:, :, i].mean(axis=0)), strict=True):
            print(f"{power:6.0f}{memory:6.2f}" + "".join(f"{value:6.2f}" for value in row))
    means, relative = means[:, :, in_use], relative[:, :, in_use]
    print(f"power {POWER:g}: memory and share that are best on all other collections, and the mean error on this one:")
    print("laws alone, drift alone, both alike, best")
    for i, name in enumerate(names):
        memory, share = _best(np.delete(relative, i, axis=0))
        row = means[i, memory]
        print(
            f"{name:22s}{MEMORIES[memory]:6.2f}{SHARES[share]:5.1f}  {row[0]:.4f} {row[-1]:.4f} "
            f"{row[SHARES == 0.5][0]:.4f} {row[share]:.4f}"
        )
    memory, share = _best(relative)
    least = int(np.argmax(relative.mean(axis=0)[memory] <= relative.mean(axis=0)[memory, share] + ALLOWED))
    print(
        f"best on all: memory {MEMORIES[memory]:g}, share {SHARES[share]:.1f}; least share within {ALLOWED:.0%}: "
        f"{SHARES[least]:.1f}; in use: {IN_USE:g} and {DRIFT_SHARE:.1f}"
    )


def _best(relative: Floats) -> tuple[int, int]:
    """Which memory and share have the least error, of logs (collections, memories, shares)."""
    memory, share = np.unravel_index(np.argmin(relative.mean(axis=0)), relative.shape[1:])
    return int(memory), int(share)


if __name__ == "__main__":
    main()
