"""Causal attention for K models at once: from the packed product (K, N, 3 · width) to the mixed values (K, N, width).

On a CPU, up to `compute.BMM_UP_TO` positions, the scores are written out and the backward pass is written by hand: one
copy cuts all heads and one joins them, where autograd makes five, and queries are taken in blocks, so that most of the
scores that the mask would drop are never computed.
"""

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from scalewise.lab.compute import Compute

BLOCK = 64
"""Queries at once (measured at a context of 128: 32 and 128 are slower, in bf16 and on average in fp32)."""
Rotary = tuple[Tensor, Tensor]
"""Cosines and sines, each (time, head width); the sines of the first half are negative."""


def attention(qkv: Tensor, heads: int, time: int, compute: Compute, rotary: Rotary | None = None) -> Tensor:
    """A position sees itself and what came before in its window of `time`; queries and keys are rotated first."""
    if compute.attention_for(time) == "bmm":
        mixed: Tensor = _Written.apply(qkv, heads, time, rotary)  # type: ignore[no-untyped-call]
        return mixed
    query, key, value = _cut(qkv, heads, time).unbind()
    if rotary:
        query, key = rotate(query, *rotary), rotate(key, *rotary)
    mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    return mixed.transpose(1, 2).reshape(*qkv.shape[:2], -1)


class _Written(torch.autograd.Function):
    """Softmax attention by batched products: windows and heads of all models are one batch of G."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, heads: int, time: int, rotary: Rotary | None) -> Tensor:
        packed = _cut(qkv, heads, time).reshape(3, -1, time, qkv.shape[-1] // (3 * heads))
        query, key = rotate(packed[:2], *rotary) if rotary else packed[:2]
        value = packed[2]
        mask = _future(time, qkv.dtype, qkv.device)
        mixed, shares = query.new_empty(query.shape), []
        for own, seen in _blocks(time):
            scores = torch.baddbmm(mask[own, seen], query[:, own], key[:, seen].mT, alpha=query.shape[-1] ** -0.5)
            shares.append(torch.softmax(scores, dim=-1))
            mixed[:, own] = torch.bmm(shares[-1], value[:, seen])
        ctx.save_for_backward(query, key, value, *shares)
        ctx.heads, ctx.rotary = heads, rotary
        joined: Tensor = mixed.unflatten(0, (-1, heads)).transpose(1, 2).reshape(*qkv.shape[:2], -1)
        return joined

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        query, key, value, *shares = ctx.saved_tensors
        _, time, width = query.shape
        of_mixed = gradient.reshape(-1, time, ctx.heads, width).transpose(1, 2).reshape(-1, time, width)
        grads = query.new_empty(3, *query.shape)
        for (own, seen), share in reversed(list(zip(_blocks(time), shares, strict=True))):
            beta = int(seen.stop < time)  # the last queries come first, and they see all
            of_share = torch.bmm(of_mixed[:, own], value[:, seen].mT)
            of_scores = torch._softmax_backward_data(of_share, share, -1, share.dtype)
            scale = width**-0.5
            grads[0, :, own] = torch.baddbmm(query[:, own], of_scores, key[:, seen], beta=0, alpha=scale)
            grads[1, :, seen].baddbmm_(of_scores.mT, query[:, own], beta=beta, alpha=scale)
            grads[2, :, seen].baddbmm_(share.mT, of_mixed[:, own], beta=beta)
        if ctx.rotary:
            cos, sin = ctx.rotary
            grads[:2] = rotate(grads[:2], cos, -sin)
        joined = grads.unflatten(1, (-1, ctx.heads)).permute(1, 3, 0, 2, 4)
        return joined.reshape(*gradient.shape[:2], -1), None, None, None


def _cut(qkv: Tensor, heads: int, time: int) -> Tensor:
    """(K, N, 3 · width) as (3, K · N / time, heads, time, head width), without a copy."""
    return qkv.view(-1, time, 3, heads, qkv.shape[-1] // (3 * heads)).permute(2, 0, 3, 1, 4)


def _blocks(time: int) -> list[tuple[slice, slice]]:
    """Queries, and the positions that they see."""
    return [(slice(i, min(i + BLOCK, time)), slice(0, min(i + BLOCK, time))) for i in range(0, time, BLOCK)]


@lru_cache(maxsize=8)
def _future(time: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Minus infinity where a position would look ahead, 0 elsewhere."""
    return torch.full((time, time), -math.inf, dtype=dtype, device=device).triu(1)


def rotary_tables(time: int, head_width: int, dtype: torch.dtype, device: torch.device) -> Rotary:
    """Cosines and sines of rotary positions (Su et al. 2021, 2104.09864), as `rotate` takes them."""
    return _rotary_tables(time, head_width, dtype, device)


@lru_cache(maxsize=8)
def _rotary_tables(time: int, head_width: int, dtype: torch.dtype, device: torch.device) -> Rotary:
    frequency = 10_000.0 ** (-torch.arange(0, head_width, 2) / head_width)
    angle = torch.outer(torch.arange(time), frequency)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat((cos, cos), dim=-1).to(device, dtype), torch.cat((-sin, sin), dim=-1).to(device, dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair of the first and second half of the last dimension by its angle."""
    first, second = x.chunk(2, dim=-1)
    return torch.addcmul(x * cos, torch.cat((second, first), dim=-1), sin)
