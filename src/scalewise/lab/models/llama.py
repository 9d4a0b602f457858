"""A Llama-style transformer: RMSNorm, rotary positions, SwiGLU, causal attention (Touvron et al. 2023, 2302.13971)."""

import torch
from torch import Tensor

from scalewise.lab.compute import Compute
from scalewise.lab.models.attention import attention, rotary_tables
from scalewise.lab.models.layout import Weight, Weights, gain, matrix
from scalewise.lab.models.parts import look_up, rms_norm, swiglu
from scalewise.lab.recipe import Init
from scalewise.runs.flops import TransformerShape


class Llama:
    """Bytes in, next-byte logits out, for K models at once."""

    def __init__(self, shape: TransformerShape) -> None:
        self.shape = shape

    def weights(self, init: Init) -> list[Weight]:
        shape = self.shape
        blocks = [
            weight
            for i in range(shape.depth)
            for weight in block_weights(f"{i}.", shape.width, shape.feedforward, init, 2 * shape.depth)
        ]
        return [*ends(shape.vocabulary, shape.width, init), *blocks, gain("norm", shape.width)]

    def logits(self, weights: Weights, tokens: Tensor, compute: Compute) -> Tensor:
        """(K, B · T, V) for tokens (K, B, T)."""
        x = self.states(weights, tokens, compute)
        return torch.bmm(rms_norm(x, weights["norm"]), weights["last"])

    def states(self, weights: Weights, tokens: Tensor, compute: Compute, layers: int | None = None) -> Tensor:
        """What the first `layers` blocks (default: all) make of tokens (K, B, T): (K, B · T, width)."""
        x = look_up(weights["embedding"], tokens).to(weights["last"].dtype)
        for i in range(self.shape.depth if layers is None else layers):
            x = block(weights, f"{i}.", x, self.shape.heads, tokens.shape[-1], compute)
        return x


def ends(vocabulary: int, width: int, init: Init) -> list[Weight]:
    """Embedding and last layer, untied. With `fan-in` the last layer begins at zero: the first guess is uniform."""
    last = {"fan-in": 0.0, "gpt2": 0.02, "data-dependent": width**-0.5}
    return [
        Weight("embedding", (vocabulary, width), "embedding", 0.02 if init == "gpt2" else 1.0),
        Weight("last", (width, vocabulary), "last", last[init]),
    ]


def block_weights(prefix: str, width: int, feedforward: int, init: Init, writes: int) -> list[Weight]:
    return [
        gain(f"{prefix}attention_norm", width),
        matrix(f"{prefix}qkv", width, 3 * width, init),
        matrix(f"{prefix}attention_out", width, width, init, writes),
        gain(f"{prefix}feedforward_norm", width),
        matrix(f"{prefix}gate_up", width, 2 * feedforward, init),
        matrix(f"{prefix}down", feedforward, width, init, writes),
    ]


def block(weights: Weights, prefix: str, x: Tensor, number: int, time: int, compute: Compute) -> Tensor:
    """One residual block: attention, then the gated feed-forward."""
    qkv = torch.bmm(rms_norm(x, weights[f"{prefix}attention_norm"]), weights[f"{prefix}qkv"])
    rotary = rotary_tables(time, x.shape[-1] // number, x.dtype, x.device)
    mixed = attention(qkv, number, time, compute, rotary)
    x = torch.baddbmm(x, mixed, weights[f"{prefix}attention_out"])
    gate_up = torch.bmm(rms_norm(x, weights[f"{prefix}feedforward_norm"]), weights[f"{prefix}gate_up"])
    return torch.baddbmm(x, swiglu(gate_up), weights[f"{prefix}down"])
