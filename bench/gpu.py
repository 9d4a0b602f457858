"""What a stack of models gains on a GPU over compiled models trained one after another, and what a suite takes there.

    python bench/gpu.py                                  # the rows of one GPU, about five minutes
    python bench/gpu.py --suite                          # and a suite, six sizes and five budgets up to 1e15 operations
    python bench/gpu.py --device cpu --members 2 --widths 64        # the same path on a CPU: no figures of a GPU

Both sides read the same number of windows in bf16 and wait for each loss. The plain model (bench/peers/plain_gpt2.py)
is compiled, with AdamW fused, as nanoGPT has it on a GPU; models one after another have the tokens per second of one.
The stack is as the probe would have a study's: compiled, where that is faster. Seconds are those of the wall. MFU
counts 6 N + 12 · depth · width · context operations a token against the fastest bf16 product measured here.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from peers.plain_gpt2 import PlainGpt2, PlainLoop
from scalewise.lab.data.corpus import load_corpus
from scalewise.lab.findings import findings_here
from scalewise.lab.shapes import Gpt2Shape
from scalewise.lab.stack import Member, Setting, Stack
from suite import BUDGETS, declared, trained

CONTEXT, WINDOWS, RATE = 128, 8, 1e-3


@dataclass(frozen=True)
class Row:
    """One line: a model, and how many of it a stack holds."""

    depth: int
    width: int
    members: int
    goal: str

    def __str__(self) -> str:
        return f"{self.depth} layers, width {self.width}, stack of {self.members}"

    @property
    def shape(self) -> Gpt2Shape:
        return Gpt2Shape(self.width, self.depth, max(1, self.width // 32), 4 * self.width, 256, CONTEXT)


ROWS = (
    Row(4, 64, 64, "10x"),
    Row(4, 128, 64, "10x, MFU 10%"),
    Row(4, 256, 32, "3x"),
    Row(6, 512, 16, "MFU 30%"),
    Row(12, 768, 4, "1x"),
)
SUITE_FLOPS = 1e15
SUITE_SIZES = ((32, 3), (64, 4), (96, 4), (128, 4), (192, 5), (256, 6))
"""60 k to 5 M parameters, on both sides of the best size at 1e15 operations."""


def tokens_per_second(step: Callable[[], object], tokens: int, seconds: float, rounds: int = 3) -> float:
    """The best of some rounds, after two steps that may compile."""
    step(), step()
    best = 0.0
    for _ in range(rounds):
        started, steps = time.perf_counter(), 0
        while steps == 0 or time.perf_counter() - started < seconds:
            step()
            steps += 1
        best = max(best, steps * tokens / (time.perf_counter() - started))
    return best


def measured(row: Row, text: np.ndarray, tokens: Path, device: str, seconds: float) -> tuple[float, float]:
    """Tokens per second of all models of the stack together, and of plain ones one after another."""
    generator = np.random.default_rng(0)

    def offsets() -> list[int]:
        return [int(i) for i in generator.integers(len(text) - CONTEXT - 1, size=WINDOWS)]

    compute = findings_here(device, "bf16").compute
    stack = Stack(Setting(row.shape, init="gpt2"), [Member(RATE, seed) for seed in range(row.members)], compute)

    def stack_step() -> list[float]:
        windows = np.stack([[text[i : i + CONTEXT + 1] for i in offsets()] for _ in stack.members])
        losses: list[float] = stack.step(torch.from_numpy(windows), 1.0).tolist()
        return losses

    together = tokens_per_second(stack_step, row.members * WINDOWS * CONTEXT, seconds)
    shape = row.shape
    model = PlainGpt2(shape.width, shape.depth, shape.heads, shape.vocabulary, CONTEXT).to(device)
    loop = PlainLoop(torch.compile(model), tokens, RATE, autocast=True)  # type: ignore[arg-type]
    alone = tokens_per_second(lambda: loop.step(offsets(), CONTEXT), WINDOWS * CONTEXT, seconds)
    return together, alone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--widths", type=int, nargs="+", default=[row.width for row in ROWS])
    parser.add_argument("--members", type=int, help="of each stack, in place of 4 to 64")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each side in each round")
    parser.add_argument("--suite", action="store_true", help="train the suite as well (goal: 10 minutes)")
    options = parser.parse_args()
    rows = [row for row in ROWS if row.width in options.widths]
    if options.device == "cuda" and not torch.cuda.is_available():
        for row in rows:
            print(f"{row}: not measured (no GPU here)")
        print(f"suite up to {SUITE_FLOPS:g} operations: not measured (no GPU here)")
        return
    found = findings_here(options.device, "bf16")
    name = torch.cuda.get_device_name() if options.device == "cuda" else "one process of a CPU"
    peak = found.peak_flops_per_second
    print(f"{name}, torch {torch.__version__}; fastest bf16 product {peak / 1e12:.2f} TF/s; ", end="")
    print("steps of stacks are " + ("compiled" if found.compute.compiled else "not compiled"))
    text = load_corpus("stdlib").train
    with tempfile.TemporaryDirectory() as temporary:
        tokens = Path(temporary) / "train.bin"
        text.astype(np.uint16).tofile(tokens)
        for listed in rows:
            row = replace(listed, members=options.members or listed.members)
            together, alone = measured(row, text, tokens, options.device, options.seconds)
            mfu = together * row.shape.flops_per_token / peak
            print(f"{row}: {together:,.0f} tokens/s, {together / alone:.1f}x of compiled models ", end="")
            print(f"one after another, MFU {mfu:.0%} (goal {row.goal})", flush=True)
        if options.suite:
            study = declared(SUITE_FLOPS, sizes=SUITE_SIZES)
            times = trained(study, Path(temporary) / "suite", 1, options.device)[1]
            print(f"{len(SUITE_SIZES)} sizes x {BUDGETS} budgets up to {SUITE_FLOPS:g}: ", end="")
            print(f"{times.end / 60:.1f} min (goal 10)")


if __name__ == "__main__":
    main()
