"""What a whole suite costs: against the same cells through a plain loop, with one worker and two, and beside training.

    python bench/suite.py                             # six sizes, five budgets up to 1.25e11 operations: some minutes
    python bench/suite.py --largest 2e12 --two-only   # up to 2e12, without the run with one worker

The suite is trained for real by `scalewise train`, with one worker and with two. The plain loop (one model at a time,
bench/peers/plain_gpt2.py) is not: its seconds per step and per held-out evaluation are measured at each size, in fp32
or bf16, whichever is faster, and multiplied by what it would have to do. That is counted twice. The same runs: every
one that the suite trained, from its start. The same cells: with a cosine nothing is shared between budgets and no run
can be judged before its end, so in each cell (a size at a budget) it trains the five rates with which the suite's
search begins at one seed, and the best at the two others: seven runs, though it may find no bracket.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from peers.plain_gpt2 import PlainGpt2, PlainLoop
from scalewise.lab.data.corpus import load_corpus
from scalewise.lab.schedule import branch_step
from scalewise.lab.tuning import FIRST_REACH
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
SEEDS = 3
SECONDS = 2.0
"""Of plain training at each size and precision."""
PLAIN_RUNS_PER_CELL = 2 * FIRST_REACH + 1 + SEEDS - 1
"""Every rate at one seed, the best at the others."""


def declared(
    largest: float,
    budgets: int = BUDGETS,
    sizes: tuple[tuple[int, int], ...] = SIZES,
    seeds: int = SEEDS,
    evaluated: int = EVALUATED,
) -> str:
    listed = ", ".join(f"{{ width = {width}, depth = {depth} }}" for width, depth in sizes)
    flops = [largest / 2**i for i in range(budgets)]
    return STUDY.format(flops=flops, sizes=listed, seeds=list(range(seeds)), evaluated=evaluated)


@dataclass(frozen=True)
class Times:
    """Seconds from the command to the first logged step (the second of a run), to the end of the last run, and to the
    end of the command."""

    first: float
    last: float
    end: float


def trained(study: str, folder: Path, workers: int, device: str = "cpu") -> tuple[Store, Times]:
    file = folder.with_suffix(".toml")
    file.write_text(study)
    scalewise = str(Path(sys.executable).with_name("scalewise"))
    command = [scalewise, "train", str(file), "--into", str(folder), "--workers", str(workers), "--device", device]
    started, first = time.time(), float("nan")
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        if np.isnan(first) and any(folder.glob("runs/*/metrics.jsonl")):
            first = time.time() - started
        time.sleep(0.02)
    end = time.time() - started
    if process.returncode:
        sys.exit(f"scalewise train ended with status {process.returncode}")
    last = max(path.stat().st_mtime for path in folder.glob("runs/*/metrics.jsonl")) - started
    return Store(folder), Times(first, last, end)


def ended(store: Store) -> Iterator[dict[str, float]]:
    """The recipe's columns and the last metrics of every run."""
    for path in sorted((store.path / "runs").iterdir()):
        config = json.loads((path / "config.json").read_text())
        yield config | json.loads((path / "metrics.jsonl").read_text().splitlines()[-1])


def own_seconds(runs: list[dict[str, float]]) -> float:
    """Of the steps of all runs, those that several budgets share counted once."""
    total, shared = 0.0, dict[tuple[float, ...], int]()
    for run in sorted(runs, key=lambda run: run["step"]):
        trunk = (run["width"], run["depth"], run["lr"], run["seed"])
        total += run["seconds"] * (1 - shared.get(trunk, 0) / run["step"])
        shared[trunk] = branch_step("wsd", int(run["step"]))
    return total


@dataclass(frozen=True)
class Plain:
    """What the plain loop costs at one size, in seconds."""

    per_token: float
    per_evaluation: float


