"""Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): momentum made orthogonal, for hidden matrices.

Embeddings, last layer, gains and biases are moved by AdamW at a rate of their own. A packed matrix (queries, keys and
values; gate and up) is one matrix here.
"""

import torch
from torch import Tensor

from scalewise.lab.models.layout import Layout
from scalewise.lab.optimizers.adamw import adamw_rows

MOMENTUM = 0.95
ITERATIONS = 5
QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the iteration, from the reference above."""
REST_RATE = 0.008
"""Peak rate of AdamW for what is not a hidden matrix (measured to do for widths 32 to 128)."""


class Muon:
    """The first moment of a hidden matrix is its momentum; its second moment is not used."""

    def __init__(self, layout: Layout, members: int, decay: float, beta2: float, device: str) -> None:
        self.steps = 0
        self.moments = [torch.zeros(members, layout.params, device=device) for _ in range(2)]
        self._layout, self._decay, self._beta2 = layout, decay, beta2

    def update(self, rows: Tensor, grads: Tensor, rates: list[float], fraction: float) -> None:
        self.steps += 1
        layout = self._layout
        column = torch.tensor([rate * fraction for rate in rates], device=rows.device).unsqueeze(1)
        momentum, gradient = self.moments[0][:, : layout.matrices], grads[:, : layout.matrices]
        momentum.lerp_(gradient, 1 - MOMENTUM)
        ahead = torch.lerp(gradient, momentum, MOMENTUM)
        for weight, start in zip(layout.weights, layout.offsets, strict=True):
            if weight.role != "matrix":
                continue
            part = slice(start, start + weight.numel)
            inputs, outputs = weight.size
            direction = orthogonal(ahead[:, part].reshape(-1, *weight.size)).flatten(1)
            rows[:, part].mul_(1 - column * self._decay).sub_(column * max(1, outputs / inputs) ** 0.5 * direction)
        rest = [REST_RATE * fraction] * len(rows)
        for part, decay in (
            (slice(layout.matrices, layout.decayed), self._decay),
            (slice(layout.decayed, layout.params), 0.0),
        ):
            adamw_rows(rows[:, part], grads[:, part], self.moments, part, self.steps, rest, decay, self._beta2)


def orthogonal(matrices: Tensor) -> Tensor:
    """Nearly U V^T of each matrix (K, a, b) = U S V^T: singular values are driven to about 0.7-1.2."""
    x = matrices.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    a, b, c = QUINTIC
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    nearly: Tensor = x.mT if tall else x
    return nearly.to(matrices.dtype)
