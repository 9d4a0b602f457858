"""A plain PyTorch training loop of a GPT-2-style model, one model at a time, as nanoGPT's model and step are organised.

The yardstick of bench/train.py where no clone of nanoGPT is given, with what costs time there on a CPU: modules, fused
qkv, SDPA, dropout of 0, tied embedding; AdamW in two groups, not fused (nanoGPT fuses on GPUs only); clip 1.0; inputs
and targets cut one by one from a memory map opened anew for every batch. As shipped, mixed precision is off on a CPU.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

BETAS, DECAY, CLIP = (0.9, 0.99), 0.1, 1.0
EVALUATED_AT_ONCE = 64


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width, bias=False)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.attention_out = nn.Linear(width, width, bias=False)
        self.feedforward_norm = nn.LayerNorm(width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)
        self.dropout = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        parts = self.qkv(self.attention_norm(x)).split(width, dim=2)
        query, key, value = (part.view(batch, time, self.heads, -1).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.dropout(self.attention_out(mixed.transpose(1, 2).reshape(batch, time, width)))
        out: Tensor = x + self.dropout(self.down(F.gelu(self.up(self.feedforward_norm(x)))))
        return out


class PlainGpt2(nn.Module):
    """Called as nanoGPT's model is: (inputs, targets) to (logits, mean loss)."""

    def __init__(self, width: int, depth: int, heads: int, vocabulary: int, context: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Embedding(context, width)
        self.dropout = nn.Dropout(0.0)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, bias=False)
        self.last = nn.Linear(width, vocabulary, bias=False)
        self.last.weight = self.embedding.weight
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                writes = name.endswith(("attention_out.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 * ((2 * depth) ** -0.5 if writes else 1.0))

    def forward(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        x = self.dropout(self.embedding(inputs) + self.position(torch.arange(inputs.shape[1], device=inputs.device)))
        for block in self.blocks:
            x = block(x)
        logits = self.last(self.norm(x))
        return logits, F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))

    def load_stacked(self, weights: dict[str, Tensor]) -> None:
        """Take one member's weights from a stack: matrices lie transposed there."""
        own = dict(self.named_parameters())
        with torch.no_grad():
            for name, value in weights.items():
                path = f"blocks.{name}.weight" if name[0].isdigit() else f"{name}.weight"
                tied = name in ("embedding", "position") or value.ndim == 1
                own[path].copy_(value if tied else value.T)


def cut_batch(tokens: Path, offsets: list[int], context: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets, each (batch, context)."""
    data = np.memmap(tokens, np.uint16, mode="r")
    starts = torch.tensor(offsets)
    inputs, targets = (
        torch.stack([torch.from_numpy(data[i + shift : i + shift + context].astype(np.int64)) for i in starts])
        for shift in (0, 1)
    )
    return inputs, targets


class PlainLoop:
    """One model, its optimiser and its batches. `autocast` is bf16 as nanoGPT uses it on a GPU."""

    def __init__(
        self, model: nn.Module, tokens: Path, rate: float, autocast: bool = False, device: str = "cpu"
    ) -> None:
        self.model, self.tokens, self.autocast, self.device = model.to(device), tokens, autocast, device
        weights = [p for p in model.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in weights if p.ndim >= 2], "weight_decay": DECAY},
            {"params": [p for p in weights if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=rate, betas=BETAS, fused=device == "cuda")

    def step(self, offsets: list[int], context: int, fraction: float = 1.0) -> float:
        return float(self.update(offsets, context, fraction))

    def update(self, offsets: list[int], context: int, fraction: float = 1.0) -> Tensor:
        """A step; its loss, which a GPU may still be working on."""
        for group in self.optimizer.param_groups:
            group["lr"] = group.setdefault("peak", group["lr"]) * fraction
        inputs, targets = (part.to(self.device) for part in cut_batch(self.tokens, offsets, context))
        with torch.autocast(self.device, torch.bfloat16, enabled=self.autocast):
            _, loss = self.model(inputs, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        detached: Tensor = loss.detach()
        return detached

    @torch.no_grad()
    def evaluate(self, offsets: list[int], context: int) -> float:
        """The mean loss on the windows that begin there."""
        losses = []
        for at in range(0, len(offsets), EVALUATED_AT_ONCE):
            batch = cut_batch(self.tokens, offsets[at : at + EVALUATED_AT_ONCE], context)
            inputs, targets = (part.to(self.device) for part in batch)
            with torch.autocast(self.device, torch.bfloat16, enabled=self.autocast):
                losses.append(float(self.model(inputs, targets)[1]) * len(inputs))
        return sum(losses) / len(offsets)
