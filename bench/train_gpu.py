"""Summed tokens per second of a stack on a GPU against compiled runs one after another, its MFU, and a whole suite.

    python bench/train_gpu.py                    # against bench/peers/plain_gpt2.py, compiled, in bf16
    python bench/train_gpu.py --nanogpt PATH     # against the model of a clone of karpathy/nanoGPT, in the same loop
    python bench/train_gpu.py --device cpu --widths 32 64 --members 2 --seconds 0.5 --largest 0   # tries the code

Models of 4 layers read bytes in batches of 8 windows of 128 tokens. The plain loop trains one model, and several one
after the other are no faster; the stack trains `--members` at once, compiled where the probe finds that faster. They
take turns, times are those of the clock, and a row is each one's best round. MFU counts 6 N + 12 * depth * width *
context operations a token against the fastest bf16 product measured here. The suite is that of bench/suite.py with
larger sizes. Without a GPU every row says `not measured`.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from peers.plain_gpt2 import PlainLoop
from scalewise.lab.data.corpus import load_corpus
from scalewise.lab.findings import findings_here
from scalewise.lab.shapes import Gpt2Shape
from scalewise.lab.stack import Member, Setting, Stack
from suite import declared, trained
from train import CONTEXT, RATE, plain_model

BATCH, DEPTH = 8, 4
UNTIMED_STEPS = 3
"""The first of them compiles."""


@dataclass(frozen=True)
class Goal:
    """Times the tokens per second of the plain loop, and share of the fastest product, where there is a goal."""

    times: float | None = None
    mfu: float | None = None

    def __str__(self) -> str:
        wanted = [f"{self.times:g}x"] if self.times else []
        return ", ".join([*wanted, *([f"MFU {self.mfu:.0%}"] if self.mfu else [])])


GOALS = {32: Goal(10), 64: Goal(10), 128: Goal(10, 0.1), 256: Goal(3), 512: Goal(mfu=0.3), 768: Goal(1)}
SUITE_MINUTES = 10
SIZES = ((64, 4), (96, 4), (128, 4), (192, 4), (256, 6), (384, 6))


def contest(
    width: int, members: int, device: str, nanogpt: Path | None, rounds: int, seconds: float
) -> tuple[float, float, float]:
    """Tokens per second of the stack and of the plain loop, and operations a token."""
    shape = Gpt2Shape(width, DEPTH, max(1, width // 32), 4 * width, 256, CONTEXT)
    stack = Stack(Setting(shape, init="gpt2"), [Member(RATE, seed=0)] * members, findings_here(device, "bf16").compute)
    weights = {name: w[0].cpu() for name, w in stack.layout.views(stack.rows).items()}
    text, generator = load_corpus("stdlib").train, np.random.default_rng(0)

    def offsets() -> list[int]:
        return [int(i) for i in generator.integers(len(text) - CONTEXT - 1, size=BATCH)]

    def stack_step() -> None:
        windows = np.stack([text[i : i + CONTEXT + 1] for i in offsets()])
        stack.step(torch.from_numpy(windows).expand(members, -1, -1).contiguous(), 1.0).tolist()  # as the engine does

    with tempfile.TemporaryDirectory() as folder:
        tokens = Path(folder) / "train.bin"
        text.astype(np.uint16).tofile(tokens)
        model = plain_model(shape, weights, nanogpt).to(device)
        loop = PlainLoop(model, tokens, RATE, autocast=True, device=device)
        loop.model = torch.compile(model) if device == "cuda" else model  # type: ignore[assignment]
        plain_step = lambda: loop.update(offsets(), CONTEXT)  # noqa: E731
        speeds = fastest([(stack_step, members), (plain_step, 1)], device, rounds, seconds)
    return speeds[0], speeds[1], shape.flops_per_token


def fastest(
    contestants: list[tuple[Callable[[], object], int]], device: str, rounds: int, seconds: float
) -> list[float]:
    """Tokens per second of steps of so many members, taken in turn: each contestant's best round."""
    best = [0.0] * len(contestants)
    for step, _ in contestants:
        for _ in range(UNTIMED_STEPS):
            step()
    for _ in range(rounds):
        for k, (step, members) in enumerate(contestants):
            wait(device)
            started, steps = time.perf_counter(), 0
            while time.perf_counter() - started < seconds:
                step()
                steps += 1
            wait(device)
            best[k] = max(best[k], steps * members * BATCH * CONTEXT / (time.perf_counter() - started))
    return best


def wait(device: str) -> None:
    """Until what a GPU was told is done."""
    if device == "cuda":
        torch.cuda.synchronize()


def suite_minutes(largest: float, device: str) -> float:
    """From the command to its end, with one worker."""
    with tempfile.TemporaryDirectory() as folder:
        return trained(declared(largest, sizes=SIZES), Path(folder) / "suite", 1, device)[1].end / 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", type=Path)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--widths", type=int, nargs="+", default=list(GOALS))
    parser.add_argument("--members", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each contestant in each round")
    parser.add_argument("--largest", type=float, default=1e15, help="budget of the suite, 0 for no suite")
    options = parser.parse_args()
    there = options.device == "cpu" or torch.cuda.is_available()
    peak = 0.0
    if there:
        found = findings_here(options.device, "bf16")
        peak = found.peak_flops_per_second
        name = torch.cuda.get_device_name() if options.device == "cuda" else "a CPU, which no goal is for"
        print(f"{name}, torch {torch.__version__}, fastest bf16 product {peak / 1e12:.3g} TF/s; ", end="")
        print("steps of stacks are " + ("compiled" if found.compute.compiled else "not compiled"))
    for width in options.widths:
        row = f"width {width}, {options.members} members (goal {str(GOALS.get(width, '')) or 'none'})"
        if not there:
            print(f"{row}: not measured")
            continue
        ours, plain, flops = contest(
            width, options.members, options.device, options.nanogpt, options.rounds, options.seconds
        )
        print(f"{row}: {ours:,.0f} tokens/s, {ours / plain:.2f}x, MFU {ours * flops / peak:.1%}", flush=True)
    if options.largest:
        row = f"suite up to {options.largest:g} operations (goal {SUITE_MINUTES} min at 1e15)"
        print(f"{row}: " + (f"{suite_minutes(options.largest, options.device):.1f} min" if there else "not measured"))


if __name__ == "__main__":
    main()
