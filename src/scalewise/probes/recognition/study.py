"""Pretraining, and studying: the lab's engine and stack, and the loss of every item after each exposure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from scalewise.lab.checkpoint import Checkpoint
from scalewise.lab.code import code_version
from scalewise.lab.compute import Compute
from scalewise.lab.data.windows import WindowOrder
from scalewise.lab.engine import Engine
from scalewise.lab.objects import Folder
from scalewise.lab.recipe import Recipe
from scalewise.lab.shapes import Shape
from scalewise.lab.stack import Member, Setting, Stack
from scalewise.lab.tuning import FIRST_REACH, Tuned, bracket
from scalewise.probes.recognition.material import Material
from scalewise.runs.flops import TransformerShape
from scalewise.runs.store import Store

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
PRETRAIN_BATCH = 32
PRETRAIN_RATE = 2.0**-7
"""Peak rate at width 64; muP carries it to other widths."""
STUDY_CENTRE = -8
"""Study rates are tried around 2^-8, and further while the best is at the edge."""
TUNED_EXPOSURES = 5
EVALUATED_AT_ONCE = 64
Told = Callable[[float], None]
"""Is told the share of the work that is done."""


def nobody(share: float) -> None:
    """Is told, and does nothing."""


@dataclass(frozen=True)
class Learner:
    """One member: from which weights it starts (a seed's own, or pretrained ones), which list it studies, how fast."""

    seed: int
    studies: int
    rate: float
    start: torch.Tensor | None


@dataclass(frozen=True)
class Look:
    """What every learner makes of both items of every pair after so many exposures, and then updates on other data:
    losses in nats per token, and the share of an item's second half that is recalled from its first before an error,
    (learners, 2, pairs) each."""

    exposure: int
    updates: int
    loss: Floats
    recalled: Floats


@dataclass(frozen=True)
class Studied:
    """The looks, the first of them before study; and the learners' weights (learners, P) before study and after the
    first and the last exposure."""

    looks: list[Look]
    rows: dict[int, torch.Tensor]


def shape_of(width: int, depth: int, material: Material) -> TransformerShape:
    """A Llama-style model for this material; heads are 16 wide."""
    feedforward = -(-8 * width // 3 // 8) * 8
    return TransformerShape(width, depth, max(1, width // 16), feedforward, material.vocabulary, material.context)


def pretrained(
    shape: TransformerShape, material: Material, steps: int, seeds: Sequence[int], directory: Path, tell: Told
) -> dict[int, torch.Tensor]:
    """Weights (P,) of every seed after so many steps on the corpus; what was trained before is not trained again."""
    folder = Folder(directory / "pretrained")
    kept = {seed: Checkpoint(folder, f"w{shape.width}d{shape.depth}-s{seed}") for seed in seeds}
    missing = [seed for seed, checkpoint in kept.items() if not checkpoint.step()]
    if missing:
        tokens = steps * PRETRAIN_BATCH * shape.context
        recipes = [
            Recipe(
                study="recognition",
                group="pretraining",
                shape=shape,
                flops_budget=tokens * shape.flops_per_token,
                lr=PRETRAIN_RATE,
                seed=seed,
                batch_windows=PRETRAIN_BATCH,
                warmup_steps=max(1, steps // 20),
                schedule="cosine",
                optimizer="adamw",
                init="fan-in",
                parametrization="mup",
                weight_decay=0.1,
                beta2=0.99,
                clip=1.0,
                held_out_windows=64,
                data_size=material.corpus.train.size,
                data_sha256=material.corpus.sha256,
                code=code_version(),
            )
            for seed in missing
        ]
        engine = Engine(recipes, material.corpus, Store(directory), Compute())
        engine.train(on_step=lambda step: tell(step / steps))
        for k, run in enumerate(engine.runs):
            kept[run.recipe.seed].save(steps, {"row": engine.stack.rows[k].clone()})
    return {seed: checkpoint.load()["row"] for seed, checkpoint in kept.items() if checkpoint.step()}


def studied(
    shape: Shape,
    material: Material,
    learners: Sequence[Learner],
    exposures: int,
    batch: int,
    updates: Sequence[int] = (),
    tell: Told = nobody,
) -> Studied:
    """Study every pair's item of each learner's list `exposures` times, then go on with other data for so many
    `updates`."""
    members = [Member(learner.rate, learner.seed) for learner in learners]
    stack = Stack(Setting(shape, weight_decay=0.0), members, Compute())
    for k, learner in enumerate(learners):
        if learner.start is not None:
            stack.rows[k] = learner.start
    items = torch.from_numpy(np.stack([material.first, material.second]))
    own = torch.stack([items[learner.studies] for learner in learners])
    looks = [Look(0, 0, *_looked(stack, items))]
    rows = {0: stack.rows.clone()}
    for epoch in range(exposures):
        orders = [
            torch.from_numpy(np.random.default_rng([x.seed, x.studies, epoch]).permutation(own.shape[1]))
            for x in learners
        ]
        for start in range(0, own.shape[1], batch):
            windows = torch.stack([own[k][order[start : start + batch]] for k, order in enumerate(orders)])
            stack.step(windows, 1.0)
        looks.append(Look(epoch + 1, 0, *_looked(stack, items)))
        if epoch in (0, exposures - 1):
            rows[epoch + 1] = stack.rows.clone()
        tell((epoch + 1) / (exposures + (1 if updates else 0)))
    looks += _forgotten(stack, material, learners, items, batch, exposures, updates)
    return Studied(looks, rows)


def _forgotten(
    stack: Stack,
    material: Material,
    learners: Sequence[Learner],
    items: torch.Tensor,
    batch: int,
    exposures: int,
    at: Sequence[int],
) -> list[Look]:
    """Looks after so many updates on the pretraining corpus, at the study's rate and batch."""
    orders = [WindowOrder(material.corpus.train, material.context, 1_000 + x.seed) for x in learners]
    found = []
    for update in range(max(at, default=0)):
        windows = torch.stack([torch.from_numpy(order.read(update * batch, batch)) for order in orders])
        stack.step(windows, 1.0)
        if update + 1 in at:
            found.append(Look(exposures, update + 1, *_looked(stack, items)))
    return found


def _looked(stack: Stack, items: torch.Tensor) -> tuple[Floats, Floats]:
    """The loss of both items of every pair, and what is recalled of it from its first half: (learners, 2, pairs)."""
    cue = 1 + (items.shape[2] - 2) // 2
    chunks = torch.split(items.flatten(0, 1), EVALUATED_AT_ONCE)
    looked = zip(*(stack.window_recall(chunk, cue) for chunk in chunks), strict=True)
    losses, right = (torch.cat(part, dim=1).view(len(stack.members), *items.shape[:2]) for part in looked)
    recalled = right.numpy() / (items.shape[2] - 1 - cue)
    return np.asarray(losses.numpy(), dtype=np.float64), np.asarray(recalled, dtype=np.float64)


def tuned_rate(
    shape: Shape,
    material: Material,
    start: torch.Tensor | None,
    seed: int,
    batch: int,
    tell: Told = nobody,
) -> Tuned:
    """The study rate 2^best, bracketed on pairs of its own: what tells most studied items from their foils by raw
    likelihood, averaged over the first exposures and both lists."""
    search = bracket(STUDY_CENTRE, FIRST_REACH)
    wanted = next(search)
    while True:
        learners = [Learner(seed, side, 2.0**exponent, start) for exponent in wanted for side in (0, 1)]
        looks = studied(shape, material, learners, TUNED_EXPOSURES, batch, tell=tell).looks
        losses = np.stack([look.loss for look in looks])
        margins = np.stack([_margin(losses[1:, k], x.studies) for k, x in enumerate(learners)])
        told = (np.sign(margins) / 2 + 0.5).mean(axis=(1, 2)).reshape(-1, 2).mean(axis=1)
        try:
            wanted = search.send({e: -float(t) for e, t in zip(wanted, told, strict=True)})
            tell = nobody  # what the grid grows by is small
        except StopIteration as end:
            tuned: Tuned = end.value
            return tuned


def _margin(losses: Floats, studies: int) -> Floats:
    """Loss of the foil minus that of the studied item: (looks, pairs) from (looks, 2, pairs)."""
    return losses[:, 1 - studies] - losses[:, studies]


def loss_table(looks: Sequence[Look], learners: Sequence[Learner], material: Material) -> "pl.DataFrame":
    """Item losses as rows for `judged`, and what is recalled: one for every look, learner, pair and item of it."""
    import polars as pl

    pairs = np.arange(len(material.condition))
    tables = [
        pl.DataFrame(
            {
                "condition": material.condition,
                "pair": pairs,
                "seen": np.full(pairs.size, item == learner.studies),
                "loss": look.loss[k, item],
                "recalled": look.recalled[k, item],
            }
        ).with_columns(
            pl.lit(look.exposure).alias("exposure"),
            pl.lit(look.updates).alias("updates"),
            pl.lit(learner.seed).alias("seed"),
            pl.lit(learner.studies + 1).alias("list"),
        )
        for look in looks
        for k, learner in enumerate(learners)
        for item in (0, 1)
    ]
    return pl.concat(tables)
