"""From what a tracker logged of one run to rows: one row a step, hyperparameters beside, losses told apart."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scalewise.runs.columns import BY_NAME, normalised
from scalewise.runs.report import ReadingReport
from scalewise.runs.table import listed

if TYPE_CHECKING:
    import polars as pl

MOST_CELLS = 50_000_000
"""Steps times metrics of one run; rarer metrics beyond are left out."""
LOSS = BY_NAME["loss"]
HELD_OUT = {normalised(n) for n in (*LOSS.aliases, *(name for name, _, _ in LOSS.converted))}
KNOWN = {normalised(n) for c in BY_NAME.values() for n in (c.name, *c.aliases, *(name for name, _, _ in c.converted))}
LEARNING_RATES = ("learning_rate", "lr", "train/learning_rate", "train/lr")


def pivoted(steps: "pl.Series", keys: "pl.Series", values: "pl.Series", report: ReadingReport) -> "pl.DataFrame":
    """A table with one row a step and one column a metric; of several values at a step the last one counts."""
    import polars as pl

    long = pl.DataFrame({"step": steps.cast(pl.Int64), "key": keys, "value": values.cast(pl.Float64)})
    if long.height == 0:
        return pl.DataFrame({"step": pl.Series([], dtype=pl.Int64)})
    repeats = long.height - long.select("step", "key").n_unique()
    if repeats:
        report.add("thinned", "metrics logged more than once at a step: the last value counts")
    counts = long.group_by("key", maintain_order=True).len()
    ours = counts["key"].map_elements(lambda k: normalised(k) in KNOWN, return_dtype=pl.Boolean)
    most = max(1, MOST_CELLS // long["step"].n_unique())
    if counts.height > most:
        kept = counts.with_columns(ours.alias("ours")).sort("ours", "len", descending=True)["key"].head(most)
        report.add("dropped", f"metrics beyond the {most:,} most frequent")
        long = long.filter(pl.col("key").is_in(kept.implode()))
    wide = long.filter(pl.col("key") != "step").pivot(
        on="key", index="step", values="value", aggregate_function="last", maintain_order=True
    )
    return wide.sort("step")


def run_table(
    curve: "pl.DataFrame", run: str, config: Mapping[str, Any], report: ReadingReport, **identity: Any
) -> "pl.DataFrame":
    """The curve with the run's name and hyperparameters. Where a metric has the same name, it is the metric that stays;
    a training loss and a running learning rate are not taken for a held-out loss and a peak rate."""
    import polars as pl

    curve = with_losses_told_apart(curve, report)
    constants = {key: value for key, value in config.items() if value is not None}
    running = [name for name in LEARNING_RATES if name in curve.columns]
    if running:
        rates = curve[running[0]].cast(pl.Float64, strict=False)
        curve = curve.rename({name: f"{name}_now" for name in running})
        if not any(normalised(key) in map(normalised, ("lr", *BY_NAME["lr"].aliases)) for key in constants):
            report.add("inferred", f"lr is the highest '{running[0]}' that a run logged")
            constants["lr"] = rates.max()
    columns = {(f"config.{k}" if k in curve.columns or k == "run" else k): v for k, v in constants.items()}
    columns = {key: value for key, value in columns.items() if key not in identity}
    return curve.with_columns([pl.lit(v).alias(k) for k, v in ({"run": run} | identity | columns).items()])


def with_losses_told_apart(curve: "pl.DataFrame", report: ReadingReport) -> "pl.DataFrame":
    """`loss` beside a held-out loss is the training loss."""
    if "loss" not in curve.columns:
        return curve
    held_out = [name for name in curve.columns if normalised(name) in HELD_OUT]
    if not held_out:
        report.add(
            "inferred", "'loss' is taken as held-out loss, since no other is logged; it may be the training loss"
        )
        return curve
    report.add("columns", f"'loss' beside {listed(held_out)} is the training loss: it is train_loss")
    return curve.rename({"loss": "train_loss" if "train_loss" not in curve.columns else "train_loss_logged"})
