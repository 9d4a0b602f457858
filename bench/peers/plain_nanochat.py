"""A plain PyTorch training step of a nanochat-style model and optimiser, in fp32, as nanochat computes on a CPU.

The yardstick of bench/train.py where no clone of nanochat is given, with what costs time there: untied embeddings,
value embeddings with gates in every other layer, residual scalars, the token before smeared in, RMSNorm without gains,
rotary positions, normalised queries and keys, squared ReLU, capped logits; Muon by five steps of Polar Express
(2505.16932) with a variance per row or column (NorMuon, 2510.05491) and cautious decay on matrices of one shape
together, AdamW for the rest, both compiled. At a context of 128 its short attention windows are the whole context.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from peers.plain_gpt2 import cut_batch

SOFTCAP = 15.0
GATE_CHANNELS, SMEAR_CHANNELS = 12, 24
QK_SCALE = 1.2
POLAR_EXPRESS = (
    (8.156554524902461, -22.48329292557795, 15.878769915207462),
    (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
    (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
)
"""Coefficients from the reference above."""


def norm(x: Tensor) -> Tensor:
    return F.rms_norm(x, (x.shape[-1],))


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos + second * sin, second * cos - first * sin), dim=-1)


def linear(inputs: int, outputs: int, bound: float) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.uniform_(layer.weight, -bound, bound)
    return layer


class Block(nn.Module):
    def __init__(self, width: int, heads: int, has_value: bool) -> None:
        super().__init__()
        self.heads, bound = heads, (3 / width) ** 0.5
        self.query, self.key, self.value = (linear(width, width, bound) for _ in range(3))
        self.attention_out = linear(width, width, 0.0)
        self.up, self.down = linear(width, 4 * width, 0.4 * bound), linear(4 * width, width, 0.0)
        self.gate = linear(GATE_CHANNELS, heads, 0.02) if has_value else None

    def forward(self, x: Tensor, looked_up: Tensor | None, rotary: tuple[Tensor, Tensor]) -> Tensor:
        batch, time, width = x.shape
        unit = norm(x)
        query, key, value = (
            part(unit).view(batch, time, self.heads, -1) for part in (self.query, self.key, self.value)
        )
        if self.gate is not None and looked_up is not None:
            gate = 3 * torch.sigmoid(self.gate(unit[..., :GATE_CHANNELS]))
            value = value + gate.unsqueeze(-1) * looked_up.view_as(value)
        query, key = (norm(rotated(part, *rotary)) * QK_SCALE for part in (query, key))
        query, key, value = (part.transpose(1, 2) for part in (query, key, value))
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.attention_out(mixed.transpose(1, 2).reshape(batch, time, width))
        out: Tensor = x + self.down(F.relu(self.up(norm(x))).square())
        return out


class PlainNanochat(nn.Module):
    """Called as nanochat's model is: (inputs, targets) to the mean loss."""

    def __init__(self, width: int, depth: int, heads: int, vocabulary: int, context: int) -> None:
        super().__init__()
        has_value = [i % 2 == (depth - 1) % 2 for i in range(depth)]
        self.embedding = nn.Embedding(vocabulary, width)
        self.values = nn.ModuleList(nn.Embedding(vocabulary, width) if has else nn.Identity() for has in has_value)
        self.blocks = nn.ModuleList(Block(width, heads, has) for has in has_value)
        self.last = linear(width, vocabulary, 0.001)
        self.kept, self.first = nn.Parameter(torch.ones(depth)), nn.Parameter(torch.full((depth,), 0.1))
        self.smear_gate, self.smear = linear(SMEAR_CHANNELS, 1, 0.02), nn.Parameter(torch.zeros(1))
        self.backout = nn.Parameter(torch.full((1,), 0.2))
        frequency = 100_000.0 ** (-torch.arange(0, width // heads, 2) / (width // heads))
        angle = torch.outer(torch.arange(context), frequency)[:, None]
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        x = norm(self.embedding(inputs))
        gate = self.smear * torch.sigmoid(self.smear_gate(x[:, 1:, :SMEAR_CHANNELS]))
        x = torch.cat((x[:, :1], x[:, 1:] + gate * x[:, :-1]), dim=1)
        start = middle = x
        for i, block in enumerate(self.blocks):
            values = self.values[i]
            looked_up = values(inputs) if isinstance(values, nn.Embedding) else None
            x = block(self.kept[i] * x + self.first[i] * start, looked_up, (self.cos, self.sin))
            if i == len(self.blocks) // 2:
                middle = x
        logits = SOFTCAP * torch.tanh(self.last(norm(x - self.backout * middle)).float() / SOFTCAP)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))


