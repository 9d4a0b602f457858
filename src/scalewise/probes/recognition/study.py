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


@dataclass(frozen=True)
class Learner:
    """One member: from which weights it starts (a seed's own, or pretrained ones), which list it studies, how fast."""

    seed: int
    studies: int
    rate: float
    start: torch.Tensor | None


def shape_of(width: int, depth: int, material: Material) -> TransformerShape:
    """A Llama-style model for this material; heads are 16 wide."""
    feedforward = -(-8 * width // 3 // 8) * 8
    return TransformerShape(width, depth, max(1, width // 16), feedforward, material.vocabulary, material.context)


def pretrained(
    shape: TransformerShape, material: Material, steps: int, seeds: Sequence[int], directory: Path, tell: Told
) -> dict[int, torch.Tensor]:
    """Weights (P,) of every seed after so many steps on the corpus; what was trained before is not trained again."""
    kept = {seed: Checkpoint(directory / "pretrained", f"w{shape.width}d{shape.depth}-s{seed}") for seed in seeds}
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
    tell: Told = lambda share: None,
) -> tuple[Floats, Floats]:
    """Study every pair's item of each learner's list `exposures` times, then go on with other data.

    Returns losses in nats per token before study and after every exposure, (1 + exposures, learners, 2 items, pairs),
    and after so many further `updates`, (updates, learners, 2 items, pairs).
    """
    members = [Member(learner.rate, learner.seed) for learner in learners]
    stack = Stack(Setting(shape, weight_decay=0.0), members, Compute())
    for k, learner in enumerate(learners):
        if learner.start is not None:
            stack.rows[k] = learner.start
    items = torch.from_numpy(np.stack([material.first, material.second]))
    own = torch.stack([items[learner.studies] for learner in learners])
    losses = [_losses(stack, items)]
    for epoch in range(exposures):
        orders = [
            torch.from_numpy(np.random.default_rng([x.seed, x.studies, epoch]).permutation(own.shape[1]))
            for x in learners
        ]
        for start in range(0, own.shape[1], batch):
            windows = torch.stack([own[k][order[start : start + batch]] for k, order in enumerate(orders)])
            stack.step(windows, 1.0)
        losses.append(_losses(stack, items))
        tell((epoch + 1) / (exposures + (1 if updates else 0)))
    return np.stack(losses), _forgotten(stack, material, learners, items, batch, updates)


def _forgotten(
    stack: Stack, material: Material, learners: Sequence[Learner], items: torch.Tensor, batch: int, at: Sequence[int]
) -> Floats:
    """Losses after so many updates on the pretraining corpus, at the study's rate and batch."""
    orders = [WindowOrder(material.corpus.train, material.context, 1_000 + x.seed) for x in learners]
    found = []
    for update in range(max(at, default=0)):
        windows = torch.stack([torch.from_numpy(order.read(update * batch, batch)) for order in orders])
        stack.step(windows, 1.0)
        if update + 1 in at:
            found.append(_losses(stack, items))
    return np.stack(found) if found else np.empty((0, len(learners), *items.shape[:2]))


def _losses(stack: Stack, items: torch.Tensor) -> Floats:
    """The loss of both items of every pair: (learners, 2, pairs)."""
    chunks = torch.split(items.flatten(0, 1), EVALUATED_AT_ONCE)
    flat = torch.cat([stack.window_losses(chunk) for chunk in chunks], dim=1)
    return np.asarray(flat.view(len(stack.members), *items.shape[:2]).numpy(), dtype=np.float64)


def tuned_rate(
    shape: Shape, material: Material, start: torch.Tensor | None, seed: int, batch: int, tell: Told = lambda share: None
) -> Tuned:
    """The study rate 2^best, bracketed on pairs of its own: what tells most studied items from their foils by raw
    likelihood, averaged over the first exposures and both lists."""
    search = bracket(STUDY_CENTRE, FIRST_REACH)
    wanted = next(search)
    while True:
        learners = [Learner(seed, side, 2.0**exponent, start) for exponent in wanted for side in (0, 1)]
        losses, _ = studied(shape, material, learners, TUNED_EXPOSURES, batch, tell=tell)
        margins = np.stack([_margin(losses[1:, k], x.studies) for k, x in enumerate(learners)])
        told = (np.sign(margins) / 2 + 0.5).mean(axis=(1, 2)).reshape(-1, 2).mean(axis=1)
        try:
            wanted = search.send({e: -float(t) for e, t in zip(wanted, told, strict=True)})
        except StopIteration as end:
            tuned: Tuned = end.value
            return tuned


def _margin(losses: Floats, studies: int) -> Floats:
    """Loss of the foil minus that of the studied item: (looks, pairs) from (looks, 2, pairs)."""
    return losses[:, 1 - studies] - losses[:, studies]


def loss_table(
    losses: Floats, later: Floats, updates: Sequence[int], learners: Sequence[Learner], material: Material
) -> "pl.DataFrame":
    """Item losses as rows for `judged`: one for every look, learner, pair and item of it."""
    import polars as pl

    looks = [(exposure, 0, part) for exposure, part in enumerate(losses)]
    looks += [(len(losses) - 1, update, part) for update, part in zip(updates, later, strict=True)]
    pairs = np.arange(len(material.condition))
    tables = [
        pl.DataFrame(
            {
                "condition": material.condition,
                "pair": pairs,
                "seen": np.full(pairs.size, item == learner.studies),
                "loss": part[k, item],
            }
        ).with_columns(
            pl.lit(exposure).alias("exposure"),
            pl.lit(update).alias("updates"),
            pl.lit(learner.seed).alias("seed"),
            pl.lit(learner.studies + 1).alias("list"),
        )
        for exposure, update, part in looks
        for k, learner in enumerate(learners)
        for item in (0, 1)
    ]
    return pl.concat(tables)
