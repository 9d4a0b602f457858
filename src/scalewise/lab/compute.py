"""How numbers are computed: device, precision, which matrix kernels, which attention. Chosen once per study by `probe`.

On a CPU "medium" lets oneDNN do fp32 products, which on some processors is twice as fast as the default and as
accurate, on others (with AMX) bf16 inside; the probe measures the error before it is taken.
"""

import ctypes
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from scalewise.lab.shapes import Architecture

Precision = Literal["bf16", "fp32"]
Attention = Literal["bmm", "sdpa"]
Products = Literal["highest", "medium"]

BMM_UP_TO = 256
"""Longest context for which writing the scores out beats a fused kernel on a CPU (measured: 1.5-2.7 times)."""


@dataclass(frozen=True)
class Compute:
    """Weights are fp32 always; `precision` is that of activations and matrix products.

    `compiled` is for a GPU, where most of a small model's step is the launching of kernels that `torch.compile` joins.
    On a CPU it is 1.1 to 1.2 times as fast after some 10 s for each shape of a stack, and a run's rounding would depend
    on its companions.
    """

    device: str = "cpu"
    precision: Precision = "fp32"
    products: Products = "highest"
    attention: Attention = "bmm"
    compiled: bool = False

    def clock(self) -> float:
        """Seconds, to take differences of: of the processor, which nothing else on the machine adds to; of a GPU, which
        works on its own, those on the wall."""
        return time.process_time() if self.device == "cpu" else time.monotonic()

    def compiled_for(self, architecture: Architecture) -> bool:
        """PyTorch's LSTM is one kernel already, which a compiler would take apart step by step."""
        return self.compiled and architecture != "lstm"

    def attention_for(self, context: int) -> Attention:
        return self.attention if self.device == "cpu" and context <= BMM_UP_TO else "sdpa"


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""From glibc's malloc.h."""


def one_thread() -> None:
    """Make this process one that trains: a single thread, which keeps the memory it frees.

    A step frees and asks again for some hundred MB. Where the C library hands them back to the system in between, each
    page is fetched and cleared anew (measured: up to a fifth of the time of a stack of narrow models).
    """
    import torch

    torch.set_num_threads(1)
    with suppress(OSError, AttributeError):  # another C library than glibc
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, 2**25)
        mallopt(M_TRIM_THRESHOLD, 2**30)


@contextmanager
def products(kernels: Products) -> Iterator[None]:
    """Use these fp32 matrix kernels inside, and what was used before afterwards: the switch is global to a process."""
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(kernels)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
