"""How a model's weights lie in one flat row, and how each of them begins.

A stack keeps the weights of K models of one shape as K rows of P numbers, so that casting, clipping and the optimiser
are single operations on (K, P), and every matrix product of the forward pass is one batched product over the K.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

import torch
from torch import Tensor

from scalewise.lab.recipe import Init

Role = Literal["matrix", "embedding", "last", "gain"]
"""What the optimiser needs to know: gains are not decayed, and Muon moves hidden matrices only."""
Weights = Mapping[str, Tensor]
"""Each (K, *size); matrices are (K, inputs, outputs)."""


@dataclass(frozen=True)
class Weight:
    """One tensor of a model. It begins normal around `mean`."""

    name: str
    size: tuple[int, ...]
    role: Role
    std: float = 0.0
    mean: float = 0.0

    @property
    def numel(self) -> int:
        return prod(self.size)


class Layout:
    """Weights in row order: hidden matrices first, gains and biases last, so that what an optimiser treats alike is one
    stretch of a row."""

    def __init__(self, weights: Sequence[Weight]) -> None:
        order: dict[Role, int] = {"matrix": 0, "embedding": 1, "last": 1, "gain": 2}
        self.weights = sorted(weights, key=lambda weight: order[weight.role])
        self.offsets = [sum(w.numel for w in self.weights[:i]) for i in range(len(self.weights))]
        self.params = sum(weight.numel for weight in self.weights)
        self.matrices = sum(weight.numel for weight in self.weights if weight.role == "matrix")
        self.decayed = sum(weight.numel for weight in self.weights if weight.role != "gain")

    def views(self, rows: Tensor) -> dict[str, Tensor]:
        """The weights as views of rows (K, P), each (K, *size)."""
        return {
            weight.name: rows[:, start : start + weight.numel].view(-1, *weight.size)
            for weight, start in zip(self.weights, self.offsets, strict=True)
        }

    def initial_row(self, seed: int) -> Tensor:
        """One model's first weights (P,), fixed by the seed alone whatever the state of the global generator."""
        generator = torch.Generator().manual_seed(seed)
        parts = [
            torch.full((w.numel,), w.mean)
            if w.std == 0
            else torch.empty(w.numel).normal_(w.mean, w.std, generator=generator)
            for w in self.weights
        ]
        return torch.cat(parts)


def matrix(name: str, inputs: int, outputs: int, init: Init, writes: int = 0) -> Weight:
    """A hidden matrix. `writes` counts the matrices that add to the residual stream, if this is one of them.

    `fan-in` begins at the scale that keeps the variance, and adds nothing to the stream at first; `gpt2` begins at
    0.02, divided by the root of `writes` (Radford et al. 2019, section 2.3); `data-dependent` at the scale that keeps
    the variance, divided likewise, and is then scaled to the first batch (`scaled.py`).
    """
    if init != "fan-in":
        std = 0.02 if init == "gpt2" else inputs**-0.5
        return Weight(name, (inputs, outputs), "matrix", std * max(1, writes) ** -0.5)
    return Weight(name, (inputs, outputs), "matrix", 0.0 if writes else inputs**-0.5)


def gain(name: str, width: int) -> Weight:
    return Weight(name, (width,), "gain", mean=1.0)
