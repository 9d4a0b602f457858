"""A stack of one model that is larger than a device: sharded over the processes that torchrun begins, by FSDP2.

Every process holds a part of each weight and of its moments, and reads a part of each batch; a block's weights are
gathered when it is their turn and let go again. The first process trains as if it had the whole stack; the others
follow what it does, command by command. A member's state is that of any stack, so that a run may go on elsewhere.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn import functional as F

from scalewise.lab.compute import Compute, products
from scalewise.lab.models import model_of
from scalewise.lab.models.layout import Layout
from scalewise.lab.models.llama import block
from scalewise.lab.models.parts import look_up, rms_norm
from scalewise.lab.optimizers.adamw import adamw_rows, treated_alike
from scalewise.lab.recipe import MUP_WIDTH
from scalewise.lab.stack import Member, Setting
from scalewise.runs.flops import TransformerShape

Named = dict[str, Tensor]


class _Part(nn.Module):
    """Weights that are gathered together; a function of them and of activations is what it computes."""

    def __init__(self, weights: Named) -> None:
        super().__init__()
        self._names = list(weights)
        self._weights = nn.ParameterList([nn.Parameter(weight) for weight in weights.values()])

    def forward(self, function: Callable[..., Tensor], *activations: Tensor) -> Tensor:
        return function(
            {name: w.unsqueeze(0) for name, w in zip(self._names, self._weights, strict=True)}, *activations
        )

    def named(self) -> dict[str, DTensor]:
        return dict(zip(self._names, self._weights, strict=True))


class _Llama(nn.Module):
    """A Llama-style transformer in parts: the embedding, each block, and the last layer with its norm."""

    def __init__(self, shape: TransformerShape, weights: Named, compute: Compute) -> None:
        super().__init__()
        self._shape, self._compute = shape, compute
        self._dtype = torch.bfloat16 if compute.precision == "bf16" else torch.float32
        names = [["embedding"], *([n for n in weights if n.startswith(f"{i}.")] for i in range(shape.depth))]
        names.append(["norm", "last"])
        mesh = init_device_mesh(compute.device, (dist.get_world_size(),))
        exact = MixedPrecisionPolicy(cast_forward_inputs=False)
        cast = MixedPrecisionPolicy(param_dtype=self._dtype, reduce_dtype=torch.float32, cast_forward_inputs=False)
        self._parts = nn.ModuleList()
        for own in names:  # one after the other, so that a device never holds the whole
            part = _Part({name: weights[name].to(compute.device) for name in own})
            fully_shard(part, mesh=mesh, mp_policy=exact if own == ["embedding"] else cast)
            self._parts.append(part)
        fully_shard(self, mesh=mesh)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (1, B · T, V) for tokens (1, B, T)."""
        embedding, *blocks, last = self._parts
        time, number, compute = tokens.shape[-1], self._shape.heads, self._compute
        x: Tensor = embedding(lambda w: look_up(w["embedding"], tokens).to(self._dtype, copy=True))
        for i, part in enumerate(blocks):
            x = part(lambda w, x, i=i: block(w, f"{i}.", x, number, time, compute), x)
        logits: Tensor = last(lambda w, x: torch.bmm(rms_norm(x, w["norm"]), w["last"]), x)
        return logits.float()

    def named(self) -> dict[str, DTensor]:
        return {name: weight for part in self._parts for name, weight in part.named().items()}  # type: ignore[operator]


