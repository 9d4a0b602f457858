"""A Universal Transformer: one Llama-style block applied again and again, told by a learned vector which time it is.

Dehghani et al. 2018 (arXiv 1807.03819) without adaptive halting; their sinusoid of the step is a learned vector here.
"""

import torch
from torch import Tensor

from scalewise.lab.compute import Compute
from scalewise.lab.models.layout import Weight, Weights, gain
from scalewise.lab.models.llama import block, block_weights, ends
from scalewise.lab.models.parts import look_up, rms_norm
from scalewise.lab.recipe import Init
from scalewise.lab.shapes import UniversalShape


class Universal:
    """Bytes in, next-byte logits out, for K models at once."""

    def __init__(self, shape: UniversalShape) -> None:
        self.shape = shape

    def weights(self, init: Init) -> list[Weight]:
        shape = self.shape
        return [
            *ends(shape.vocabulary, shape.width, init),
            *block_weights("", shape.width, shape.feedforward, init, 2 * shape.depth),
            Weight("times", (shape.depth, shape.width), "gain"),
            gain("norm", shape.width),
        ]

    def logits(self, weights: Weights, tokens: Tensor, compute: Compute) -> Tensor:
        """(K, B · T, V) for tokens (K, B, T)."""
        x = self.states(weights, tokens, compute)
        return torch.bmm(rms_norm(x, weights["norm"]), weights["last"])

    def states(self, weights: Weights, tokens: Tensor, compute: Compute, layers: int | None = None) -> Tensor:
        """What the first `layers` blocks (default: all) make of tokens (K, B, T): (K, B · T, width)."""
        x = look_up(weights["embedding"], tokens).to(weights["last"].dtype)
        for i in range(self.shape.depth if layers is None else layers):
            x = x + weights["times"][:, i, None]
            x = block(weights, "", x, self.shape.heads, tokens.shape[-1], compute)
        return x
