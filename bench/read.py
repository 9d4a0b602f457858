"""Rows per second and peak memory of reading, beside plain Polars reading the same file.

    python bench/read.py                        # 10 million rows of CSV and of Parquet, 10,000 run folders
    python bench/read.py --rows 1e6 --folders 1000

Each reading is a process of its own, so that its peak memory is its own; it is also done on a tenth of the rows, where
a growth of 10 is linear. The goal is within 2 x of Polars for tidy tables, which has all columns in memory too when it
is done. On a machine that does other work, compare processor time: POLARS_MAX_THREADS=1 keeps it free of waiting.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

MEASURED = """
import re, sys, time
{prepare}
began, worked = time.perf_counter(), time.process_time()
rows = {read}
seconds, busy = time.perf_counter() - began, time.process_time() - worked
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
print(rows, seconds, busy, int(peak[1]) * 1024)
"""
OURS = ("import scalewise as sw, scalewise.runs.readers, polars", "len(sw.read(sys.argv[1]))")
PEERS = {
    ".csv": ("import polars as pl", "pl.read_csv(sys.argv[1]).height"),
    ".parquet": ("import polars as pl", "pl.read_parquet(sys.argv[1]).height"),
}


class Measured(NamedTuple):
    """Of the fastest of some rounds: rows, seconds, seconds of the processors, and bytes at the peak."""

    rows: int
    seconds: float
    busy: float
    peak: float


def measured(how: tuple[str, str], path: Path, rounds: int) -> Measured:
    words = [sys.executable, "-c", MEASURED.format(prepare=how[0], read=how[1]), str(path)]
    done = []
    for _ in range(rounds):
        rows, *others = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
        done.append(Measured(int(rows), *map(float, others)))
    return min(done, key=lambda one: one.seconds)


def tidy_table(rows: int, runs: int = 40) -> pl.DataFrame:
    """Forty runs of a loss that falls, every column that a question asks for."""
    random = np.random.default_rng(0)
    each = -(-rows // runs)
    run = np.repeat(np.arange(runs), each)[:rows]
    step = np.tile(np.arange(1, each + 1), runs)[:rows]
    params = 1e6 * 1.2**run
    loss = 1.7 + 400 / params**0.35 + 1500 / (step * 1e4) ** 0.38 + random.normal(0, 0.01, rows)
    columns = {"run": [f"run-{i:03d}" for i in run], "params": params, "step": step, "tokens": step * 1e4}
    return pl.DataFrame(columns | {"lr": np.full(rows, 3e-4), "loss": loss})


def run_folders(folder: Path, count: int, steps: int = 20) -> None:
    """As the Trainer leaves them, one trainer_state.json each."""
    for i in range(count):
        history = [{"step": 10 * (s + 1), "epoch": 1.0, "eval_loss": 3 - s / 100 + i / count} for s in range(steps)]
        state = {
            "global_step": 10 * steps,
            "num_input_tokens_seen": 10000 * steps,
            "total_flos": 6e10,
            "log_history": history,
        }
        (folder / f"run{i:05d}").mkdir(parents=True)
        (folder / f"run{i:05d}" / "trainer_state.json").write_text(json.dumps(state))


def line(what: str, one: Measured, beside: str = "") -> None:
    speed = f"{one.rows / one.seconds:11,.0f} rows/s"
    used = f"{one.seconds:7.2f} s {one.busy:7.2f} s of processor"
    print(f"  {what:20s} {one.rows:11,d} rows {used} {speed} {one.peak / 2**20:7,.0f} MB  {beside}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=float, default=1e7)
    options.add_argument("--folders", type=float, default=1e4)
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as work:
        for ending, peer in PEERS.items():
            times = {}
            for rows in (int(asked.rows) // 10, int(asked.rows)):
                path = Path(work, f"table{rows}{ending}")
                table = tidy_table(rows)
                table.write_csv(path) if ending == ".csv" else table.write_parquet(path)
                size = path.stat().st_size / 2**20
                plain, ours = measured(peer, path, asked.rounds), measured(OURS, path, asked.rounds)
                times[rows] = ours.seconds
                print(f"{ending[1:]}, {size:,.0f} MB")
                line("polars", plain)
                ratios = ours.seconds / plain.seconds, ours.busy / plain.busy
                line("scalewise", ours, f"{ratios[0]:.2f} x polars, {ratios[1]:.2f} x its processor time")
            small, large = times.values()
            print(f"  ten times the rows take {large / small:.1f} times as long")
        times = {}
        for count in (int(asked.folders) // 10, int(asked.folders)):
            folder = Path(work, f"folders{count}")
            run_folders(folder, count)
            ours = measured(OURS, folder, 1)
            times[count] = ours.seconds
            line(f"{count:,} run folders", ours, f"{1000 * ours.seconds / count:.2f} ms a folder")
        small, large = times.values()
        print(f"  ten times the folders take {large / small:.1f} times as long")
    print(f"  all in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
