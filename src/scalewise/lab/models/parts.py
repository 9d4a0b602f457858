"""What stacked models are made of beside products and attention: lookup, normalisation and the loss, for K at once.

Activations are (K, N, width) with N = batch · time.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

RMS_EPSILON = 1e-6


def look_up(table: Tensor, tokens: Tensor) -> Tensor:
    """Rows of each model's table (K, V, D) for its tokens (K, B, T): (K, B · T, D).

    The table stays fp32, since its gradient sums many rows.
    """
    members, vocabulary, width = table.shape
    first = torch.arange(members, device=tokens.device).view(members, 1, 1) * vocabulary
    return F.embedding(tokens + first, table.reshape(-1, width)).view(members, -1, width)


def rms_norm(x: Tensor, gain: Tensor) -> Tensor:
    """Root mean square normalisation of (K, N, width), times each model's gain (K, width)."""
    if x.is_cuda:
        return F.rms_norm(x, x.shape[-1:], eps=RMS_EPSILON) * gain.unsqueeze(1)
    normed: Tensor = _RmsNorm.apply(x, gain)  # type: ignore[no-untyped-call]
    return normed


class _RmsNorm(torch.autograd.Function):
    """Written by hand since PyTorch's is half a dozen operations each way on a CPU."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        inverse = norm.square().div_(x.shape[-1]).add_(RMS_EPSILON).rsqrt_().to(x.dtype)
        unit: Tensor = x * inverse
        ctx.save_for_backward(unit, inverse, gain)
        scaled: Tensor = unit * gain.unsqueeze(1)
        return scaled

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        unit, inverse, gain = ctx.saved_tensors
        of_unit = gradient * gain.unsqueeze(1)
        along = torch.linalg.vecdot(of_unit, unit).unsqueeze(-1)  # what of it would only lengthen x
        of_x = torch.addcmul(of_unit, unit, along, value=-1 / unit.shape[-1]).mul_(inverse)
        return of_x, (gradient * unit).sum(dim=1)


def layer_norm(x: Tensor, gain: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:]) * gain.unsqueeze(1)


def swiglu(x: Tensor) -> Tensor:
    """silu(gate) · up (Shazeer 2020, arXiv 2002.05202) of rows (gate, up): (K, N, 2 · width) to (K, N, width)."""
    if x.is_cuda:
        gate, up = x.chunk(2, dim=-1)
        return F.silu(gate) * up
    gated: Tensor = _SwiGlu.apply(x)  # type: ignore[no-untyped-call]
    return gated


class _SwiGlu(torch.autograd.Function):
    """Written by hand since a CPU is slow on halves of rows: they are cut once and joined once."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        gate, up = (half.contiguous() for half in x.chunk(2, dim=-1))
        opened = F.silu(gate)
        ctx.save_for_backward(gate, up, opened)
        return opened * up

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        gate, up, opened = ctx.saved_tensors
        of_gate = torch.ops.aten.silu_backward(gradient * up, gate)
        return torch.cat((of_gate, gradient * opened), dim=-1)


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of logits (K, N, V) at targets (K, N), nats: (K, N) in fp32."""
    losses: Tensor = _CrossEntropy.apply(logits, targets)  # type: ignore[no-untyped-call]
    return losses


class _CrossEntropy(torch.autograd.Function):
    """Written by hand since the softmax alone gives the loss and its gradient, in half the passes over the logits."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, targets: Tensor) -> Tensor:
        exact, at = logits.float(), targets.unsqueeze(-1)
        shares = torch.softmax(exact, dim=-1)
        total = exact.amax(dim=-1) - shares.amax(dim=-1).log()  # log of the sum of exponentials
        losses = total - exact.gather(-1, at).squeeze(-1)
        shares.scatter_add_(-1, at, shares.new_full((1, 1, 1), -1.0).expand_as(at))
        ctx.save_for_backward(shares.to(logits.dtype))
        return losses

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (of_logits,) = ctx.saved_tensors
        return of_logits * gradient.unsqueeze(-1).to(of_logits.dtype), None
