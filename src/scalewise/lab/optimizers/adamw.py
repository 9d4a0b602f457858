"""AdamW (Loshchilov & Hutter 2017, arXiv 1711.05101) on flat rows; gains and biases are not decayed."""

from collections.abc import Iterator
from itertools import groupby

import torch
from torch import Tensor

from scalewise.lab.models.layout import Layout, Weight

BETA1 = 0.9
EPSILON = 1e-8
ROW_BY_ROW_ON = "cpu"


class AdamW:
    """Moments are rows beside the weights' rows."""

    def __init__(
        self, layout: Layout, members: int, decay: float, beta2: float, device: str, matrix_rate: float = 1.0
    ) -> None:
        self.steps = 0
        self.moments = [torch.zeros(members, layout.params, device=device) for _ in range(2)]
        self._parts = list(treated_alike(layout, decay, matrix_rate))
        self._beta2 = beta2

    def update(self, rows: Tensor, grads: Tensor, rates: list[float], fraction: float) -> None:
        self.steps += 1
        for part, decay, factor in self._parts:
            scaled = [rate * fraction * factor for rate in rates]
            adamw_rows(rows[:, part], grads[:, part], self.moments, part, self.steps, scaled, decay, self._beta2)


def treated_alike(layout: Layout, decay: float, matrix_rate: float) -> Iterator[tuple[slice, float, float]]:
    """Stretches of a row that are treated alike: where, weight decay, factor of the rate.

    Decay times rate is the same for all of them, whatever the factor, so that decay transfers too (2510.19093).
    """

    def treatment(place: tuple[Weight, int]) -> tuple[float, float]:
        weight, _ = place
        return 0.0 if weight.role == "gain" else decay, matrix_rate if weight.role in ("matrix", "last") else 1.0

    for (own_decay, factor), places in groupby(zip(layout.weights, layout.offsets, strict=True), treatment):
        (first, start), *others = places
        last, end = others[-1] if others else (first, start)
        yield slice(start, end + last.numel), own_decay / factor, factor


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