def plain_costs(width: int, depth: int, batch: int, tokens: Path) -> Plain:
    """In the faster of fp32 and bf16."""
    generator, costs = np.random.default_rng(0), []
    last = tokens.stat().st_size // 2 - CONTEXT - 1
    for autocast in (False, True):
        model = PlainGpt2(width, depth, max(1, width // 32), 256, CONTEXT)
        loop = PlainLoop(model, tokens, 1e-3, autocast)

        def offsets(windows: int) -> list[int]:
            return [int(i) for i in generator.integers(last, size=windows)]

        step = _seconds(lambda loop=loop: loop.step(offsets(batch), CONTEXT))  # type: ignore[misc]
        held_out = _seconds(lambda loop=loop: loop.evaluate(offsets(EVALUATED), CONTEXT))  # type: ignore[misc]
        costs.append(Plain(step / (batch * CONTEXT), held_out))
    return min(costs, key=lambda cost: cost.per_token)


def _seconds(work: Callable[[], object]) -> float:
    """Of one repetition, after some to warm up."""
    for seconds in (0.2 * SECONDS, SECONDS):
        started, times = time.perf_counter(), 0
        while times == 0 or time.perf_counter() - started < seconds:
            work()
            times += 1
    return (time.perf_counter() - started) / times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=float, default=1.25e11, help="operations of the largest budget")
    parser.add_argument("--two-only", action="store_true", help="do not train the suite with one worker as well")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        trained(declared(1e9, 1, ((16, 1),), 1), folder / "warm", 1)  # the probe of this machine is cached by this
        # evaluated on little, so that what is beside training is not that
        small = declared(4e9, 2, ((16, 1), (24, 1)), evaluated=16)
        tiny, times = trained(small, folder / "tiny", 1)
        runs = list(ended(tiny))
        beside = (times.last - times.first - own_seconds(runs)) / len(runs)
        print(f"first logged step {times.first:.1f} s after the command (goal 3)")
        print(f"end of the command {times.end - times.last:.1f} s after that of the last run")
        print(f"{1000 * beside:.0f} ms beside training for each of {len(runs)} runs (goal 50)", flush=True)

        study = declared(options.largest)
        store, times = trained(study, folder / "two", 2)
        two = times.end
        runs = list(ended(store))
        print(f"{len(SIZES)} sizes x {BUDGETS} budgets up to {options.largest:g}: {len(runs)} runs, ", end="")
        print(f"{two / 60:.1f} min with two workers (goal 5 at 2e12)")
        flops: dict[int, float] = {}
        for cell in store.tuning():
            flops[cell["params"]] = max(flops.get(cell["params"], 0.0), cell["flops_so_far"])
        print(f"{sum(flops.values()) / options.largest:.1f} times the largest budget, tuning included (prototype 36.4)")
        print(f"{own_seconds(runs) / (2 * two):.0%} of two workers' time in training steps", flush=True)
        ours, of = 2 * two, "two workers' time"
        if not options.two_only:
            one = trained(study, folder / "one", 1)[1].end
            print(f"two workers against one: {one / two:.2f}x (goal 1.85)", flush=True)
            ours, of = one, "one worker's time"

        tokens = folder / "train.bin"
        load_corpus("stdlib").train.astype(np.uint16).tofile(tokens)
        same_runs = same_cells = 0.0
        for width, depth in SIZES:
            own = [run for run in runs if (run["width"], run["depth"]) == (width, depth)]
            plain = plain_costs(width, depth, int(own[0]["batch_tokens"]) // CONTEXT, tokens)
            cells = {run["flops_budget"]: run["schedule_tokens"] for run in own}.values()
            same_runs += sum(run["tokens"] * plain.per_token + plain.per_evaluation for run in own)
            same_cells += PLAIN_RUNS_PER_CELL * sum(cell * plain.per_token + plain.per_evaluation for cell in cells)
        print(f"the plain loop, the same runs: {same_runs / 60:.1f} min on one core, {same_runs / ours:.1f}x {of}")
        print(f"the plain loop, the same cells by {PLAIN_RUNS_PER_CELL} cosine runs each: ", end="")
        print(f"{same_cells / 60:.1f} min on one core, {same_cells / ours:.1f}x {of} (goal 5)")


if __name__ == "__main__":
    main()
