"""Weights and an external memory side by side: what each tells apart after one look, and what that costs.

Each judges every pair by raw likelihood, the items as they were studied and noisy copies of them.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.lab.shapes import Shape
from scalewise.lab.weights import TrainedModel
from scalewise.probes.recognition.material import Material
from scalewise.probes.recognition.memory import PRECISIONS, Timed, by_memory, by_weights, noisy, remember, tuned
from scalewise.probes.recognition.study import Learner, Studied
from scalewise.runs.trials import Trials, trials_from

if TYPE_CHECKING:
    import polars as pl

SHOWN = ("as studied", "noisy")
BYTES_OF_A_WEIGHT = 4


def memory_table(
    shape: Shape,
    material: Material,
    tuning: Material,
    learners: Sequence[Learner],
    studied: Studied,
    seed: int,
    tell: Callable[[float], None],
) -> "pl.DataFrame":
    """A row for every learner, memory, pair and way of showing it. How much the external memory weighs is tuned on
    pairs of its own."""
    import polars as pl

    before = TrainedModel(shape, studied.rows[0][0])
    mixture = tuned(before, tuning.first, tuning.second, seed)
    tables = []
    for k, learner in enumerate(learners):
        items = [material.first, material.second]
        asked = {"as studied": items, "noisy": [noisy(item, seed) for item in items]}
        for exposure, rows in studied.rows.items():
            if exposure:
                model = TrainedModel(shape, rows[k])
                size = BYTES_OF_A_WEIGHT * rows.shape[1]
                for shown, sides in asked.items():
                    timed = [by_weights(model, side) for side in sides]
                    tables.append(_judged(material, learner, shown, timed, "weights", exposure, size))
        model = TrainedModel(shape, studied.rows[0][k])
        for precision in PRECISIONS:
            memory = remember(model, items[learner.studies], precision)
            for shown, sides in asked.items():
                timed = [by_memory(model, memory, side, mixture) for side in sides]
                tables.append(_judged(material, learner, shown, timed, f"memory, {precision}", 1, memory.bytes))
        tell((k + 1) / len(learners))
    return pl.concat(tables)


def _judged(
    material: Material,
    learner: Learner,
    shown: str,
    timed: Sequence[Timed],
    kept_in: str,
    exposures: int,
    size: int,
) -> "pl.DataFrame":
    import polars as pl

    margin: NDArray[np.float64] = timed[1 - learner.studies].losses - timed[learner.studies].losses
    return pl.DataFrame(
        {
            "condition": material.condition,
            "pair": np.arange(margin.size),
            "value": (np.sign(margin) + 1) / 2,
        }
    ).with_columns(
        pl.lit(learner.seed).alias("seed"),
        pl.lit(learner.studies + 1).alias("list"),
        pl.lit(shown).alias("shown"),
        pl.lit(kept_in).alias("kept_in"),
        pl.lit(exposures).alias("exposure"),
        pl.lit(float(size)).alias("bytes"),
        pl.lit(float(np.mean([t.milliseconds for t in timed]))).alias("milliseconds"),
    )


def memory_trials(tables: "Sequence[pl.DataFrame]", source: str) -> Trials:
    """All sizes' tables as Trials; `value` is whether a pair was told apart."""
    import polars as pl

    table = pl.concat(tables)
    cluster = pl.concat_str(["condition", pl.col("pair").cast(pl.String)], separator="/")
    return trials_from(table.with_columns(cluster.alias("item"), cluster.alias("cluster")).drop("pair"), source)


def recall_trials(tables: "Sequence[pl.DataFrame]", source: str) -> Trials:
    """What is recalled of studied items and of foils: `value` is the share of an item's second half that its first
    half brings back before an error."""
    import polars as pl

    table = pl.concat(tables).with_columns(
        pl.concat_str(["condition", pl.col("pair").cast(pl.String)], separator="/").alias("cluster"),
        pl.col("recalled").alias("value"),
        pl.when("seen").then(pl.lit("studied")).otherwise(pl.lit("foils")).alias("items"),
    )
    item = pl.concat_str(["cluster", "items"], separator="/")
    return trials_from(table.with_columns(item.alias("item")).drop("pair", "loss", "recalled", "seen"), source)
