"""What stacked transformers are made of: lookup, normalisation and causal attention for K models at once.

Activations are (K, N, width) with N = batch · time.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from scalewise.lab.compute import Attention


def look_up(table: Tensor, tokens: Tensor) -> Tensor:
    """Rows of each model's table (K, V, D) for its tokens (K, B, T): (K, B · T, D).

    The table stays fp32, since its gradient sums many rows.
    """
    members, vocabulary, width = table.shape
    first = torch.arange(members, device=tokens.device).view(members, 1, 1) * vocabulary
    return F.embedding(tokens + first, table.reshape(-1, width)).view(members, -1, width)


def rms_norm(x: Tensor, gain: Tensor) -> Tensor:
    return F.rms_norm(x, x.shape[-1:], eps=1e-6) * gain.unsqueeze(1)


def layer_norm(x: Tensor, gain: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:]) * gain.unsqueeze(1)


def heads(x: Tensor, parts: int, number: int, time: int) -> list[Tensor]:
    """Cut (K, N, parts · width) into `parts` tensors (K · B · heads, time, width / heads)."""
    members, positions, width = x.shape
    cut = x.view(members, positions // time, time, parts, number, width // (parts * number))
    return [part.reshape(-1, time, part.shape[-1]) for part in cut.permute(3, 0, 1, 4, 2, 5).unbind(0)]


def causal_attention(query: Tensor, key: Tensor, value: Tensor, path: Attention) -> Tensor:
    """Softmax attention in which a position sees itself and what came before; each (heads, time, head width)."""
    if path == "sdpa":
        mixed = F.scaled_dot_product_attention(query[None], key[None], value[None], is_causal=True)
        return mixed[0]
    time, width = query.shape[1:]
    mask = _future(time, query.dtype, query.device)
    scores = torch.baddbmm(mask, query, key.transpose(1, 2), alpha=width**-0.5)
    return torch.bmm(F.softmax(scores, dim=-1), value)


def joined(mixed: Tensor, members: int, number: int) -> Tensor:
    """The reverse of `heads`: (K · B · heads, time, head width) to (K, N, width)."""
    _, time, width = mixed.shape
    return mixed.view(members, -1, number, time, width).transpose(2, 3).reshape(members, -1, number * width)


@lru_cache(maxsize=8)
def _future(time: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Minus infinity where a position would look ahead, 0 elsewhere."""
    return torch.full((time, time), -math.inf, dtype=dtype, device=device).triu(1)


@lru_cache(maxsize=8)
def rotary_tables(time: int, head_width: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary positions (Su et al. 2021, 2104.09864): each (time, head_width / 2)."""
    frequency = 10_000.0 ** (-torch.arange(0, head_width, 2) / head_width)
    angle = torch.outer(torch.arange(time), frequency)
    return angle.cos().to(device, dtype), angle.sin().to(device, dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1)
