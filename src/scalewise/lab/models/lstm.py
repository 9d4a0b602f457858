"""LSTM layers (Hochreiter & Schmidhuber 1997) by PyTorch's own kernel, one model of a stack after the other.

A stacked loop over time is slower than the fused kernel on a CPU (measured: 0.3-0.96 of it), so only the embedding and
the last layer are stacked.
"""

import torch
from torch import Tensor

from scalewise.lab.compute import Compute
from scalewise.lab.models.layout import Weight, Weights
from scalewise.lab.models.llama import ends
from scalewise.lab.models.parts import look_up
from scalewise.lab.recipe import Init
from scalewise.lab.shapes import LstmShape


class Lstm:
    """Bytes in, next-byte logits out, for K models."""

    def __init__(self, shape: LstmShape) -> None:
        self.shape = shape

    def weights(self, init: Init) -> list[Weight]:
        """Matrices lie as the kernel wants them, (4 · width, width); gates in the order input, forget, cell, output."""
        width = self.shape.width
        std = 0.02 if init == "gpt2" else width**-0.5
        layers = [
            weight
            for i in range(self.shape.depth)
            for weight in (
                Weight(f"{i}.input", (4 * width, width), "matrix", std),
                Weight(f"{i}.hidden", (4 * width, width), "matrix", std),
                Weight(f"{i}.input_bias", (4 * width,), "gain"),
                Weight(f"{i}.hidden_bias", (4 * width,), "gain"),
            )
        ]
        return [*ends(self.shape.vocabulary, width, init), *layers]

    def logits(self, weights: Weights, tokens: Tensor, compute: Compute) -> Tensor:
        """(K, B · T, V) for tokens (K, B, T)."""
        return torch.bmm(self.states(weights, tokens, compute), weights["last"])

    def states(self, weights: Weights, tokens: Tensor, compute: Compute, layers: int | None = None) -> Tensor:
        """What the first `layers` blocks (default: all) make of tokens (K, B, T): (K, B · T, width)."""
        members, batch, _ = tokens.shape
        dtype, width = weights["last"].dtype, self.shape.width
        x = look_up(weights["embedding"], tokens).to(dtype).view(*tokens.shape, width)
        depth = self.shape.depth if layers is None else layers
        state = x.new_zeros(depth, batch, width)
        names = [f"{i}.{n}" for i in range(depth) for n in ("input", "hidden", "input_bias", "hidden_bias")]
        out = []
        for k in range(members):
            own = [weights[name][k].contiguous() for name in names]
            mixed, *_ = torch.lstm(x[k], (state, state), own, True, depth, 0.0, True, False, True)
            out.append(mixed.reshape(-1, width))
        return torch.stack(out)
