"""What is recalled, and what an external memory remembers for its bytes and milliseconds: two tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.recognition.curves import label_of
from scalewise.runs.clustered import half_width
from scalewise.runs.trials import Trials

if TYPE_CHECKING:
    import polars as pl

SHOWN = (0, 1, 5, 10)
"""Exposures whose recall is printed, beside the last."""
CHANCE = 0.5
BEST = "memory, float16"
"""As good as float32 in half of the bytes."""


def recall(trials: Trials) -> Finding:
    """How much of an item's second half is recalled from its first, by exposures and later updates."""
    import polars as pl

    table = trials.table
    last = float(table["exposure"].cast(pl.Float64).to_numpy().max())
    first = [e for e in SHOWN if e < last]
    later = [float(u) for u in sorted(table["updates"].unique()) if u]
    rows: list[tuple[Cell, ...]] = []
    for group, params, items, part in _models(table, "items"):
        before = [float(part.filter(pl.col("exposure") == e)["value"].to_numpy().mean()) for e in first]
        ended = part.filter(pl.col("exposure") == last)
        after = [float(ended.filter(pl.col("updates") == u)["value"].to_numpy().mean()) for u in later]
        at_end = ended.filter(pl.col("updates") == 0)
        whole = float((at_end["value"] == 1).to_numpy().mean())
        rows.append((label_of(group, params), items, *before, *_pooled(at_end, trials.source), *after, whole))
    return Finding(
        "Recall",
        (
            "model",
            "items",
            *(f"after_{e}" for e in first),
            *with_interval(f"after_{last:g}"),
            *(f"{u:g}_later" for u in later),
            "whole",
        ),
        tuple(rows),
        "the share of an item's second half that the likeliest continuation of its first half gets right before its "
        f"first error; whole: items of which all is recalled after {last:g} exposures; later: after so many updates on "
        "other data. Foils were not studied: what is recalled of them can be guessed.",
    )


def memory(trials: Trials) -> Finding:
    """Pairs told apart by weights and by an external memory, with what either takes."""
    rows: list[tuple[Cell, ...]] = []
    for group, params, _, model in _models(trials.table, None):
        for (kept_in, exposure, shown), part in sorted(model.group_by("kept_in", "exposure", "shown"), key=_order):
            told = _pooled(part, trials.source)
            kilobytes, cost = (float(part[c].to_numpy().mean()) for c in ("bytes", "milliseconds"))
            kilobytes /= 1e3
            above = 100 * (told[0] - CHANCE)
            named = (label_of(group, params), str(kept_in), int(exposure), str(shown))
            rows.append((*named, *told, kilobytes, cost, above / kilobytes, above / cost))
    return Finding(
        "What remembering costs",
        (
            "model",
            "kept_in",
            "exposures",
            "shown",
            *with_interval("accuracy"),
            "kB",
            "ms_an_item",
            "points_per_kB",
            "points_per_ms",
        ),
        tuple(rows),
        "pairs told apart by raw likelihood; points are those above chance. Weights: all of them change. Memory: the "
        "pretrained model's states and the tokens after them, exact nearest neighbours, nothing trained (kNN-LM). In "
        "noisy copies a tenth of the tokens are replaced. Milliseconds of one core were measured: not the same twice.",
    )


def remembered(trials: Trials) -> str:
    """A sentence on the largest model: what its external memory tells apart after one look, and its weights."""
    import polars as pl

    group, params, _, model = _models(trials.table, None)[0]
    one = model.filter(pl.col("exposure") == 1)

    def told(kept_in: str, shown: str) -> float:
        own = one.filter((pl.col("kept_in") == kept_in) & (pl.col("shown") == shown))
        return 100 * float(own["value"].to_numpy().mean())

    kilobytes = float(one.filter(pl.col("kept_in") == BEST)["bytes"].to_numpy().mean()) / 1e3
    return (
        f"After one exposure an external memory of {kilobytes:,.0f} kB tells {told(BEST, 'as studied'):.0f} % of pairs "
        f"apart ({told(BEST, 'noisy'):.0f} % of noisy copies), the weights of {label_of(group, params)} "
        f"{told('weights', 'as studied'):.0f} %."
    )


def _order(found: tuple[tuple[Any, ...], "pl.DataFrame"]) -> tuple[bool, Any, Any, Any]:
    kept_in, exposure, shown = found[0]
    return (kept_in != "weights", kept_in, exposure, shown)


def _models(table: "pl.DataFrame", by: str | None) -> "Sequence[tuple[str, float | None, str, pl.DataFrame]]":
    """The rows of every model, and value of `by`, the largest first."""
    import polars as pl

    table = table.with_columns(pl.lit(by or "").alias("by") if by is None else pl.col(by).alias("by"))
    keys = ["group", "params", "by"]
    found = [(str(g), float(str(p)), str(b), part) for (g, p, b), part in table.group_by(keys)]
    return sorted(found, key=lambda f: (f[0] != "pretrained", f[0], -f[1], f[2] != "studied"))


def _pooled(rows: "pl.DataFrame", source: str) -> tuple[float, float | None, float | None]:
    """The mean over lists and seeds, and its 95 % interval: pairs are what was sampled."""
    import polars as pl

    whole = rows.select("cluster", "value", "parsed").with_columns(
        *(pl.lit("all").alias(name) for name in ("run", "item", "condition", "group"))
    )
    row = Trials(whole, source).to_runs("share", by=("condition",)).table.row(0, named=True)
    value = float(row["share"])
    if row["se"] is None:
        return value, None, None
    margin = half_width(row["se"], row["n_clusters"])
    return value, float(np.clip(value - margin, 0, 1)), float(np.clip(value + margin, 0, 1))
