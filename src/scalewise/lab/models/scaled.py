"""First weights scaled to a batch: each product gives outputs of the size that it would give on unit inputs.

Layer-sequential unit variance (Mishkin and Matas 2016, arXiv 1511.06422) in one forward pass: a weight is scaled when
it is first used, so that all that follows sees it scaled. Products are recognised by their weight, whatever the model.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from scalewise.lab.compute import Compute
from scalewise.lab.models import Model
from scalewise.lab.models.layout import Layout


@torch.no_grad()
def scale_to_batch(model: Model, layout: Layout, rows: Tensor, tokens: Tensor, compute: Compute) -> None:
    """Scale matrices and last layer of K models in their rows (K, P), each to its tokens (K, B, T)."""
    weights = layout.views(rows)
    sizes = {id(weights[w.name]): w.std * w.size[0] ** 0.5 for w in layout.weights if w.role in ("matrix", "last")}
    with _Scaling(sizes):
        model.logits(weights, tokens, compute)


class _Scaling(TorchFunctionMode):
    """Scales a weight at its first product; `sizes` is the standard deviation wanted, by the weight's identity."""

    def __init__(self, sizes: dict[int, float]) -> None:
        super().__init__()
        self._sizes = sizes

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        weight = args[-1] if func in (torch.bmm, torch.baddbmm) else None
        wanted = self._sizes.pop(id(weight), None)
        if weight is not None and wanted is not None:
            # model by model, so that the numbers of one do not depend on how many stand beside it
            scale = torch.stack([wanted / own.std().clamp(min=1e-12) for own in torch.bmm(args[-2], weight)])
            weight.mul_(scale.view(-1, 1, 1))
        return func(*args, **(kwargs or {}))