class Shard:
    """What every process does; all of them call the same methods in the same order with the same arguments."""

    def __init__(self, setting: Setting, member: Member, compute: Compute) -> None:
        assert isinstance(setting.shape, TransformerShape)
        self.member, self.compute = member, compute
        self.layout = Layout(model_of(setting.shape).weights(setting.init))
        first = self.layout.views(self.layout.initial_row(member.seed)[None])
        self._model = _Llama(setting.shape, {name: weight[0].clone() for name, weight in first.items()}, compute)
        self._weights = {weight.name: self._model.named()[weight.name] for weight in self.layout.weights}
        self._moments = [{n: torch.zeros_like(w.to_local()) for n, w in self._weights.items()} for _ in range(2)]
        factor = MUP_WIDTH / setting.shape.width if setting.parametrization == "mup" else 1.0
        parts = list(treated_alike(self.layout, setting.weight_decay, factor))
        self._treatment = {
            weight.name: next((decay, of_rate) for part, decay, of_rate in parts if part.start <= start < part.stop)
            for weight, start in zip(self.layout.weights, self.layout.offsets, strict=True)
        }
        self._beta2 = setting.beta2
        self.steps = 0
        self.optimizer_seconds: float | None = 0.0 if compute.device == "cpu" else None

    def step(self, windows: Tensor, fraction: float) -> Tensor:
        """As `Stack.step`, on windows (1, B, T + 1)."""
        with products(self.compute.products):
            loss = self._loss(self._own(windows, 1))
            loss.backward()  # type: ignore[no-untyped-call]
            started = self.compute.clock()
            self._update(fraction)
            if self.optimizer_seconds is not None:
                self.optimizer_seconds += self.compute.clock() - started
            return _mean(loss.detach())[None]

    @torch.no_grad()
    def evaluate(self, windows: Tensor) -> Tensor:
        """As `Stack.evaluate`, on windows (n, T + 1)."""
        with products(self.compute.products):
            return _mean(self._loss(self._own(windows, 0)[None]))[None]

    def state(self) -> dict[str, Any]:
        """As `Stack.member_state`, gathered."""
        moments = [self._gathered({n: _like(m[n], w) for n, w in self._weights.items()}) for m in self._moments]
        return {"row": self._gathered(self._weights), "moments": moments, "steps": self.steps}

    @torch.no_grad()
    def set_state(self, state: dict[str, Any]) -> None:
        own = [{name: weight.to_local() for name, weight in self._weights.items()}, *self._moments]
        for into, row in zip(own, [state["row"], *state["moments"]], strict=True):
            for name, whole in self.layout.views(row[None]).items():
                like = self._weights[name]
                part = distribute_tensor(whole[0].to(self.compute.device), like.device_mesh, like.placements)
                into[name].copy_(part.to_local())
        self.steps = state["steps"]

    def _own(self, windows: Tensor, dim: int) -> Tensor:
        """This process's part of a batch; the whole, where it cannot be divided evenly: the mean is the same."""
        world = dist.get_world_size()
        return windows if windows.shape[dim] % world else windows.chunk(world, dim)[dist.get_rank()]

    def _loss(self, windows: Tensor) -> Tensor:
        windows = windows.to(self.compute.device, torch.long)
        logits: Tensor = self._model(windows[..., :-1])
        return F.cross_entropy(logits.flatten(0, 1), windows[..., 1:].flatten())

    @torch.no_grad()
    def _update(self, fraction: float) -> None:
        """Clip by the norm of all parts together, and AdamW on each."""
        grads = {name: weight.grad.to_local() for name, weight in self._weights.items()}  # type: ignore[union-attr]
        norm = torch.stack([grad.square().sum() for grad in grads.values()]).sum()
        dist.all_reduce(norm)
        factor = (self.member.clip / (norm.sqrt() + 1e-6)).clamp(max=1.0)
        self.steps += 1
        for name, weight in self._weights.items():
            decay, of_rate = self._treatment[name]
            row, grad, *moments = (
                part.view(1, -1)
                for part in (weight.to_local(), grads[name] * factor, *(m[name] for m in self._moments))
            )
            if row.numel():
                rates = [self.member.rate * fraction * of_rate]
                adamw_rows(row, grad, moments, slice(None), self.steps, rates, decay, self._beta2)
            weight.grad = None

    def _gathered(self, weights: dict[str, DTensor]) -> Tensor:
        """A row (P,) in the memory of the host."""
        return torch.cat([weight.full_tensor().detach().flatten().cpu() for weight in weights.values()])


class ShardedStack:
    """What the engine of the first process trains: as a `Stack` of one member, with everybody's help."""

    def __init__(self, setting: Setting, members: Sequence[Member], compute: Compute) -> None:
        (member,) = self.members = list(members)
        _tell("begin", setting, member, compute)
        self.compute = compute
        self._shard = Shard(setting, member, compute)
        self.layout = self._shard.layout
        self.compiled = False

    @property
    def optimizer_seconds(self) -> float | None:
        return self._shard.optimizer_seconds

    @property
    def rows(self) -> Tensor:
        """The weights (1, P), gathered."""
        row: Tensor = self.member_state(0)["row"]
        return row[None]

    def step(self, windows: Tensor, fraction: float) -> Tensor:
        _tell("step", windows, fraction)
        return self._shard.step(windows, fraction)

    def evaluate(self, windows: Tensor) -> Tensor:
        _tell("evaluate", windows)
        return self._shard.evaluate(windows)

    def member_state(self, k: int) -> dict[str, Any]:
        _tell("state")
        return self._shard.state()

    def set_member_state(self, k: int, state: dict[str, Any]) -> None:
        _tell("set_state", state)
        self._shard.set_state(state)

    def keep(self, chosen: Sequence[int]) -> None:
        """The one member there is."""

    def scale_to(self, windows: Tensor) -> None:
        raise NotImplementedError("a first batch scales weights that one process holds")


def _tell(*command: Any) -> None:
    dist.broadcast_object_list([command], src=0, device=torch.device("cpu"))


def follow() -> None:
    """Do what the first process tells, until it ends."""
    shard: Shard | None = None
    while True:
        told: list[Any] = [None]
        dist.broadcast_object_list(told, src=0, device=torch.device("cpu"))
        name, *args = told[0]
        if name == "end":
            dist.destroy_process_group()
            return
        if name == "begin":
            shard = Shard(*args)
        else:
            getattr(shard, name)(*args)


def end() -> None:
    """Let the others go."""
    _tell("end")
    dist.destroy_process_group()


def _like(local: Tensor, whole: DTensor) -> DTensor:
    mesh, placements = whole.device_mesh, whole.placements
    return DTensor.from_local(local, mesh, placements, shape=whole.shape, stride=whole.stride())


def _mean(value: Tensor) -> Tensor:
    """Over processes."""
    value = value.clone()
    dist.all_reduce(value)
    return value / dist.get_world_size()
