"""Tokens per second of the stacked engine against a plain loop, one model at a time, on one core.

    python bench/train.py                       # against bench/peers/plain_gpt2.py
    python bench/train.py --nanogpt PATH        # against the model of a clone of karpathy/nanoGPT, in the same loop
    python bench/train.py --nanochat PATH       # and model and optimiser of a clone of karpathy/nanochat
    python bench/train.py --widths 32 64        # some rows only
    python bench/train_gpu.py                   # rows of a GPU

Every contestant takes a few steps in turn, round after round, in one process of one thread; times are processor
seconds, and a row is each one's best round. Parity: the largest difference in loss over 20 steps of warm-up, from the
same weights on the same bytes, of each mode to the plain fp32 loop. MFU counts 6 N + 12 · depth · width · context
operations a token against the fastest bf16 product measured here. `at most` is what an engine would gain that did
nothing but its products, at the fastest rate measured here: where the processor multiplies fp32 at half the rate of
bf16 and the plain loop already runs near that, no engine gains much.

Against nanochat (bench/peers/plain_nanochat.py, or a clone) there is no parity: it is another model, of the same width
and depth, and another optimiser, so both of the engine's own pairs that come near it are shown.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from peers.plain_gpt2 import PlainGpt2, PlainLoop
from peers.plain_nanochat import CloneLoop, NanochatLoop, PlainNanochat
from scalewise.lab.compute import Compute, Products, one_thread, products
from scalewise.lab.data.corpus import load_corpus
from scalewise.lab.declared import Size
from scalewise.lab.probe import fastest_products
from scalewise.lab.recipe import OptimizerName
from scalewise.lab.shapes import Gpt2Shape, Shape
from scalewise.lab.stack import Member, Setting, Stack

CONTEXT = 128
PARITY_STEPS = 20
RATE = 1e-3


@dataclass(frozen=True)
class Row:
    """One line of the table: a model and a batch; `members` is how many models a stack holds."""

    depth: int
    width: int
    batch: int
    members: int

    @property
    def shape(self) -> Gpt2Shape:
        return Gpt2Shape(self.width, self.depth, max(1, self.width // 32), 4 * self.width, 256, CONTEXT)


ROWS = (Row(4, 32, 8, 8), Row(4, 64, 8, 8), Row(4, 128, 8, 4), Row(4, 256, 8, 1), Row(6, 256, 32, 1))
AGAINST_NANOCHAT = {128: 4, 256: 6}
"""Width, and how many times as fast the engine is to be, with 4 layers."""


class Contest:
    """The contestants of one row, all beginning from the same weights and reading the same windows."""

    def __init__(self, row: Row, text: np.ndarray, tokens: Path, nanogpt: Path | None) -> None:
        self.row, self.text = row, text
        setting = Setting(row.shape, init="gpt2")
        fp32 = Compute(products=fastest_products())
        members = [Member(RATE, seed=0)] * row.members
        self.engines = {
            "fp32": Stack(setting, members, fp32),
            "bf16": Stack(setting, members, Compute(precision="bf16", products=fp32.products)),
            "bf16, 1 member": Stack(setting, members[:1], Compute(precision="bf16", products=fp32.products)),
        }
        weights = {name: w[0] for name, w in self.engines["fp32"].layout.views(self.engines["fp32"].rows).items()}
        self.plain = {
            name: PlainLoop(plain_model(row.shape, weights, nanogpt), tokens, RATE, autocast)
            for name, autocast in (("plain fp32", False), ("plain autocast", True))
        }
        self.generator = np.random.default_rng(0)

    def offsets(self) -> list[int]:
        return [int(i) for i in self.generator.integers(len(self.text) - CONTEXT - 1, size=self.row.batch)]

    def step_engine(self, name: str, offsets: list[int], fraction: float = 1.0) -> float:
        stack = self.engines[name]
        windows = np.stack([self.text[i : i + CONTEXT + 1] for i in offsets])
        losses = stack.step(torch.from_numpy(windows).expand(len(stack.members), -1, -1), fraction)
        return float(losses[0])

    def step_plain(self, name: str, offsets: list[int], fraction: float = 1.0) -> float:
        return self.plain[name].step(offsets, CONTEXT, fraction)

    def parity(self) -> dict[str, float]:
        """Largest |difference in loss| to the plain fp32 loop over the warm-up."""
        differences: dict[str, list[float]] = {name: [] for name in ("plain autocast", *self.engines)}
        for step in range(PARITY_STEPS):
            offsets, fraction = self.offsets(), (step + 1) / PARITY_STEPS
            reference = self.step_plain("plain fp32", offsets, fraction)
            differences["plain autocast"].append(abs(self.step_plain("plain autocast", offsets, fraction) - reference))
            for name in self.engines:
                differences[name].append(abs(self.step_engine(name, offsets, fraction) - reference))
        return {name: max(found) for name, found in differences.items()}

    def speeds(self, rounds: int, seconds: float) -> dict[str, float]:
        """Tokens per processor second, each contestant's best round."""
        contestants: dict[str, tuple[Callable[[], object], int]] = {
            **{name: (partial(self.step_on_any, self.step_plain, name), 1) for name in self.plain},
            **{n: (partial(self.step_on_any, self.step_engine, n), len(s.members)) for n, s in self.engines.items()},
        }
        return fastest(contestants, self.row.batch * CONTEXT, rounds, seconds)

    def step_on_any(self, step: Callable[[str, list[int]], float], name: str) -> None:
        """A step on windows drawn for it."""
        step(name, self.offsets())


