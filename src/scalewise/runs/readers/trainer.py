"""Hugging Face Trainer: `trainer_state.json`, of a run's folder or of its latest checkpoint.

Keys as written by transformers 5.23 and older: `log_history` holds training rows, evaluation rows and a last summary.
`total_flos` is 6 x tokens x parameters without embeddings. Sizes come from `config.json` and the header of
`model.safetensors` beside the state.
"""

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.readers.bounded import json_object, whole
from scalewise.runs.readers.curves import run_table
from scalewise.runs.readers.format import Format
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

STATE = "trainer_state.json"
LARGEST_HEADER = 100 * 2**20
"""Bytes of a safetensors header; the format itself allows no more."""
SHAPES = {
    "width": ("hidden_size", "n_embd", "d_model"),
    "depth": ("num_hidden_layers", "n_layer", "num_layers"),
    "vocabulary": ("vocab_size",),
}


def unit(path: Path, head: bytes) -> Path | None:
    if path.name != STATE:
        return None
    return path.parent.parent if path.parent.name.startswith("checkpoint-") else path.parent


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    import polars as pl

    file = path if path.is_file() else _latest(path, report)
    state = json_object(whole(file), str(file))
    history = state.get("log_history")
    if not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
        raise TableError(f"{file}: no list 'log_history' of objects, so this is no state of a Trainer.")
    rows = _with_compute(_rows(history, str(file), report), state, report)
    curve = pl.DataFrame(rows, infer_schema_length=None)
    return run_table(curve, name, _sizes(_with_weights(file), report), report)


def _latest(folder: Path, report: ReadingReport) -> Path:
    """The state that has the most steps; those of earlier checkpoints are the beginning of it."""
    states = [p for p in (folder / STATE, *folder.glob(f"checkpoint-*/{STATE}")) if p.is_file()]
    if len(states) == 1:
        return states[0]
    if states:
        report.add("dropped", "states of earlier checkpoints of a run: the latest one holds their rows too")

    def steps(file: Path) -> tuple[float, int, bool]:
        try:
            done = json_object(whole(file), str(file)).get("global_step")
        except TableError:  # a checkpoint may be half written
            return (-1, 0, False)
        return (float(done) if isinstance(done, int) else -1, 0, file.parent == folder)

    return max(states, key=steps)


def _rows(history: list[dict[str, Any]], where: str, report: ReadingReport) -> list[dict[str, float]]:
    """One row a step; training and evaluation rows of one step are put together."""
    by_step: dict[int, dict[str, float]] = {}
    for logged in history:
        row, step = logged, logged.get("step")
        if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step < 2**62:
            raise TableError(f"{where}: a row of 'log_history' has no step.")
        if "train_runtime" in row and "train_loss" in row:
            report.add("columns", "the last row of a run is its summary; of it train_runtime is kept as seconds")
            row = {"train_runtime": row["train_runtime"]}
        kept = {k: float(v) for k, v in row.items() if k != "step" and isinstance(v, int | float)}
        if "loss" in kept:
            kept["train_loss"] = kept.pop("loss")
        by_step.setdefault(step, {}).update(kept)
    if not by_step:
        raise TableError(f"{where}: 'log_history' is empty; nothing was logged yet.")
    if any("train_loss" in row for row in by_step.values()):
        report.add("columns", "'loss' of training rows is train_loss, the mean since the row before")
    return [{"step": step} | by_step[step] for step in sorted(by_step)]


def _with_compute(rows: list[dict[str, float]], state: dict[str, Any], report: ReadingReport) -> list[dict[str, float]]:
    """Tokens and operations at each step, from the totals at the last one."""
    steps = state.get("global_step")
    if not isinstance(steps, int) or steps <= 0:
        return rows
    given = {"tokens": state.get("num_input_tokens_seen"), "flops": state.get("total_flos")}
    totals = {k: float(v) for k, v in given.items() if isinstance(v, int | float) and 0 < v < 1e40}
    constants: dict[str, float] = {}
    if {"tokens", "flops"} <= totals.keys():
        report.add("inferred", "params_no_embed is total_flos / (6 x tokens)")
        constants["params_no_embed"] = totals["flops"] / (6 * totals["tokens"])
    if any("num_input_tokens_seen" in row for row in rows):
        totals.pop("tokens", None)
    for column in totals:
        source = "num_input_tokens_seen" if column == "tokens" else "total_flos"
        report.add("inferred", f"{column} at a step is its share of the total '{source}' of all steps")
    if "flops" in totals:
        report.add("inferred", "flops are the Trainer's: 6 x tokens x parameters without embeddings, padding counted")
    shares = {column: total / steps for column, total in totals.items()}
    return [row | {column: row["step"] * share for column, share in shares.items()} | constants for row in rows]


def _with_weights(file: Path) -> Path:
    """The state's own folder, or the latest checkpoint below it, wherever the model's files are."""
    if (file.parent / "config.json").is_file():
        return file.parent
    checkpoints = sorted(file.parent.glob("checkpoint-*"), key=lambda p: (len(p.name), p.name), reverse=True)
    return next((p for p in checkpoints if (p / "config.json").is_file()), file.parent)


def _sizes(folder: Path, report: ReadingReport) -> dict[str, Any]:
    """What the model's own files beside the state say of its size."""
    sizes: dict[str, Any] = {}
    config = folder / "config.json"
    if config.is_file():
        known = json_object(whole(config, 2**24), str(config))
        for column, names in SHAPES.items():
            value = next((known[n] for n in names if isinstance(known.get(n), int) and known[n] > 0), None)
            if value is not None:
                sizes[column] = value
        if sizes:
            report.add("inferred", f"{', '.join(sizes)} are from config.json beside the state")
    weights = sorted(folder.glob("model*.safetensors"))
    if weights:
        sizes["params"] = sum(_parameters(file) for file in weights)
        report.add("inferred", "params are counted in the header of model.safetensors (tied weights once)")
    return sizes


def _parameters(file: Path) -> int:
    """The number of values in a safetensors file, from its header alone."""
    with file.open("rb") as weights:
        start = weights.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 0 < length <= LARGEST_HEADER:
            raise TableError(f"{file}: not a safetensors file.")
        header = json_object(weights.read(length), str(file))
    total = 0
    for tensor, entry in header.items():
        if tensor != "__metadata__":
            shape = entry.get("shape") if isinstance(entry, dict) else None
            if not isinstance(shape, list) or not all(isinstance(n, int) and 0 <= n < 2**48 for n in shape):
                raise TableError(f"{file}: tensor '{tensor[:80]}' has no shape.")
            size = 1
            for n in shape:
                size *= n
            total += size
    return total


TRAINER = Format(
    "Hugging Face Trainer", unit, read, companions=("config.json", "*.safetensors", "training_args.bin", "*token*.json")
)
