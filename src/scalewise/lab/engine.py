"""The engine: trains runs of one shape as one stack, from where each was left, and writes their numbers as data.

A run goes along its trunk to the step at which it cools, leaves the trunk's state there for longer budgets, and cools.
All state of a run is in its checkpoint: weights, moments, what has been logged, and how many windows have been read,
from which the data order goes on.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from scalewise.errors import StudyError
from scalewise.lab.checkpoint import cooling_checkpoint, position, trunk_checkpoint
from scalewise.lab.compute import Compute
from scalewise.lab.data.corpus import Corpus
from scalewise.lab.data.windows import held_out_windows, reading_order
from scalewise.lab.models.layout import Layout
from scalewise.lab.recipe import Recipe
from scalewise.lab.schedule import rate_fraction
from scalewise.lab.stack import Member, Setting, Stack
from scalewise.lab.weights import keep_weights
from scalewise.runs.store import State, Store

LOGGED_PER_DOUBLING = 6
"""Losses are logged at steps in geometric progression, the same for every budget of a trunk."""
SAVING_SHARE = 0.02
"""Checkpoints may take this share of the time, so that a kill loses about fifty times what one costs."""
USUAL_SAVING_SECONDS = 0.005
"""What a checkpoint is taken to cost before the first."""
EVALUATED_AT_ONCE = 64
TOLD_EVERY_SECONDS = 2.0
"""How often a run says how far it is between two rows of its metrics, which in a long run are far apart."""


@dataclass
class Run:
    """One member of the stack: its recipe, where it is kept, and what a checkpoint must hold beside the weights."""

    recipe: Recipe
    store: Store
    rows: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    optimizer_seconds: float | None = None
    loss_sum: float = 0.0
    loss_steps: int = 0

    def __post_init__(self) -> None:
        self.folder = self.store.run(self.recipe.name)
        self.trunk = trunk_checkpoint(self.store, self.recipe)
        self.cooling = cooling_checkpoint(self.store, self.recipe)

    def tell(self, step: int) -> None:
        """Say how far it is, to whoever watches."""
        self.folder.set_state("running", reached=self._row(step))

    def _row(self, step: int) -> dict[str, Any]:
        tokens = step * self.recipe.batch_tokens
        row = {
            "step": step,
            "tokens": tokens,
            "flops": tokens * self.recipe.shape.flops_per_token,
            "seconds": round(self.seconds, 3),
            "train_loss": self.loss_sum / max(1, self.loss_steps),
        }
        if self.optimizer_seconds is not None:
            row["optimizer_seconds"] = round(self.optimizer_seconds, 3)
        return row

    def log(self, step: int, held_out_loss: float | None = None) -> None:
        row = self._row(step)
        if held_out_loss is not None:
            row["loss"] = held_out_loss
        self.folder.append(row)
        self.rows.append(row)
        self.loss_sum, self.loss_steps = 0.0, 0

    def diverge(self, step: int, message: str) -> None:
        self.log(step, held_out_loss=math.nan)
        self.end("diverged", message)

    def end(self, state: State, message: str = "") -> None:
        self.folder.set_state(state, message)
        self.cooling.remove()


class Trained(Protocol):
    """What is asked of a stack: here `lab.stack.Stack`, over several processes `lab.sharded.ShardedStack`."""

    members: list[Member]
    layout: Layout
    compute: Compute
    compiled: bool

    @property
    def rows(self) -> Tensor: ...
    @property
    def optimizer_seconds(self) -> float | None: ...
    def scale_to(self, windows: Tensor) -> None: ...
    def step(self, windows: Tensor, fraction: float) -> Tensor: ...
    def evaluate(self, windows: Tensor) -> Tensor: ...
    def keep(self, chosen: Sequence[int]) -> None: ...
    def member_state(self, k: int) -> dict[str, Any]: ...
    def set_member_state(self, k: int, state: dict[str, Any]) -> None: ...


Build = Callable[[Setting, Sequence[Member], Compute], Trained]


class Engine:
    """Runs of one shape, schedule and budget, all at the same step: see `position`.

    On one thread of a CPU, a run's numbers do not depend on its companions nor on how often it was killed and resumed.
    """

    def __init__(
        self, recipes: Sequence[Recipe], corpus: Corpus, store: Store, compute: Compute, build: Build = Stack
    ) -> None:
        recipe = self.recipe = recipes[0]
        self.runs = [Run(recipe, store) for recipe in recipes]
        setting = Setting.of(recipe)
        self.stack = build(setting, [Member(r.lr, r.seed, r.clip) for r in recipes], compute)
        context = recipe.shape.context
        self.orders = {r.seed: reading_order(corpus, context, r.seed) for r in recipes}
        self.held_out = torch.from_numpy(held_out_windows(corpus, context, recipe.held_out_windows))
        self.step = position(store, recipe)
        self.windows_read = self.step * recipe.batch_windows
        self._saving_seconds = math.inf

    def train(
        self,
        on_step: Callable[[int], None] = lambda step: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Train to the end; whether that was reached. `should_stop` is asked after every step; what is stopped keeps
        its checkpoints and is gone on with by a new Engine."""
        self._begin()
        saved = told = time.monotonic()
        while self.runs and self.step < self.recipe.steps:
            self._timed_step()
            if self.step < self.recipe.steps and is_logged(self.step):
                for run in self.runs:
                    run.log(self.step)
            elif time.monotonic() - told > TOLD_EVERY_SECONDS:
                for run in self.runs:
                    run.tell(self.step)
                told = time.monotonic()
            on_step(self.step)
            stopping = should_stop()
            if stopping or self.step == self.recipe.branch_step or time.monotonic() - saved > self._between_savings:
                self._save()
                saved = time.monotonic()
            if stopping:
                return False
        self._finish()
        return True

    def _begin(self) -> None:
        for run in self.runs:
            run.folder.create(run.recipe.columns | {"arithmetic": self._arithmetic()})
            run.folder.set_state("running")
        if self.step:
            self._load()
        elif self.recipe.init == "data-dependent":
            self.stack.scale_to(self._next_windows())
        for run in self.runs:
            run.folder.metrics_path.unlink(missing_ok=True)  # what the checkpoint has of it is written again
            for row in run.rows:
                run.folder.append(row)

    def _arithmetic(self) -> str:
        compute = self.stack.compute
        attention = compute.attention_for(self.recipe.shape.context)
        how = f"{compute.device}, {compute.precision}, {compute.products} fp32 products, {attention} attention"
        return how + ", compiled" * self.stack.compiled

    def _next_windows(self) -> torch.Tensor:
        read = {
            seed: torch.from_numpy(order.read(self.windows_read, self.recipe.batch_windows))
            for seed, order in self.orders.items()
        }
        return torch.stack([read[member.seed] for member in self.stack.members])

    def _timed_step(self) -> None:
        """One step, whose time is shared out among the members that are left after it."""
        clock = self.stack.compute.clock  # of which the optimiser's part is counted too
        started, of_it = clock(), self.stack.optimizer_seconds
        self._one_step()
        for run in self.runs:
            run.seconds += (clock() - started) / len(self.runs)
            if of_it is not None and self.stack.optimizer_seconds is not None:
                run.optimizer_seconds = (run.optimizer_seconds or 0.0) + (self.stack.optimizer_seconds - of_it) / len(
                    self.runs
                )

    def _one_step(self) -> None:
        recipe = self.recipe
        fraction = rate_fraction(recipe.schedule, self.step, recipe.steps, recipe.warmup_steps)
        losses = self.stack.step(self._next_windows(), fraction).tolist()
        self.step += 1
        self.windows_read += recipe.batch_windows
        for run, loss in zip(self.runs, losses, strict=True):
            run.loss_sum += loss
            run.loss_steps += 1
        if not all(map(math.isfinite, losses)):
            self._drop([k for k, loss in enumerate(losses) if not math.isfinite(loss)])

    def _drop(self, diverged: list[int]) -> None:
        """Members whose loss is no number stop; a trunk remembers it, since every longer run would meet it too."""
        for k in diverged:
            run = self.runs[k]
            run.diverge(self.step, f"the training loss was not finite at step {self.step}")
            if self.step <= self.recipe.branch_step:
                run.trunk.save(self.step, {"diverged": self.step, "rows": run.rows})
        kept = [k for k in range(len(self.runs)) if k not in diverged]
        self.runs = [self.runs[k] for k in kept]
        if kept:
            self.stack.keep(kept)

    def _finish(self) -> None:
        if not self.runs:
            return
        chunks = torch.split(self.held_out, EVALUATED_AT_ONCE)
        totals = sum(self.stack.evaluate(chunk).double() * len(chunk) for chunk in chunks)
        assert isinstance(totals, torch.Tensor)
        for k, (run, loss) in enumerate(zip(self.runs, (totals / len(self.held_out)).tolist(), strict=True)):
            if math.isfinite(loss):
                keep_weights(run.folder, self.step, self.recipe.shape, self.stack.rows[k])
                run.log(self.step, held_out_loss=loss)
                run.end("finished")
            else:
                run.diverge(self.step, "the held-out loss is not finite")

    def _save(self) -> None:
        """Up to the branch into the trunk's checkpoint, then into the run's own."""
        started = time.monotonic()
        for k, run in enumerate(self.runs):
            state = self.stack.member_state(k) | {
                "windows_read": self.windows_read,
                "rows": run.rows,
                "sums": [run.seconds, run.optimizer_seconds, run.loss_sum, run.loss_steps],
            }
            (run.trunk if self.step <= self.recipe.branch_step else run.cooling).save(self.step, state)
        self._saving_seconds = min(self._saving_seconds, time.monotonic() - started)  # the dearer ones had to wait

    @property
    def _between_savings(self) -> float:
        """Seconds."""
        known = self._saving_seconds if math.isfinite(self._saving_seconds) else USUAL_SAVING_SECONDS
        return known / SAVING_SHARE

    def _load(self) -> None:
        diverged = []
        for k, run in enumerate(self.runs):
            checkpoint = run.cooling if run.cooling.step() else run.trunk
            state = checkpoint.load()
            if "row" in state and state["row"].numel() != self.stack.layout.params:
                raise StudyError(
                    f"{checkpoint.folder}: the checkpoint {checkpoint.name} is that of another model; remove it, and "
                    "what it held is trained again."
                )
            run.rows = state["rows"]
            if "diverged" in state:
                run.folder.metrics_path.unlink(missing_ok=True)
                for row in run.rows:
                    run.folder.append(row)
                run.end("diverged", f"the training loss was not finite at step {state['diverged']}")
                diverged.append(k)
                continue
            self.stack.set_member_state(k, state)
            self.windows_read = state["windows_read"]
            run.seconds, run.optimizer_seconds, run.loss_sum, run.loss_steps = state["sums"]
        kept = [k for k in range(len(self.runs)) if k not in diverged]
        self.runs = [self.runs[k] for k in kept]
        if kept and diverged:
            self.stack.keep(kept)


def is_logged(step: int) -> bool:
    """Steps in geometric progression, about `LOGGED_PER_DOUBLING` to a doubling."""
    return int(LOGGED_PER_DOUBLING * math.log2(step)) > int(LOGGED_PER_DOUBLING * math.log2(max(1, step - 1)))
