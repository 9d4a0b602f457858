"""An external memory beside the weights: nearest neighbours among the states that the studied items had when they were
looked at once (Khandelwal et al. 2020, arXiv 1911.00172, equations 2 and 3; exact search). Nothing is trained.

The key of every token is the state before it, as the last layer reads it; its value is the token. Query states find
their nearest keys, whose values are mixed with the model's own guess.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from scalewise.lab.models.parts import rms_norm
from scalewise.lab.weights import TrainedModel

Floats = NDArray[np.float64]
Precision = Literal["float16", "float32"]
PRECISIONS: tuple[Precision, ...] = ("float16", "float32")
NEIGHBOURS = 32
NOISE = 0.1
"""Share of the tokens of a noisy copy that are replaced."""
ITEMS_AT_ONCE = 16
SHARES = (0.25, 0.5, 0.75, 0.9)
"""Of the memory in a guess, of which the best is chosen."""
SHARPNESS = (0.01, 0.03, 0.1, 0.3)
"""Temperatures of the neighbours' weights, in units of the mean squared distance of a query's neighbours."""


@dataclass(frozen=True)
class Tuning:
    """How much the memory weighs, and how much nearer neighbours count for more."""

    share: float
    sharpness: float


@dataclass(frozen=True)
class Memory:
    """Keys (tokens, width), values (tokens,), and the mean squared distance of neighbours among them."""

    keys: torch.Tensor
    values: torch.Tensor
    scale: float

    @property
    def bytes(self) -> int:
        return self.keys.numel() * self.keys.element_size() + self.values.numel() * self.values.element_size()


@dataclass(frozen=True)
class Guess:
    """What a model and a memory know of the tokens of items: log probabilities (items, T) of the model, squared
    distances (items, T, k) of the nearest keys, and whether these have the right token."""

    model: torch.Tensor
    distances: torch.Tensor
    right: torch.Tensor


def remember(model: TrainedModel, items: NDArray[np.uint8], precision: Precision) -> Memory:
    """One look at items (n, T + 1): every token's key and value."""
    windows = torch.from_numpy(items)
    states = torch.cat([_log_likely(model, part)[0].flatten(0, 1) for part in torch.split(windows, ITEMS_AT_ONCE)])
    keys = states.to(torch.float16 if precision == "float16" else torch.float32)
    values = windows[:, 1:].reshape(-1).contiguous()
    sample = states[:: max(1, len(states) // 512)]
    return Memory(keys, values, max(float(_nearest(sample, states)[0].mean()), 1e-12))


def guesses(model: TrainedModel, memory: Memory, items: NDArray[np.uint8]) -> Guess:
    """Look items (n, T + 1) up."""
    parts = [_looked_up(model, memory, part) for part in torch.split(torch.from_numpy(items), ITEMS_AT_ONCE)]
    model_part, distances, right = (torch.cat(part) for part in zip(*parts, strict=True))
    return Guess(model_part, distances, right)


def losses(guess: Guess, memory: Memory, tuning: Tuning) -> Floats:
    """Nats per token of each item (n,) under the mixture of memory and model."""
    weights = (-guess.distances / (tuning.sharpness * memory.scale)).softmax(dim=-1)
    remembered = (weights * guess.right).sum(dim=-1).double()
    mixed = tuning.share * remembered + (1 - tuning.share) * guess.model.double().exp()
    return np.asarray(-mixed.log().mean(dim=1).numpy())


def tuned(model: TrainedModel, studied: NDArray[np.uint8], foils: NDArray[np.uint8], seed: int) -> Tuning:
    """The mixture that tells most studied items from their foils, on pairs (n, T + 1) of its own; between equals, by
    the larger mean difference."""
    memory = remember(model, studied, "float32")
    sides = [guesses(model, memory, items) for items in (noisy(studied, seed), noisy(foils, seed))]

    def told(tuning: Tuning) -> tuple[float, float]:
        margin = losses(sides[1], memory, tuning) - losses(sides[0], memory, tuning)
        return float((np.sign(margin) / 2 + 0.5).mean()), float(margin.mean())

    return max((Tuning(share, sharpness) for share in SHARES for sharpness in SHARPNESS), key=told)


def noisy(items: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Copies in which a share of the tokens are those of other items at the same place; which places is the same for
    all arrays of one shape. What is stored is found again at once; noise shows whether it is found when it differs."""
    rng = np.random.default_rng([seed, 7])
    inner = items[:, 1:-1]
    replaced = rng.random(inner.shape) < NOISE
    other = np.take_along_axis(inner, rng.integers(0, len(items), inner.shape), axis=0)
    copies = items.copy()
    copies[:, 1:-1] = np.where(replaced, other, inner)
    return copies


@dataclass(frozen=True)
class Timed:
    """Losses (n,), and milliseconds of one core for an item."""

    losses: Floats
    milliseconds: float


def by_memory(model: TrainedModel, memory: Memory, items: NDArray[np.uint8], tuning: Tuning) -> Timed:
    began = time.process_time()
    found = losses(guesses(model, memory, items), memory, tuning)
    return Timed(found, 1e3 * (time.process_time() - began) / len(items))


def by_weights(model: TrainedModel, items: NDArray[np.uint8]) -> Timed:
    began = time.process_time()
    found = [
        -_log_likely(model, part)[1].double().mean(dim=1)
        for part in torch.split(torch.from_numpy(items), ITEMS_AT_ONCE)
    ]
    return Timed(np.asarray(torch.cat(found).numpy()), 1e3 * (time.process_time() - began) / len(items))


def _log_likely(model: TrainedModel, windows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The states (n, T, width) before the tokens of windows, of mean square 1, and the log probabilities (n, T)."""
    weights = model.weights()
    states = model.states(windows[:, :-1], model.shape.depth)
    logits = rms_norm(states, weights["norm"]) @ weights["last"][0]
    logs = logits.log_softmax(dim=-1).gather(-1, windows[:, 1:, None].long())[..., 0]
    return F.rms_norm(states, (states.shape[-1],)), logs


def _looked_up(model: TrainedModel, memory: Memory, windows: torch.Tensor) -> Iterator[torch.Tensor]:
    states, logs = _log_likely(model, windows)
    distances, numbers = _nearest(states.flatten(0, 1), memory.keys.float())
    right = memory.values[numbers] == windows[:, 1:].reshape(-1, 1)
    shape = (*logs.shape, -1)
    yield from (logs, distances.view(shape), right.view(shape))


def _nearest(queries: torch.Tensor, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Squared distances (q, k) of each query's nearest keys, and their numbers."""
    nearer = torch.addmm((keys**2).sum(1), queries, keys.T, alpha=-2)  # lacks the query's own square
    found, numbers = nearer.topk(min(NEIGHBOURS, len(keys)), largest=False)
    return (found + (queries**2).sum(1, keepdim=True)).clamp(min=0), numbers
