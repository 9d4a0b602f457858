"""The columns of the Runs table: names, meanings, units, and the names other tools give them."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["count", "number", "loss", "fraction", "text"]
"""`count` and `number` are > 0; `loss` is finite or marked diverged; `fraction` lies in 0..1."""


@dataclass(frozen=True)
class Column:
    """One known column. Aliases are in order of preference; `factor` converts a unit while reading."""

    name: str
    meaning: str
    kind: Kind
    aliases: tuple[str, ...] = ()
    converted: tuple[tuple[str, float, str], ...] = ()
    """Names in another unit: (alias, factor, what was done)."""


LN2 = 0.6931471805599453

COLUMNS: tuple[Column, ...] = (
    Column("run", "which training run", "text", ("run_name", "run_id", "name", "model", "model_name")),
    Column(
        "group", "what is compared: architecture, method, data", "text", ("arch", "architecture", "family", "method")
    ),
    Column("seed", "random seed of the run", "text", ("random_seed",)),
    Column(
        "params",
        "trainable parameters",
        "count",
        (
            "N",
            "n_params",
            "num_params",
            "params_total",
            "params_active_precise",
            "model_params",
            "model_size",
            "parameters",
            "parameter_count",
            "params_nominal",
        ),
        (("#Params (B)", 1e9, "multiplied by 1e9 (billions)"),),
    ),
    Column(
        "params_no_embed",
        "parameters without embedding and last layer",
        "count",
        ("non_embedding_params", "params_non_embedding"),
    ),
    Column(
        "tokens",
        "training tokens seen",
        "count",
        ("D", "tokens_trained", "num_input_tokens_seen", "throughput/total_tokens", "train_tokens", "tokens_nominal"),
    ),
    Column(
        "flops",
        "training operations so far",
        "count",
        ("C", "training_flop", "training_flops", "total_training_flops", "total_flos", "compute", "flops_budget"),
        (
            ("throughput/total_training_Gflops", 1e9, "multiplied by 1e9 (Gflops)"),
            ("throughput/total_gflops", 1e9, "multiplied by 1e9 (Gflops)"),
        ),
    ),
    Column("flops_budget", "operations the run was planned for", "count"),
    Column("step", "optimiser steps done", "number", ("_step", "global_step", "num_iterations")),
    Column(
        "seconds",
        "wall-clock seconds of training",
        "number",
        ("train_time_sec", "train_runtime", "total_training_time", "_runtime"),
    ),
    Column("gpu_hours", "accelerator hours of training", "number", ("gpu_hours_a100", "gpuhours")),
    Column("optimizer_seconds", "of the seconds of training, those of the optimiser", "number"),
    Column("data_size", "unique training tokens available", "count", ("unique_tokens",)),
    Column(
        "loss",
        "held-out loss, nats per token",
        "loss",
        (
            "val_loss",
            "eval_loss",
            "final_loss",
            "val/loss",
            "validation_loss",
            "test_loss",
            "eval/paloma/macro_loss",
            "eval/loss",
            "valid/loss",
            "valid_loss",
            "validation/loss",
            "loss/val",
            "loss/validation",
            "val_loss_epoch",
        ),
        (
            ("val_bpb", LN2, "multiplied by ln 2 (bits per byte to nats per byte)"),
            ("val/bpb", LN2, "multiplied by ln 2 (bits per byte to nats per byte)"),
            ("bpb", LN2, "multiplied by ln 2 (bits per byte to nats per byte)"),
        ),
    ),
    Column(
        "accuracy",
        "share of correct answers",
        "fraction",
        ("acc",),
        tuple(
            (name, 0.01, "divided by 100 (per cent to fraction)")
            for name in ("accuracy_percent", "accuracy_pct", "accuracy (%)", "accuracy %", "acc_percent", "acc_pct")
        ),
    ),
    Column(
        "lr",
        "peak learning rate",
        "number",
        (
            "learning_rate",
            "peak_lr",
            "max_lr",
            "learning_rate_peak",
            "optim/learning_rate_peak",
            "optimizer.learning_rate",
        ),
    ),
    Column("batch_tokens", "tokens per optimiser step", "number", ("batch_size_in_tokens",)),
    Column("batch_sequences", "sequences per optimiser step", "number", ("global_batch_sequences",)),
    Column("schedule", "learning-rate schedule", "text", ("lr_schedule",)),
    Column("schedule_tokens", "tokens at which the schedule ends", "count"),
    Column("width", "model width", "count", ("model_dim", "d_model", "hidden_dim", "model.hidden_dim")),
    Column("depth", "number of layers", "count", ("n_layers", "num_layers", "n_layer", "model.num_layers")),
    Column("context", "tokens per sequence", "count", ("seq_len", "sequence_length", "context_length")),
    Column("vocabulary", "size of the token vocabulary", "count", ("vocab_size",)),
    Column("state", "how the run ended: finished, diverged or failed", "text"),
)

BY_NAME = {column.name: column for column in COLUMNS}
FAILED_STATES = ("diverged", "failed", "crashed", "killed")
STATES = ("finished", "running", "waiting", *FAILED_STATES)
"""The words of the store and of W&B, in any case."""


def normalised(name: str) -> str:
    """`Model Size`, `model-size` and `model_size` are one name; single letters keep their case (N is not n)."""
    stripped = name.strip().strip('"')
    return stripped if len(stripped) == 1 else stripped.lower().replace(" ", "_").replace("-", "_")
