"""The stack: K models of one shape trained as one program over flat rows (K, P).

Members differ in rate, clip and seed. Nothing of one member enters another's numbers: products are batched, norms and
losses are taken per row, the fused optimiser goes row by row. On one thread of a CPU a member's numbers are therefore
the same, bit for bit, whichever members stand beside it (tested), so a stack may be cut or lose a member at any time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from scalewise.lab.compute import Compute, products
from scalewise.lab.models import model_of
from scalewise.lab.models.attention import rotary_tables
from scalewise.lab.models.layout import Layout
from scalewise.lab.models.parts import token_losses
from scalewise.lab.models.scaled import scale_to_batch
from scalewise.lab.optimizers import optimizer_of
from scalewise.lab.recipe import MUP_WIDTH, Init, OptimizerName, Parametrization, Recipe
from scalewise.lab.shapes import Shape, architecture_of

COMPILED_SHAPES = 256


@dataclass(frozen=True)
class Member:
    """What one model of a stack has for itself; `rate` is the peak learning rate."""

    rate: float
    seed: int
    clip: float = 1.0


@dataclass(frozen=True)
class Setting:
    """What all members of a stack share."""

    shape: Shape
    init: Init = "fan-in"
    optimizer: OptimizerName = "adamw"
    weight_decay: float = 0.1
    beta2: float = 0.99
    parametrization: Parametrization = "standard"

    @classmethod
    def of(cls, recipe: Recipe) -> "Setting":
        return cls(
            shape=recipe.shape,
            init=recipe.init,
            optimizer=recipe.optimizer,
            weight_decay=recipe.weight_decay,
            beta2=recipe.beta2,
            parametrization=recipe.parametrization,
        )


class Stack:
    """Weights are fp32; activations and products are in the precision of `compute`."""

    def __init__(self, setting: Setting, members: Sequence[Member], compute: Compute) -> None:
        self.members = list(members)
        self.compute = compute
        self.compiled = compute.compiled_for(architecture_of(setting.shape))
        self.model = model_of(setting.shape)
        self.layout = Layout(self.model.weights(setting.init))
        rows = [self.layout.initial_row(member.seed) for member in members]
        self.rows = torch.stack(rows).to(compute.device)
        self.optimizer = optimizer_of(
            setting.optimizer,
            self.layout,
            len(members),
            setting.weight_decay,
            setting.beta2,
            compute.device,
            MUP_WIDTH / setting.shape.width if setting.parametrization == "mup" else 1.0,
        )
        self.optimizer_seconds: float | None = 0.0 if compute.device == "cpu" else None
        """So far; a GPU works on while the clock is read, so there nobody knows."""
        self._gradient = torch.empty_like(self.rows)
        self._dtype = torch.bfloat16 if compute.precision == "bf16" else torch.float32
        self._losses_to_learn_from = _compiled(self._losses) if self.compiled else self._losses

    def scale_to(self, windows: Tensor) -> None:
        """Scale first weights to a batch (K, B, T + 1) of each member: `init` data-dependent."""
        tokens = windows.to(self.compute.device, torch.long)[..., :-1]
        with products(self.compute.products):
            scale_to_batch(self.model, self.layout, self.rows, tokens, replace(self.compute, precision="fp32"))

    def step(self, windows: Tensor, fraction: float) -> Tensor:
        """One update of every member on its windows (K, B, T + 1); the losses (K,) before it, nats per token.

        `fraction` is that of the schedule.
        """
        leaves = self._leaves(with_gradient=True)
        with products(self.compute.products):
            losses = self._losses_to_learn_from(leaves, windows)
            grads = torch.autograd.grad(losses.sum(), list(leaves.values()))
            for into, grad in zip(self.layout.views(self._gradient).values(), grads, strict=True):
                into.copy_(grad)
            self._clip()
            started = self.compute.clock()
            self.optimizer.update(self.rows, self._gradient, [m.rate for m in self.members], fraction)
            if self.optimizer_seconds is not None:
                self.optimizer_seconds += self.compute.clock() - started
        return losses.detach()

    @torch.no_grad()
    def evaluate(self, windows: Tensor) -> Tensor:
        """Losses (K,) on the same windows (n, T + 1) for every member, nats per token."""
        with products(self.compute.products):
            return self._losses(self._leaves(with_gradient=False), windows.expand(len(self.members), -1, -1))

    @torch.no_grad()
    def window_recall(self, windows: Tensor, cue: int) -> tuple[Tensor, Tensor]:
        """The loss of each of the windows (n, T + 1) under every member, nats per token, and how many tokens after
        their first `cue`, the last one aside, its likeliest continuation gets right before an error: (K, n) each.

        As long as a continuation is right it is what is read here, so one pass tells what generating would.
        """
        several = windows.to(self.compute.device, torch.long).expand(len(self.members), -1, -1)
        with products(self.compute.products):
            leaves = self._leaves(with_gradient=False)
            logits = self.model.logits(leaves, several[..., :-1], self.compute).float()
        logits = logits.view(*several.shape[:2], -1, logits.shape[-1])
        losses = token_losses(logits.flatten(1, 2), several[..., 1:].flatten(1))
        right = logits[:, :, cue - 1 : -1].argmax(dim=-1) == several[..., cue:-1]
        return losses.view(*several.shape[:2], -1).mean(dim=2), right.long().cumprod(dim=-1).sum(dim=-1)

    def keep(self, chosen: Sequence[int]) -> None:
        """Go on with these members only."""
        index = torch.tensor(chosen, device=self.rows.device)
        self.members = [self.members[k] for k in chosen]
        self.rows = self.rows[index]
        self._gradient = self._gradient[index]
        self.optimizer.moments = [moment[index] for moment in self.optimizer.moments]

    def member_state(self, k: int) -> dict[str, Any]:
        """What a member needs to be continued in any stack."""
        return {
            "row": self.rows[k].clone(),
            "moments": [moment[k].clone() for moment in self.optimizer.moments],
            "steps": self.optimizer.steps,
        }

    def set_member_state(self, k: int, state: dict[str, Any]) -> None:
        self.rows[k] = state["row"]
        for moment, stored in zip(self.optimizer.moments, state["moments"], strict=True):
            moment[k] = stored
        self.optimizer.steps = state["steps"]

    def _leaves(self, with_gradient: bool) -> dict[str, Tensor]:
        """The weights as the model uses them. Tables stay fp32, since their gradient sums many rows."""
        cast = self.layout.views(self.rows.to(self._dtype))
        exact = self.layout.views(self.rows)
        return {
            weight.name: (exact if weight.role == "embedding" else cast)[weight.name]
            .detach()
            .requires_grad_(with_gradient)
            for weight in self.layout.weights
        }

    def _losses(self, leaves: dict[str, Tensor], windows: Tensor) -> Tensor:
        return self._token_losses(leaves, windows).mean(dim=1)

    def _token_losses(self, leaves: dict[str, Tensor], windows: Tensor) -> Tensor:
        """(K, B · T) on windows (K, B, T + 1)."""
        windows = windows.to(self.compute.device, torch.long)
        logits = self.model.logits(leaves, windows[..., :-1], self.compute)
        return token_losses(logits, windows[..., 1:].flatten(1))

    def _clip(self) -> None:
        """Each member's gradient to at most its own norm, as torch.nn.utils.clip_grad_norm_ does it."""
        clip = torch.tensor([member.clip for member in self.members], device=self.rows.device)
        factor = (clip / (self._gradient.norm(dim=1) + 1e-6)).clamp(max=1.0)
        if self.rows.is_cuda or not bool((factor == 1).all()):  # a CPU saves a pass, for which a GPU would have to wait
            self._gradient.mul_(factor.unsqueeze(1))


def _compiled(losses: Callable[[dict[str, Tensor], Tensor], Tensor]) -> Callable[[dict[str, Tensor], Tensor], Tensor]:
    """Compiled once for each shape of weights and windows; PyTorch's limit of 8 is less than the sizes of a study."""
    torch._dynamo.config.recompile_limit = COMPILED_SHAPES
    torch.compiler.assume_constant_result(rotary_tables)  # type: ignore[no-untyped-call]
    return torch.compile(losses, dynamic=False)
