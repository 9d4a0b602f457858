"""What a whole suite costs: against the same cells through a plain loop, with one worker and two, and beside training.

    python bench/suite.py                    # six sizes, five budgets up to 1.25e11 operations: some minutes
    python bench/suite.py --largest 2e12     # up to 2e12: about sixteen times as long

The suite is trained for real by `scalewise train`, with one worker and with two. The plain loop (one model at a time,
bench/peers/plain_gpt2.py, cosine, every run from its start) is not: its tokens per second are measured at each size, in
fp32 or bf16, whichever is faster, and multiplied by the tokens of the runs that the suite trained.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from peers.plain_gpt2 import PlainGpt2, PlainLoop
from scalewise.lab.data.corpus import load_corpus
from scalewise.runs.store import Store

CONTEXT = 128
SIZES = ((16, 1), (24, 2), (32, 3), (48, 3), (64, 4), (96, 4))
"""Width and depth: 10 k to 480 k parameters."""
BUDGETS = 5
STUDY = """
name = "suite"
flops = {flops}
sizes = [{sizes}]
[training]
architecture = "gpt2"
[data]
held_out_windows = {evaluated}
[tuning]
seeds = {seeds}
"""
EVALUATED = 512
"""Held-out windows after each run, as by default."""
SECONDS = 2.0
"""Of plain training at each size and precision."""


def declared(
    largest: float,
    budgets: int = BUDGETS,
    sizes: tuple[tuple[int, int], ...] = SIZES,
    seeds: int = 3,
    evaluated: int = EVALUATED,
) -> str:
    listed = ", ".join(f"{{ width = {width}, depth = {depth} }}" for width, depth in sizes)
    flops = [largest / 2**i for i in range(budgets)]
    return STUDY.format(flops=flops, sizes=listed, seeds=list(range(seeds)), evaluated=evaluated)


def trained(study: str, folder: Path, workers: int) -> tuple[Store, float, float]:
    """The store, the seconds to the end, and those to the first logged step (the second of a run)."""
    file = folder.with_suffix(".toml")
    file.write_text(study)
    scalewise = str(Path(sys.executable).with_name("scalewise"))
    command = [scalewise, "train", str(file), "--into", str(folder), "--workers", str(workers)]
    started, first = time.perf_counter(), float("nan")
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if np.isnan(first) and any(folder.glob("runs/*/metrics.jsonl")):
            first = time.perf_counter() - started
        time.sleep(0.02)
    if process.returncode:
        sys.exit(f"scalewise train ended with status {process.returncode}")
    return Store(folder), time.perf_counter() - started, first


def ended(store: Store) -> Iterator[dict[str, float]]:
    """The recipe's columns and the last metrics of every run."""
    for path in sorted((store.path / "runs").iterdir()):
        config = json.loads((path / "config.json").read_text())
        yield config | json.loads((path / "metrics.jsonl").read_text().splitlines()[-1])


def plain_rate(width: int, depth: int, batch: int, tokens: Path) -> float:
    """Tokens per second of the plain loop, the faster of fp32 and bf16."""
    generator, best = np.random.default_rng(0), 0.0
    last = tokens.stat().st_size // 2 - CONTEXT - 1
    for autocast in (False, True):
        model = PlainGpt2(width, depth, max(1, width // 32), 256, CONTEXT)
        loop = PlainLoop(model, tokens, 1e-3, autocast)
        for warm in (True, False):
            started, steps = time.perf_counter(), 0
            while steps == 0 or time.perf_counter() - started < SECONDS * (0.2 if warm else 1):
                loop.step([int(i) for i in generator.integers(last, size=batch)], CONTEXT)
                steps += 1
            rate = steps * batch * CONTEXT / (time.perf_counter() - started)
        best = max(best, rate)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=float, default=1.25e11, help="operations of the largest budget")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        trained(declared(1e9, 1, ((16, 1),), 1), folder / "warm", 1)  # the probe of this machine is cached by this
        # evaluated on little, so that what is beside training is not that
        small = declared(4e9, 2, ((16, 1), (24, 1)), evaluated=16)
        tiny, seconds, first = trained(small, folder / "tiny", 1)
        runs = list(ended(tiny))
        beside = (seconds - first - sum(run["seconds"] for run in runs)) / len(runs)
        print(f"first logged step {first:.1f} s after the command (goal 3)")
        print(f"{1000 * beside:.0f} ms beside training for each of {len(runs)} runs (goal 50)", flush=True)

        study = declared(options.largest)
        store, two, _ = trained(study, folder / "two", 2)
        runs = list(ended(store))
        print(f"{len(SIZES)} sizes x {BUDGETS} budgets up to {options.largest:g}: {len(runs)} runs, {two / 60:.1f} min")
        _, one, _ = trained(study, folder / "one", 1)
        print(f"two workers against one: {one / two:.2f}x (goal 1.85)", flush=True)

        tokens = folder / "train.bin"
        load_corpus("stdlib").train.astype(np.uint16).tofile(tokens)
        plain = 0.0
        for width, depth in SIZES:
            own = [run for run in runs if (run["width"], run["depth"]) == (width, depth)]
            rate = plain_rate(width, depth, int(own[0]["batch_tokens"]) // CONTEXT, tokens)
            plain += sum(run["tokens"] for run in own) / rate
        print(f"the same runs by the plain loop: {plain / 60:.1f} min on one core, {plain / one:.1f}x (goal 5)")


if __name__ == "__main__":
    main()