@torch.compile(dynamic=False, fullgraph=True)
def muon_step(
    grads: Tensor, weights: Tensor, momentum: Tensor, variance: Tensor, rate: Tensor, decay: Tensor, along: int
) -> None:
    """One update of matrices (n, a, b) of one shape; `variance` is (n, a, 1) or (n, 1, b)."""
    momentum.lerp_(grads, 0.05)
    x = torch.lerp(grads, momentum, 0.95)
    rows = x.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    x = x * (x.norm(dim=(-2, -1), keepdim=True) / x.shape[-2] ** 0.5 / rows)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) * 1.01 + 1e-6)
    for a, b, c in POLAR_EXPRESS:
        gram = x.mT @ x if x.shape[-2] > x.shape[-1] else x @ x.mT
        mixed = b * gram + c * (gram @ gram)
        x = a * x + (x @ mixed if x.shape[-2] > x.shape[-1] else mixed @ x)
    x = x * (min(x.shape[-2:]) ** 0.5 / x.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-6))
    mean = x.square().mean(dim=along, keepdim=True)
    variance.lerp_(mean, 0.1)
    step = variance.clamp_min(1e-10).rsqrt()
    before, after = mean.sum(dim=(-2, -1), keepdim=True), (mean * step.square()).sum(dim=(-2, -1), keepdim=True)
    x = x * step * (before.sqrt() / after.sqrt().clamp_min(1e-10))
    weights.sub_(rate * x + rate * decay * weights * ((x * weights) >= 0))


@torch.compile(dynamic=False, fullgraph=True)
def adamw_step(weight: Tensor, grad: Tensor, first: Tensor, second: Tensor, steps: Tensor, rate: Tensor) -> None:
    first.lerp_(grad, 0.2)
    second.lerp_(grad.square(), 0.05)
    size = (second / (1 - 0.95**steps)).sqrt() + 1e-10
    weight.sub_(rate / (1 - 0.8**steps) * first / size)


class MuonAdamW:
    """Muon for the matrices of the blocks, those of one shape together; AdamW for every other parameter."""

    def __init__(self, model: PlainNanochat) -> None:
        matrices = list(model.blocks.parameters())
        shapes = sorted({weight.shape for weight in matrices})
        self.stacks = [[weight for weight in matrices if weight.shape == shape] for shape in shapes]
        ours = {id(weight) for weight in matrices}
        self.others = [weight for weight in model.parameters() if id(weight) not in ours]
        self.states: dict[int, list[Tensor]] = {}
        self.steps = torch.tensor(0.0)

    def _state(self, of: Tensor, *sizes: Iterable[int]) -> list[Tensor]:
        return self.states.setdefault(id(of), [torch.zeros(tuple(size)) for size in sizes])

    @torch.no_grad()
    def step(self, rate: float) -> None:
        self.steps += 1
        for weights in self.stacks:
            rows, columns = weights[0].shape
            along = -1 if rows >= columns else -2
            reduced = (len(weights), rows, 1) if along == -1 else (len(weights), 1, columns)
            momentum, variance = self._state(weights[0], (len(weights), rows, columns), reduced)
            stacked = torch.stack([weight.detach() for weight in weights])
            grads = torch.stack([weight.grad for weight in weights if weight.grad is not None])
            own = torch.tensor(rate * max(1.0, rows / columns) ** 0.5)
            muon_step(grads, stacked, momentum, variance, own, torch.tensor(0.1), along)
            torch._foreach_copy_([weight.detach() for weight in weights], list(stacked.unbind(0)))
        for weight in self.others:
            if weight.grad is not None:
                first, second = self._state(weight, weight.shape, weight.shape)
                adamw_step(weight.detach(), weight.grad, first, second, self.steps, torch.tensor(rate))


class NanochatLoop:
    """One model, its optimiser and its batches."""

    def __init__(self, model: PlainNanochat, tokens: Path, rate: float) -> None:
        self.model, self.tokens, self.rate = model, tokens, rate
        self.optimizer = MuonAdamW(model)

    def step(self, offsets: list[int], context: int) -> float:
        loss = self.model(*cut_batch(self.tokens, offsets, context))
        loss.backward()
        self.optimizer.step(self.rate)
        self.model.zero_grad(set_to_none=True)
        return float(loss.detach())


class CloneLoop:
    """The model and the optimiser of a clone of karpathy/nanochat, whose folder is on `sys.path`."""

    def __init__(self, width: int, depth: int, heads: int, vocabulary: int, context: int, tokens: Path) -> None:
        from nanochat.gpt import GPT, GPTConfig  # type: ignore[import-not-found]

        self.tokens = tokens
        config = GPTConfig(
            sequence_len=context, vocab_size=vocabulary, n_layer=depth, n_head=heads, n_kv_head=heads, n_embd=width
        )
        self.model: Any = GPT(config)
        self.model.init_weights()
        self.optimizer: Any = self.model.setup_optimizer()

    def step(self, offsets: list[int], context: int) -> float:
        loss = self.model(*cut_batch(self.tokens, offsets, context))
        loss.backward()
        self.optimizer.step()
        self.model.zero_grad(set_to_none=True)
        return float(loss.detach())
