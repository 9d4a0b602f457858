"""What is fastest here, found by trying it for a moment: matrix kernels, precision, attention, stack width.

One precision serves a whole study: sizes are never compared across precisions. On a CPU it is tried as a worker
computes, on one thread, and timed by the processor's clock, so that what else the machine does decides nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import torch

from scalewise.lab.compute import Attention, Compute, Precision, Products, one_thread, products
from scalewise.lab.findings import Findings, Wanted
from scalewise.lab.shapes import Gpt2Shape
from scalewise.lab.stack import Member, Setting, Stack

TOLERANCE = 1e-5
"""An fp32 product whose relative error exceeds this is not an fp32 product (true ones: 2e-7 to 5e-7)."""
PROBED_WIDTHS = (32, 64, 128, 256)
PROBED_MEMBERS = 4
PRODUCTS_PROBED = {"cpu": (256, 512), "cuda": (4096, 8192)}
WORTH_STACKING = 1.03
"""How much faster per member a stack must be than one model, to be used on a CPU."""


def probe(device: str, precision: Wanted) -> Findings:
    """Try what this machine does best, for about a second on a CPU; a GPU is taken to be best at bf16 and at stacks."""
    if device == "cuda":
        chosen: Precision = "fp32" if precision == "fp32" else "bf16"
        compute = Compute("cuda", chosen, "highest", "sdpa")
        compute = replace(compute, compiled=worth_compiling(_small(64), compute))
        memory = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
        return Findings(compute, 1024, peak_flops_per_second(compute), memory)
    with _as_a_worker():
        return _probe_cpu(precision)


@contextmanager
def _as_a_worker() -> Iterator[None]:
    threads = torch.get_num_threads()
    one_thread()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _probe_cpu(precision: Wanted) -> Findings:
    compute = Compute(products=fastest_products())
    precisions: tuple[Precision, ...] = ("fp32", "bf16") if precision == "auto" else (precision,)
    paths: tuple[Attention, ...] = ("bmm", "sdpa")
    candidates = [replace(compute, precision=p, attention=a) for p in precisions for a in paths]
    fastest = min(candidates, key=lambda candidate: step_seconds(_small(64), candidate, 1))
    stacked = 0
    for width in PROBED_WIDTHS:
        alone, together = (step_seconds(_small(width), fastest, k) / k for k in (1, PROBED_MEMBERS))
        if alone > WORTH_STACKING * together:
            stacked = width
    return Findings(fastest, stacked, peak_flops_per_second(fastest))


def peak_flops_per_second(compute: Compute) -> float:
    """The fastest matrix product of a few sizes, in the precision of `compute`: what MFU is a share of."""
    dtype = torch.bfloat16 if compute.precision == "bf16" else torch.float32
    sizes = PRODUCTS_PROBED[compute.device]
    with products(compute.products):
        return max(2 * size**3 / _product_seconds(size, dtype, compute) for size in sizes)


def _product_seconds(size: int, dtype: torch.dtype, compute: Compute) -> float:
    a = torch.ones(size, size, dtype=dtype, device=compute.device)

    def work() -> None:
        a @ a
        if compute.device == "cuda":
            torch.cuda.synchronize()

    return best_seconds(work, 10, compute)


@cache
def fastest_products() -> Products:
    """The faster fp32 matrix kernels among those that are accurate here."""
    a = torch.randn(256, 256, generator=torch.Generator().manual_seed(0))
    exact = a.double() @ a.double()
    seconds: dict[Products, float] = {}
    for kernels in ("highest", "medium"):
        with products(kernels):
            error = float((a @ a - exact).norm() / exact.norm())
            if error < TOLERANCE:
                seconds[kernels] = best_seconds(lambda: a @ a, 10, Compute())
    return min(seconds, key=lambda kernels: seconds[kernels])


def step_seconds(setting: Setting, compute: Compute, members: int, windows: int = 4, repeats: int = 4) -> float:
    """Seconds of one training step of a stack, each member reading `windows` windows."""
    stack = Stack(setting, [Member(1e-3, seed=0)] * members, compute)
    text = torch.zeros(members, windows, setting.shape.context + 1, dtype=torch.long)
    return best_seconds(lambda: stack.step(text, 1.0).tolist(), repeats, compute)  # a GPU answers when it is done


def worth_compiling(setting: Setting, compute: Compute) -> bool:
    """Whether a step is faster compiled; not where compiling fails, for instance for want of Triton."""
    alone, compiled = (replace(compute, compiled=c) for c in (False, True))
    try:
        return step_seconds(setting, compiled, PROBED_MEMBERS) < step_seconds(setting, alone, PROBED_MEMBERS)
    except (RuntimeError, ImportError, OSError):
        return False


def _small(width: int) -> Setting:
    return Setting(Gpt2Shape(width, 1, max(1, width // 32), 4 * width, 256, 128))


def best_seconds(work: Callable[[], object], repeats: int, compute: Compute) -> float:
    """The shortest of some repetitions, after one to warm up, by the clock of `compute`."""
    work()
    best = float("inf")
    for _ in range(repeats):
        started = compute.clock()
        work()
        best = min(best, compute.clock() - started)
    return best