def fastest(
    contestants: dict[str, tuple[Callable[[], object], int]], batch_tokens: int, rounds: int, seconds: float
) -> dict[str, float]:
    """Tokens per processor second of steps of so many members, taken in turn: each contestant's best round."""
    best = dict.fromkeys(contestants, 0.0)
    for _ in range(rounds):
        for name, (step, members) in contestants.items():
            started, steps = time.process_time(), 0
            while steps == 0 or time.process_time() - started < seconds:
                step()
                steps += 1
            took = time.process_time() - started
            best[name] = max(best[name], steps * members * batch_tokens / took)
    return best


def against_nanochat(
    row: Row, text: np.ndarray, tokens: Path, clone: Path | None, rounds: int, seconds: float
) -> dict[str, float]:
    """Tokens per processor second of nanochat and of the engine, one model at a time and stacked."""
    gpt2 = row.shape
    llama = Size(width=row.width, depth=row.depth).shape(CONTEXT)
    compute = Compute(precision="bf16", products=fastest_products())
    generator = np.random.default_rng(0)
    if clone is None:
        torch.manual_seed(0)
        model = PlainNanochat(gpt2.width, gpt2.depth, gpt2.heads, gpt2.vocabulary, CONTEXT)
        loop: NanochatLoop | CloneLoop = NanochatLoop(model, tokens, RATE)
    else:
        sys.path.insert(0, str(clone))
        loop = CloneLoop(gpt2.width, gpt2.depth, gpt2.heads, gpt2.vocabulary, CONTEXT, tokens)

    def offsets() -> list[int]:
        return [int(i) for i in generator.integers(len(text) - CONTEXT - 1, size=row.batch)]

    def engine_step(stack: Stack) -> None:
        windows = np.stack([text[i : i + CONTEXT + 1] for i in offsets()])
        stack.step(torch.from_numpy(windows).expand(len(stack.members), -1, -1), 1.0)

    contestants: dict[str, tuple[Callable[[], object], int]] = {"nanochat": (lambda: loop.step(offsets(), CONTEXT), 1)}
    pairs: tuple[tuple[str, Shape, OptimizerName], ...] = (
        ("GPT-2, AdamW", gpt2, "adamw"),
        ("Llama, Muon", llama, "muon"),
    )
    for name, shape, optimizer in pairs:
        for members in sorted({1, row.members}):
            stack = Stack(Setting(shape, optimizer=optimizer), [Member(RATE, seed=0)] * members, compute)
            contestants[f"{name}, stack of {members}"] = partial(engine_step, stack), members
    for step, _ in contestants.values():
        step()  # the first compiles, where a contestant does
    return fastest(contestants, row.batch * CONTEXT, rounds, seconds)


