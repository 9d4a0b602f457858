"""The tidy table for other programs: CSV, Parquet, JSON lines, or CSV with the column names of W&B's own logs."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from scalewise.errors import TableError
from scalewise.runs.files import write_whole
from scalewise.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

Ending = Literal["csv", "parquet", "jsonl", "wandb-names"]
WANDB_NAMES = {
    "run": "run_name",
    "step": "_step",
    "loss": "val/loss",
    "train_loss": "train/loss",
    "tokens": "throughput/total_tokens",
    "flops": "total_training_flops",
    "seconds": "_runtime",
    "lr": "optim/learning_rate_peak",
}
"""Names under which trainers log to W&B and its pages draw; our other columns keep theirs."""


def export(runs: Runs, to: Ending, file: Path) -> None:
    """Write the table, whole or not at all. Raises TableError for another ending, ScalewiseError when it cannot be."""
    import polars as pl

    table = runs.table
    if to == "wandb-names":
        table = _with_names_of_wandb(table)
    if to == "parquet":
        write_whole(file, table.write_parquet)
    elif to == "jsonl":
        write_whole(file, table.write_ndjson)
    else:
        flat = table.select(name for name, kind in table.schema.items() if not kind.is_nested() and kind != pl.Object)
        write_whole(file, flat.write_csv)


def _with_names_of_wandb(table: "pl.DataFrame") -> "pl.DataFrame":
    """Where logs of several trackers were read, a column may be there under both names, each in rows of its own."""
    import polars as pl

    taken = {name: theirs for name, theirs in WANDB_NAMES.items() if name in table.columns}
    both = {name: theirs for name, theirs in taken.items() if theirs in table.columns}
    for name, theirs in both.items():
        if (table[name].is_not_null() & table[theirs].is_not_null()).any():
            raise TableError(f"--to wandb-names: rows have both '{name}' and '{theirs}'; export it as csv.")
    table = table.with_columns(pl.coalesce(name, theirs).alias(name) for name, theirs in both.items())
    return table.drop(both.values()).rename(taken)
