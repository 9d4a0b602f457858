"""Seconds and memory of every question on its largest public table, on one core with 1000 resamples.

    python bench/questions.py DATA [QUESTION ...]

DATA is the folder of public tables that `docs/diary.md` names. Each question is asked in a process of its own, which
may use one core. The last column is the time as a multiple of the peer: Polars reading the same table from a CSV.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl

GOAL_SECONDS = 10


@dataclass(frozen=True)
class Case:
    """A question, its largest table and the options that it needs there."""

    question: str
    table: str
    read: Callable[[Path], pl.DataFrame]
    options: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)


def csv(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema_length=None)


def llama(data: Path) -> pl.DataFrame:
    one = pl.col("family") == "llama1"
    curves, models = (csv(data / "llama_curves" / name).filter(one) for name in ("curves.csv.gz", "runs.csv"))
    tokens = pl.col("tokens_e9_from_axis") * 1e9
    return curves.join(models, on="model").select(
        "model",
        pl.col("params_nominal").alias("params"),
        tokens.alias("tokens"),
        (tokens / tokens.max().over("model") * pl.col("gpu_hours_a100")).alias("gpu_hours"),
        "loss",
    )


def gpt3(data: Path) -> pl.DataFrame:
    curves = csv(data / "gpt3_curves" / "curves.csv.gz").join(csv(data / "gpt3_curves" / "models.csv"), on="model")
    tokens = (pl.col("tokens_e9_digitised") * 1e9).alias("tokens")
    return curves.select("model", pl.col("params_nominal").alias("params"), tokens, pl.col("train_loss").alias("loss"))


def igpt(data: Path) -> pl.DataFrame:
    human = csv(data / "igpt_recognition_memory" / "human.csv")
    seen = csv(data / "igpt_recognition_memory" / "accuracy.csv.gz").join(human, on=["experiment", "test"])
    return seen.select(
        run=pl.format("{}, list {}, run {}", "model", "stimulus_set", "run"),
        group=pl.format("{} {}, {}", "experiment", "test", "model"),
        exposures="exposures",
        accuracy=pl.col("n_correct") / pl.col("n_items"),
        items="n_items",
        human=pl.col("accuracy_percent") / 100,
    )


def gemstones_downstream(data: Path) -> pl.DataFrame:
    losses = csv(data / "gemstones" / "main_runs.csv.gz").with_columns(
        ("Gemstone-" + pl.col("run").str.strip_prefix("PyGemma-").str.strip_suffix("_pretrain")).alias("run")
    )
    scores = csv(data / "gemstones" / "downstream.csv.gz").filter(pl.col("task") == "hellaswag")
    return scores.join(losses, on=["run", "step"])


def recognition(data: Path) -> pl.DataFrame:
    seen = pl.read_parquet(data / "igpt_recognition_memory" / "item_losses.parquet")
    return seen.filter(pl.col("seen") == 1).drop("seen")


def cogs(data: Path) -> pl.DataFrame:
    sizes = {"marian": 7.4e7, "base": 2.2e8, "3b": 2.85e9}
    return csv(data / "compositional_t5" / "cogs.csv.gz").select(
        pl.col("file").alias("run"),
        pl.col("group").replace_strict(sizes).alias("params"),
        pl.when(pl.col("model").str.ends_with("_scr"))
        .then(pl.lit("scratch"))
        .otherwise(pl.lit("pretrained"))
        .alias("training"),
        "condition",
        "accuracy",
    )


CASES = (
    Case("equal-compute", "llama_curves, LLaMA 1", llama, {"after": 3e11}),
    Case("equal-compute", "gpt3_curves", gpt3),
    Case("model-size", "gemstones", lambda d: csv(d / "gemstones" / "main_runs.csv.gz"), {"points": "all"}),
    Case("model-size", "steplaw_lr_batch", lambda d: csv(d / "steplaw_lr_batch" / "dense_runs.csv.gz")),
    Case(
        "emergence",
        "obs_benchmarks",
        lambda d: csv(d / "obs_benchmarks" / "base_models.csv"),
        {"x": "flops_e21", "y": "GSM8K", "items": "1319", "chance": 0.0, "against": "params_b"},
    ),
    Case(
        "target",
        "igpt_recognition_memory",
        igpt,
        {
            "x": "exposures",
            "y": "accuracy",
            "level_column": "human",
            "items": "items",
            "chance": 0.5,
            "ceiling": 1.0,
            "points": "all",
        },
    ),
    Case(
        "target",
        "humanlike_vits, data and size",
        lambda d: csv(d / "humanlike_vits" / "summary.csv"),
        {"x": "video_hours", "also": ["params"], "y": "best_acc5", "level": 90.0},
    ),
    Case(
        "slope",
        "routing_curves",
        lambda d: csv(d / "routing_curves" / "curves.csv.gz").filter(pl.col("router_type") == "S-Base"),
        {"by": "num_experts", "x": "params"},
        {"run": "hyper_id", "params": "dense_parameter_count", "loss": "loss_validation"},
    ),
    Case(
        "gains",
        "nanogpt_speedrun",
        lambda d: csv(d / "nanogpt_speedrun" / "records.csv").filter(pl.col("track") == "track_1_short"),
        {"sequence": "record", "change": ["change"], "y": "minutes", "noise": 0.003},
    ),
    Case(
        "beats",
        "igpt_recognition_memory, items",
        recognition,
        {"by": "model", "y": "loss", "pair": ["item", "exposures", "run", "stimulus_set", "test", "experiment"]},
        {"run": "run"},
    ),
    Case(
        "general-factor",
        "obs_benchmarks",
        lambda d: csv(d / "obs_benchmarks" / "base_models.csv"),
        {"x": "flops_e21", "by": "family"},
    ),
    Case("matched-loss", "gemstones", gemstones_downstream, {"errors": "accuracy_se"}),
    Case("trend", "compositional_t5, COGS", cogs, {"y": "accuracy", "by": "training", "cluster": "condition"}),
    Case("audit", "llama_curves, LLaMA 1", llama),
)


def asked(
    question: str, path: str, columns: dict[str, str], options: dict[str, Any]
) -> tuple[str, int, float, float, int]:
    """The verdict, rows, seconds of reading and asking, the peer's seconds, and the peak in MiB."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import scalewise as sw

    started = time.perf_counter()
    rows = pl.read_csv(path, infer_schema_length=None).height
    peer = time.perf_counter() - started
    started = time.perf_counter()
    answer = sw.ask(question, sw.read(path, columns=columns), **options)
    taken = time.perf_counter() - started
    return answer.verdict, rows, taken, peer, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    data, wanted = Path(sys.argv[1]), set(sys.argv[2:])
    slow = []
    print(f"{'question':15s} {'table':32s} {'rows':>7s} {'s':>6s} {'MiB':>5s} {'x Polars':>9s}  verdict")
    for case in CASES:
        if wanted and case.question not in wanted:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/table.csv"
            case.read(data).write_csv(path)
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                verdict, rows, taken, peer, peak = pool.submit(
                    asked, case.question, path, case.columns, case.options
                ).result()
        if taken > GOAL_SECONDS:
            slow.append(case.question)
        name = f"{case.question:15s} {case.table:32s}"
        print(f"{name} {rows:7d} {taken:6.2f} {peak:5d} {taken / peer:9.0f}  {verdict}", flush=True)
    print(f"goal: at most {GOAL_SECONDS} s each; above it: {', '.join(slow) or 'none'}")


if __name__ == "__main__":
    main()
