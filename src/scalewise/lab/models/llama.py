"""A Llama-style transformer: RMSNorm, rotary positions, SwiGLU, causal attention (Touvron et al. 2023, 2302.13971)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from scalewise.runs.flops import TransformerShape


class Block(nn.Module):
    """One residual block: attention, then the gated feed-forward."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attention_norm = nn.RMSNorm(shape.width, eps=1e-6)
        self.qkv = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.attention_out = nn.Linear(shape.width, shape.width, bias=False)
        self.feedforward_norm = nn.RMSNorm(shape.width, eps=1e-6)
        self.gate_up = nn.Linear(shape.width, 2 * shape.feedforward, bias=False)
        self.down = nn.Linear(shape.feedforward, shape.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, time, width = x.shape
        qkv = self.qkv(self.attention_norm(x)).view(batch, time, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(rotate(query, cos, sin), rotate(key, cos, sin), value, is_causal=True)
        x = x + self.attention_out(mixed.transpose(1, 2).reshape(batch, time, width))
        gate, up = self.gate_up(self.feedforward_norm(x)).chunk(2, dim=-1)
        out: Tensor = x + self.down(F.silu(gate) * up)
        return out


class Llama(nn.Module):
    """Bytes in, next-byte logits out."""

    def __init__(self, shape: TransformerShape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.depth))
        self.norm = nn.RMSNorm(shape.width, eps=1e-6)
        self.last_layer = nn.Linear(shape.width, shape.vocabulary, bias=False)
        cos, sin = rotary_tables(shape.context, shape.width // shape.heads)
        self.cos: Tensor
        self.sin: Tensor
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (batch, time, vocabulary) for tokens (batch, time)."""
        x = self.embedding(tokens)
        time = tokens.shape[1]
        for block in self.blocks:
            x = block(x, self.cos[:time], self.sin[:time])
        logits: Tensor = self.last_layer(self.norm(x))
        return logits

    def initialise(self, seed: int) -> None:
        """Fan-in scaled normal matrices; projections that write into the residual stream, and the last layer, zero.

        The seed fixes every weight whatever the state of the global generator.
        """
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if name.endswith(("attention_out.weight", "down.weight", "last_layer.weight")):
                    weight.zero_()
                elif name == "embedding.weight":
                    weight.normal_(0.0, 1.0, generator=generator)
                elif weight.ndim == 2:
                    weight.normal_(0.0, weight.shape[1] ** -0.5, generator=generator)


def rotary_tables(context: int, head_width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary positions (Su et al. 2021, 2104.09864): each (context, head_width / 2)."""
    frequency = 10_000.0 ** (-torch.arange(0, head_width, 2) / head_width)
    angle = torch.outer(torch.arange(context), frequency)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1)
