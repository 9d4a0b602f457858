"""The engine: trains one recipe to the end, resumes where it was interrupted, writes its numbers as data."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from scalewise.lab.data.corpus import Corpus
from scalewise.lab.data.windows import WindowOrder, held_out_windows
from scalewise.lab.models.llama import Llama
from scalewise.lab.recipe import Recipe
from scalewise.lab.schedule import rate_fraction
from scalewise.runs.store import RunFolder, State

LOGGED_POINTS = 40
CHECKPOINT_SECONDS = 20.0
BETA1 = 0.9


@dataclass
class Progress:
    """Where a run stands: what a checkpoint must hold beside weights and optimiser state."""

    step: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    loss_steps: int = 0


class Trainer:
    """One run on one device.

    On one thread of a CPU, a run that was killed and resumed gives the same numbers, bit for bit, as one
    that was left alone: the data order follows from the step, and the checkpoint holds all other state.
    """

    def __init__(self, recipe: Recipe, corpus: Corpus, folder: RunFolder, device: str = "cpu") -> None:
        self.recipe = recipe
        self.folder = folder
        self.device = torch.device(device)
        self.model = Llama(recipe.shape)
        self.model.initialise(recipe.seed)
        self.model.to(self.device)
        matrices = [p for p in self.model.parameters() if p.ndim == 2]
        gains = [p for p in self.model.parameters() if p.ndim < 2]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": recipe.weight_decay},
                {"params": gains, "weight_decay": 0.0},
            ],
            lr=recipe.lr,
            betas=(BETA1, recipe.beta2),
            fused=True,
        )
        self.order = WindowOrder(corpus.train, recipe.shape.context, recipe.seed)
        self.held_out = held_out_windows(corpus, recipe.shape.context, recipe.held_out_windows)
        self.progress = Progress()

    def train(
        self,
        on_step: Callable[[int], None] = lambda step: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> State:
        """Train to the end of the schedule. `should_stop` is asked after every step; a stopped run keeps its
        checkpoint and stays `running`, to be resumed by calling this again."""
        self.folder.create(self.recipe.columns)
        self.folder.set_state("running")
        self._load_checkpoint()
        log_every = max(1, self.recipe.steps // LOGGED_POINTS)
        started = saved = time.monotonic()
        before = self.progress.seconds
        while self.progress.step < self.recipe.steps:
            self._step()
            step = self.progress.step
            self.progress.seconds = before + time.monotonic() - started
            on_step(step)
            if step % log_every == 0 or step == self.recipe.steps:
                if not math.isfinite(self.progress.loss_sum):
                    self._log(held_out_loss=math.nan)
                    return self._end("diverged", f"the training loss was not finite at step {step}")
                if step < self.recipe.steps:
                    self._log()
            if should_stop():
                self._save_checkpoint()
                return "running"
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                self._save_checkpoint()
                saved = time.monotonic()
        loss = self.evaluate()
        self._log(held_out_loss=loss)
        return (
            self._end("finished") if math.isfinite(loss) else self._end("diverged", "the held-out loss is not finite")
        )

    def _step(self) -> None:
        recipe, progress = self.recipe, self.progress
        rate = recipe.lr * rate_fraction(recipe.schedule, progress.step, recipe.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        windows = self.order.read(progress.step * recipe.batch_windows, recipe.batch_windows)
        loss = self._loss(torch.from_numpy(windows))
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        progress.step += 1
        progress.loss_sum += float(loss.detach())
        progress.loss_steps += 1

    def _loss(self, windows: Tensor) -> Tensor:
        windows = windows.to(self.device, torch.long)
        logits = self.model(windows[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())

    @torch.no_grad()
    def evaluate(self) -> float:
        """Mean loss on the fixed held-out windows, nats per token."""
        total, chunk = 0.0, 64
        for start in range(0, len(self.held_out), chunk):
            windows = torch.from_numpy(self.held_out[start : start + chunk])
            total += float(self._loss(windows)) * len(windows)
        return total / len(self.held_out)

    def _log(self, held_out_loss: float | None = None) -> None:
        progress = self.progress
        tokens = progress.step * self.recipe.batch_tokens
        row: dict[str, Any] = {
            "step": progress.step,
            "tokens": tokens,
            "flops": tokens * self.recipe.shape.flops_per_token,
            "seconds": round(progress.seconds, 3),
            "train_loss": progress.loss_sum / max(1, progress.loss_steps),
        }
        if held_out_loss is not None:
            row["loss"] = held_out_loss
        self.folder.append(row)
        progress.loss_sum, progress.loss_steps = 0.0, 0

    def _end(self, state: State, message: str = "") -> State:
        self.folder.set_state(state, message)
        self.folder.checkpoint_path.unlink(missing_ok=True)
        return state

    def _save_checkpoint(self) -> None:
        beside = self.folder.checkpoint_path.with_suffix(f".{os.getpid()}")
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": vars(self.progress),
        }
        torch.save(state, beside)
        beside.replace(self.folder.checkpoint_path)

    def _load_checkpoint(self) -> None:
        if self.folder.checkpoint_path.exists():
            state = torch.load(self.folder.checkpoint_path, map_location=self.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.progress = Progress(**state["progress"])
