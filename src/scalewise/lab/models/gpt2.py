"""A GPT-2-style transformer (Radford et al. 2019) as nanoGPT trains it: LayerNorm, learned positions, GELU, no biases,
the embedding tied to the last layer."""

import torch
from torch import Tensor
from torch.nn import functional as F

from scalewise.lab.compute import Compute
from scalewise.lab.models.attention import attention
from scalewise.lab.models.layout import Weight, Weights, gain, matrix
from scalewise.lab.models.parts import layer_norm, look_up
from scalewise.lab.recipe import Init
from scalewise.lab.shapes import Gpt2Shape


class Gpt2:
    """Bytes in, next-byte logits out, for K models at once."""

    def __init__(self, shape: Gpt2Shape) -> None:
        self.shape = shape

    def weights(self, init: Init) -> list[Weight]:
        """Unless `gpt2`, the tied table begins at width^-1/2, so that the first logits have unit size."""
        shape, width = self.shape, self.shape.width
        std = 0.02 if init == "gpt2" else width**-0.5
        table = [
            Weight("embedding", (shape.vocabulary, width), "embedding", std),
            Weight("position", (shape.context, width), "embedding", std),
        ]
        for i in range(shape.depth):
            table += [
                gain(f"{i}.attention_norm", width),
                matrix(f"{i}.qkv", width, 3 * width, init),
                matrix(f"{i}.attention_out", width, width, init, 2 * shape.depth),
                gain(f"{i}.feedforward_norm", width),
                matrix(f"{i}.up", width, shape.feedforward, init),
                matrix(f"{i}.down", shape.feedforward, width, init, 2 * shape.depth),
            ]
        return [*table, gain("norm", width)]

    def logits(self, weights: Weights, tokens: Tensor, compute: Compute) -> Tensor:
        """(K, B · T, V) for tokens (K, B, T)."""
        x = self.states(weights, tokens, compute)
        return torch.bmm(layer_norm(x, weights["norm"]), weights["embedding"].to(x.dtype).transpose(1, 2))

    def states(self, weights: Weights, tokens: Tensor, compute: Compute, layers: int | None = None) -> Tensor:
        """What the first `layers` blocks (default: all) make of tokens (K, B, T): (K, B · T, width)."""
        _, batch, time = tokens.shape
        dtype = weights["norm"].dtype
        place = weights["position"][:, :time].repeat(1, batch, 1)
        x = (look_up(weights["embedding"], tokens) + place).to(dtype)
        for i in range(self.shape.depth if layers is None else layers):
            qkv = torch.bmm(layer_norm(x, weights[f"{i}.attention_norm"]), weights[f"{i}.qkv"])
            mixed = attention(qkv, self.shape.heads, time, compute)
            x = torch.baddbmm(x, mixed, weights[f"{i}.attention_out"])
            up = torch.bmm(layer_norm(x, weights[f"{i}.feedforward_norm"]), weights[f"{i}.up"])
            x = torch.baddbmm(x, F.gelu(up), weights[f"{i}.down"])
        return x