def plain_model(shape: Gpt2Shape, weights: dict[str, torch.Tensor], nanogpt: Path | None) -> torch.nn.Module:
    plain = PlainGpt2(shape.width, shape.depth, shape.heads, shape.vocabulary, shape.context)
    plain.load_stacked(weights)
    if nanogpt is None:
        return plain
    sys.path.insert(0, str(nanogpt))
    from model import GPT, GPTConfig  # type: ignore[import-not-found]

    config = GPTConfig(CONTEXT, shape.vocabulary, shape.depth, shape.heads, shape.width, dropout=0.0, bias=False)
    model: torch.nn.Module = GPT(config)
    theirs = {
        "transformer.wte.weight": plain.embedding.weight,
        "transformer.wpe.weight": plain.position.weight,
        "transformer.ln_f.weight": plain.norm.weight,
    }
    names = {
        "ln_1": "attention_norm",
        "attn.c_attn": "qkv",
        "attn.c_proj": "attention_out",
        "ln_2": "feedforward_norm",
        "mlp.c_fc": "up",
        "mlp.c_proj": "down",
    }
    for i, block in enumerate(plain.blocks):
        for there, here in names.items():
            theirs[f"transformer.h.{i}.{there}.weight"] = block.get_parameter(f"{here}.weight")
    model.load_state_dict(theirs, strict=False)
    return model


def peak(dtype: torch.dtype, kernels: Products) -> float:
    """Operations per processor second of the fastest product."""
    best = 0.0
    for n in (256, 512, 1024):
        a = torch.randn(n, n).to(dtype)
        with products(kernels):
            for _ in range(8):
                started = time.process_time()
                a @ a
                best = max(best, 2.0 * n**3 / (time.process_time() - started))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", type=Path)
    parser.add_argument("--nanochat", type=Path)
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64, 128, 256])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each contestant in each round")
    options = parser.parse_args()
    one_thread()
    kernels = fastest_products()
    bf16, fp32, usual = peak(torch.bfloat16, "highest"), peak(torch.float32, kernels), peak(torch.float32, "highest")
    print(f"one core, torch {torch.__version__}; fastest products bf16 {bf16 / 1e9:.0f} GF/s, ", end="")
    print(f"fp32 {fp32 / 1e9:.0f} ({kernels}), of the plain loop {usual / 1e9:.0f}")
    print("ratios to plain fp32; plain = " + ("nanoGPT's model" if options.nanogpt else "bench/peers/plain_gpt2.py"))
    text = load_corpus("stdlib").train
    with tempfile.TemporaryDirectory() as folder:
        tokens = Path(folder) / "train.bin"
        text.astype(np.uint16).tofile(tokens)
        for row in (row for row in ROWS if row.width in options.widths):
            contest = Contest(row, text, tokens, options.nanogpt)
            parity = contest.parity()
            speeds = contest.speeds(options.rounds, options.seconds)
            plain = speeds.pop("plain fp32")
            print(f"\n{row.depth} layers, width {row.width}, batch {row.batch}, stack of {row.members}: ", end="")
            rate = plain * row.shape.flops_per_token
            print(f"plain fp32 {plain:,.0f} tokens/s, MFU {rate / bf16:.0%}; ", end="")
            print(f"at most {bf16 / rate:.1f}x in bf16, {fp32 / rate:.1f}x in fp32")
            for name, speed in speeds.items():
                line = f"  {name:15} {speed / plain:5.2f}x  MFU {speed * row.shape.flops_per_token / bf16:4.0%}"
                print(f"{line}  |difference in loss| <= {parity[name]:.1e}")

            if row.depth == 4 and row.width in AGAINST_NANOCHAT:
                speeds = against_nanochat(row, text, tokens, options.nanochat, options.rounds, options.seconds)
                theirs = speeds.pop("nanochat")
                print(f"  to nanochat's model and optimiser in fp32, {theirs:,.0f} tokens/s ", end="")
                print(f"(goal {AGAINST_NANOCHAT[row.width]}):")
                for name, speed in speeds.items():
                    print(f"    {name:24} {speed / theirs:5.2f}x", flush=True)


if __name__ == "__main__":
    main()
