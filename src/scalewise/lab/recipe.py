"""The complete recipe of one run; its content is its name."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from scalewise.lab.code import code_version
from scalewise.lab.schedule import Schedule, branch_step
from scalewise.lab.shapes import AnyShape, architecture_of

Init = Literal["fan-in", "gpt2", "data-dependent"]
OptimizerName = Literal["adamw", "adam", "muon"]
"""Adam is AdamW without weight decay."""
Parametrization = Literal["standard", "mup"]
MUP_WIDTH = 64
"""With `mup`, the learning rate is that of a model of this width."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run's numbers, apart from the machine's arithmetic."""

    study: str
    group: str
    shape: AnyShape
    flops_budget: float
    lr: float
    seed: int
    batch_windows: int
    warmup_steps: int
    schedule: Schedule
    optimizer: OptimizerName
    init: Init
    parametrization: Parametrization
    weight_decay: float
    beta2: float
    clip: float
    held_out_windows: int
    data_size: int
    """Unique training tokens; 0 where every token is fresh."""
    data_sha256: str
    code: str = field(default_factory=code_version)

    @property
    def batch_tokens(self) -> int:
        return self.batch_windows * self.shape.context

    @property
    def steps(self) -> int:
        """Optimiser steps that come nearest to the budget of operations."""
        return max(1, round(self.flops_budget / (self.shape.flops_per_token * self.batch_tokens)))

    @property
    def branch_step(self) -> int:
        """The step at which this run leaves the trunk that it shares with other budgets; 0 for one of its own."""
        return branch_step(self.schedule, self.steps)

    @property
    def tokens(self) -> int:
        return self.steps * self.batch_tokens

    @property
    def flops(self) -> float:
        return self.tokens * self.shape.flops_per_token

    @property
    def name(self) -> str:
        """A readable name, made unique by a hash of the whole recipe."""
        return f"{self._size}-c{self.flops_budget:.3g}-lr{self.lr:.3g}-s{self.seed}-{self._digest()}"

    @property
    def trunk(self) -> str:
        """The name of what runs of all budgets share: the recipe without its budget."""
        return f"{self._size}-lr{self.lr:.3g}-s{self.seed}-{self._digest('flops_budget')}"

    @property
    def _size(self) -> str:
        return f"w{self.shape.width}d{self.shape.depth}"

    def _digest(self, *without: str) -> str:
        content = asdict(self) | {"architecture": architecture_of(self.shape)}
        kept = {key: value for key, value in content.items() if key not in without}
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:8]

    @property
    def columns(self) -> dict[str, Any]:
        """What the store and the Runs table know of this run."""
        return {
            "run": self.name,
            "group": self.group,
            "seed": self.seed,
            "params": self.shape.params,
            "params_no_embed": self.shape.params_no_embed,
            "architecture": architecture_of(self.shape),
            "width": self.shape.width,
            "depth": self.shape.depth,
            "context": self.shape.context,
            "flops_budget": self.flops_budget,
            "lr": self.lr,
            "batch_tokens": self.batch_tokens,
            "optimizer": self.optimizer,
            "init": self.init,
            "parametrization": self.parametrization,
            "schedule": self.schedule,
            "schedule_tokens": self.tokens,
            "warmup_steps": self.warmup_steps,
            "weight_decay": self.weight_decay,
            "beta2": self.beta2,
            "clip": self.clip,
            "data_size": self.data_size or self.tokens,
            "vocabulary": self.shape.vocabulary,
            "data_sha256": self.data_sha256,
            "code": self.code,
        }


def batch_windows(tokens: float, context: int, at: tuple[float, float], exponent: float) -> int:
    """Windows per step for a run of `tokens`: a power of two near a power law through `at` (tokens, batch tokens)."""
    reference_tokens, reference_batch = at
    batch_tokens = reference_batch * (tokens / reference_tokens) ** exponent
    return int(2 ** max(0, round(math.log2(batch_tokens / context))))
