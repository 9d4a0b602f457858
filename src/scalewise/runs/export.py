"""The tidy table for other programs: CSV, Parquet, JSON lines, or CSV with the column names of W&B's own logs."""

from pathlib import Path
from typing import Literal

from scalewise.errors import TableError
from scalewise.runs.files import write_whole
from scalewise.runs.table import Runs

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
        taken = {name: theirs for name, theirs in WANDB_NAMES.items() if name in table.columns}
        clash = [theirs for theirs in taken.values() if theirs in table.columns]
        if clash:
            raise TableError(f"--to wandb-names: the table has a column '{clash[0]}' already; export it as csv.")
        table = table.rename(taken)
    if to == "parquet":
        write_whole(file, table.write_parquet)
    elif to == "jsonl":
        write_whole(file, table.write_ndjson)
    else:
        flat = table.select(name for name, kind in table.schema.items() if not kind.is_nested() and kind != pl.Object)
        write_whole(file, flat.write_csv)
