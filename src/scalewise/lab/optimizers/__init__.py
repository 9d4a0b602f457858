"""What moves the weights, one file each, on rows (K, P): every member has its own rate.

An optimiser keeps its moments as rows too, so that a member can leave a stack, or be stored, by its index.
"""

from typing import Protocol

from torch import Tensor

from scalewise.lab.models.layout import Layout
from scalewise.lab.optimizers.adamw import AdamW
from scalewise.lab.optimizers.muon import Muon
from scalewise.lab.recipe import OptimizerName


class Optimizer(Protocol):
    """State besides the moments is the number of updates done."""

    steps: int
    moments: list[Tensor]

    def update(self, rows: Tensor, grads: Tensor, rates: list[float], fraction: float) -> None:
        """Move rows in place: member k at `rates[k]` · `fraction`, where `fraction` is that of the schedule."""


def optimizer_of(
    name: OptimizerName, layout: Layout, members: int, decay: float, beta2: float, device: str, matrix_rate: float = 1.0
) -> Optimizer:
    """`matrix_rate` multiplies AdamW's rate of hidden matrices and the last layer, for muP; Muon needs none."""
    if name == "muon":
        return Muon(layout, members, decay, beta2, device)
    return AdamW(layout, members, decay, beta2, device, matrix_rate)
