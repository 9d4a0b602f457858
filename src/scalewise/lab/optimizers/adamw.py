"""AdamW (Loshchilov & Hutter 2017, arXiv 1711.05101) on flat rows; gains and biases are not decayed."""

import torch
from torch import Tensor

from scalewise.lab.models.layout import Layout

BETA1 = 0.9
EPSILON = 1e-8
ROW_BY_ROW_ON = "cpu"


class AdamW:
    """Moments are rows beside the weights' rows."""

    def __init__(self, layout: Layout, members: int, decay: float, beta2: float, device: str) -> None:
        self.steps = 0
        self.moments = [torch.zeros(members, layout.params, device=device) for _ in range(2)]
        self._parts = [(slice(0, layout.decayed), decay), (slice(layout.decayed, layout.params), 0.0)]
        self._beta2 = beta2

    def update(self, rows: Tensor, grads: Tensor, rates: list[float], fraction: float) -> None:
        self.steps += 1
        scaled = [rate * fraction for rate in rates]
        for part, decay in self._parts:
            adamw_rows(rows[:, part], grads[:, part], self.moments, part, self.steps, scaled, decay, self._beta2)


def adamw_rows(
    rows: Tensor,
    grads: Tensor,
    moments: list[Tensor],
    part: slice,
    steps: int,
    rates: list[float],
    decay: float,
    beta2: float,
) -> None:
    """One update of a stretch of every row; `moments` are whole rows.

    On a CPU the fused kernel goes over one row at a time. On a GPU a launch per row would cost more than the work, so
    whole blocks are updated at once.
    """
    first, second = (moment[:, part] for moment in moments)
    if rows.device.type == ROW_BY_ROW_ON:
        count = torch.tensor(float(steps))
        for k, rate in enumerate(rates):
            torch._fused_adamw_(
                [rows[k]], [grads[k]], [first[k]], [second[k]], [], [count],
                lr=rate, beta1=BETA1, beta2=beta2, weight_decay=decay, eps=EPSILON, amsgrad=False, maximize=False,
            )  # fmt: skip
        return
    rate_column = torch.tensor(rates, device=rows.device).unsqueeze(1)
    first.lerp_(grads, 1 - BETA1)
    second.mul_(beta2).addcmul_(grads, grads, value=1 - beta2)
    size = (second / (1 - beta2**steps)).sqrt_().add_(EPSILON)
    rows.mul_(1 - rate_column * decay)
    rows.sub_(rate_column / (1 - BETA1**steps) * first / size)
