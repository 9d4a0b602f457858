"""What a fit costs as data grow: time and peak memory of Chinchilla's law, by points and by bootstrap resamples.

    python bench/cost.py

Each row is a process of its own, on one thread: its peak memory is that of one `fit_law`, above what imports and data
take. Rows of 0 resamples are the global fit alone, from its 64 random starts; the cost of a resample is what the other
rows take beyond it. Linear time is the same cost per point and resample down the column; bounded memory is a peak that
does not follow points times resamples. Seconds are of the processor, so that neighbours on the machine count little.
About three minutes.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import resource
import subprocess
import sys
import time
from dataclasses import astuple, dataclass

from scalewise.laws.families import CHINCHILLA
from scalewise.laws.fit import STARTS, fit_law

MIB = 2**20
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes per unit of ru_maxrss."""
PER_CLUSTER = 100


@dataclass(frozen=True)
class Row:
    points: int
    resamples: int
    clusters: int


ROWS = [
    *(Row(points, resamples, points) for points in (100, 1_000, 10_000, 100_000) for resamples in (0, 100, 1_000)),
    Row(100_000, 100, 100_000 // PER_CLUSTER),
]


@dataclass(frozen=True)
class Cost:
    """Processor seconds of a fit, its peak memory above what was there before it, and the size of its data, in MiB."""

    seconds: float
    memory: float
    data: float


def peak() -> float:
    """The most memory this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / MIB


def measure(row: Row) -> Cost:
    import numpy as np

    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform((17.5, 20.5), (23.5, 26.5), (row.points, 2)))
    y = (1.8172 + 477.8 / x[:, 0] ** 0.3473 + 2143 / x[:, 1] ** 0.3672) * np.exp(rng.normal(0, 0.005, row.points))
    clusters = np.arange(row.points) % row.clusters
    before, started = peak(), time.process_time()
    found = fit_law(CHINCHILLA, x, y, clusters, resamples=row.resamples)
    seconds = time.process_time() - started
    if not found.ok or found.draws.shape[0] != row.resamples:
        raise RuntimeError(f"no fit of {row.points} points: {found.problem}")
    return Cost(seconds, peak() - before, (x.nbytes + y.nbytes + clusters.nbytes) / MIB)


def in_own_process(row: Row) -> Cost:
    words = [sys.executable, __file__, *map(str, astuple(row))]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return Cost(*json.loads(done.stdout))


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(astuple(measure(Row(*map(int, sys.argv[1:]))))))
        return
    print(" points  clusters  resamples  seconds  ns each, per point  peak MiB  data MiB")
    alone: dict[int, float] = {}
    for row in ROWS:
        cost = in_own_process(row)
        if row.resamples == 0:
            alone[row.points] = cost.seconds
            each = f"{1e9 * cost.seconds / (row.points * STARTS):10.0f} (start)"
        else:
            each = f"{1e9 * (cost.seconds - alone[row.points]) / (row.points * row.resamples):18.0f}"
        print(
            f"{row.points:7d}  {row.clusters:8d}  {row.resamples:9d}  {cost.seconds:7.2f}  {each}"
            f"  {cost.memory:8.1f}  {cost.data:8.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
