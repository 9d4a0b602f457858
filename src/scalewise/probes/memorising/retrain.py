"""The causal check: train again without the passages nearest to the queries; does the answer survive?

Wherever a dropped window was read, another is read instead: one that was not read before, or where all were, one of
the rest. As many windows dropped at random are the control, and the same run trained again says how far training again
alone moves the answers. All are members of one stack: the same first weights, rate and arithmetic.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.lab.reading import Reading
from scalewise.lab.weights import TrainedModel
from scalewise.probes.memorising.models import LabModel, Tokens
from scalewise.runs.progress import tracked
from scalewise.runs.trials import Trials, trials_from

if TYPE_CHECKING:
    from torch import Tensor

AGAIN, WITHOUT_NEIGHBOURS, WITHOUT_OTHERS = "all kept", "nearest dropped", "others dropped"
MOST_DROPPED = 0.25
"""Of the windows read; more would be another training set."""
CONTROLS = 5
"""Random drops, whose spread tells how much one training differs from another."""


def answers_after(
    model: LabModel,
    reading: Reading,
    dropped: NDArray[np.int64],
    prompts: Sequence[Tokens],
    outputs: Sequence[Tokens],
    seed: int,
) -> Trials:
    """Log likelihoods of the model's own outputs (`value`, nats per token) after each training, and whether the
    likeliest continuation still begins the same (`same`).

    `dropped` are numbers of windows of the text. Raises QuestionError when they are too many.
    """
    import polars as pl

    read = np.unique(reading.read)
    if dropped.size > MOST_DROPPED * read.size:
        raise QuestionError(
            f"the nearest passages are {dropped.size:,} of the {read.size:,} windows that were read; drop fewer: "
            "ask with a smaller --drop or --k."
        )
    rng = np.random.default_rng(seed)
    others = np.setdiff1d(read, dropped)
    drops = [np.empty(0, np.int64), dropped]
    drops += [np.sort(rng.choice(others, dropped.size, replace=False)) for _ in range(CONTROLS)]
    names = [AGAIN, WITHOUT_NEIGHBOURS, *[WITHOUT_OTHERS] * CONTROLS]
    asked, said = np.stack(prompts), np.stack(outputs)
    rows = []
    for member, (name, row) in enumerate(zip(names, trained_without(reading, drops, seed), strict=True)):
        trained = LabModel(TrainedModel(model.model.shape, row))
        likely, now = trained.log_likelihood(asked, said), trained.continued(asked, said.shape[1])
        rows += [
            {
                "run": reading.recipe.name,
                "item": f"query {i}",
                "condition": name,
                "repeat": member,
                "value": float(likely[i]),
                "same": float(np.mean(now[i] == said[i])),
            }
            for i in range(len(asked))
        ]
    return trials_from(pl.DataFrame(rows), reading.recipe.name)


def trained_without(reading: Reading, drops: Sequence[NDArray[np.int64]], seed: int = 0) -> "list[Tensor]":
    """The final weights of one run for each set of dropped windows."""
    import torch

    from scalewise.lab.schedule import rate_fraction
    from scalewise.lab.stack import Member, Setting, Stack

    recipe = reading.recipe
    members = [Member(recipe.lr, recipe.seed, recipe.clip)] * len(drops)
    stack = Stack(Setting.of(recipe), members, reading.compute)
    read = np.stack([_replaced(reading, drop, seed) for drop in drops])
    batch = recipe.batch_windows
    for step in tracked(range(recipe.steps), recipe.steps, "training again", lambda _: 1):
        now = read[:, step * batch : (step + 1) * batch]
        windows = torch.from_numpy(np.stack([reading.windows_at(row) for row in now]))
        if step == 0 and recipe.init == "data-dependent":
            stack.scale_to(windows)
        stack.step(windows, rate_fraction(recipe.schedule, step, recipe.steps, recipe.warmup_steps))
    return list(stack.rows)


def _replaced(reading: Reading, dropped: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The order of reading with other windows where the dropped ones were."""
    order = reading.read.copy()
    gone = np.isin(order, dropped)
    rest = np.setdiff1d(order, dropped)
    fresh = reading.unread[: gone.sum()]
    more = np.random.default_rng(seed).choice(rest, int(gone.sum()) - fresh.size)
    order[gone] = np.concatenate([fresh, more])
    return order
