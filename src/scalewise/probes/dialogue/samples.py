"""Answers that other tools have logged, as Trials of the same columns that asking gives.

Logs of our own batteries under Inspect (`inspect_tasks.py`) hold whole conversations. In any other log a task is a
guise: its items must be those of the plain task, and an answer is right or wrong by its score, or where none was scored
yes or no by its text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from scalewise.errors import TableError, did_you_mean
from scalewise.probes.dialogue.ask import answers_as_trials
from scalewise.probes.dialogue.logs import TEXTS, Log, Row, is_log, read_log
from scalewise.runs.table import listed
from scalewise.runs.trials import Trials


@dataclass(frozen=True)
class Samples:
    """`guises` are the conditions to contrast with the baseline (empty for our own batteries, whose guises are known);
    `outcome` is what a value of 1 means; `notes` say what was left out or understood."""

    trials: Trials
    guises: tuple[str, ...]
    outcome: Literal["yes", "right"]
    temperature: float | None
    notes: tuple[str, ...]


def read_samples(
    paths: Sequence[Path], score: str | None = None, plain: str | None = None, model: str | None = None
) -> Samples:
    """The samples of these files and folders.

    `score` names the scorer or metric where a sample has several, `plain` the task that is the baseline (default: the
    first), `model` the one to look at where there are several. Raises TableError (file, sample) for what neither tool
    writes, scores other than right and wrong, and logs that cannot be put together.
    """
    import polars as pl

    logs = [read_log(path, score) for path in _files(paths)]
    source = ", ".join(str(path) for path in paths)
    logs = _of_one_model(logs, model)
    _check_together(logs)
    notes = [f"{log.path.name}: {log.failed:,} samples ended in an error" for log in logs if log.failed]
    guises: tuple[str, ...] = ()
    if not logs[0].ours:
        logs, guises, told = _as_guises(logs, plain)
        notes += told
    rows = _numbered([row for log in logs for row in log.rows])
    if not rows:
        raise TableError(f"{source}: there are no samples in it.")
    table = pl.DataFrame(rows, infer_schema_length=None).with_columns(
        *(pl.lit(None).alias(name) for name in (*TEXTS, "severity") if name not in rows[0])
    )
    table = table.with_columns(*(pl.col(name).cast(pl.String) for name in TEXTS), pl.col("severity").cast(pl.Int64))
    temperatures = {log.temperature for log in logs}
    return Samples(
        replace(answers_as_trials(table, logs[0].model), source=source),
        guises,
        "yes" if logs[0].ours or not logs[0].scored else "right",
        temperatures.pop() if len(temperatures) == 1 else None,
        tuple(notes),
    )


def _files(paths: Sequence[Path]) -> list[Path]:
    """The files named, and the logs and samples in the folders named."""
    found = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix in (".eval", ".json", ".jsonl") and is_log(p))
            if not inside:
                raise TableError(f"{path}: there are no logs of Inspect (.eval, .json) or samples of lm-eval in it.")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise TableError(f"{path}: there is no such file.")
    return found


def _of_one_model(logs: list[Log], model: str | None) -> list[Log]:
    names = sorted({log.model for log in logs})
    if model is None and len(names) > 1:
        raise TableError(f"the logs are of several models ({listed(names)}); choose one with --model.")
    if model is not None and model not in names:
        hint = did_you_mean(model, names)
        raise TableError(f"--model {model}: no log is of that model{hint}; there are {listed(names)}.")
    return [log for log in logs if model in (None, log.model)]


def _check_together(logs: Sequence[Log]) -> None:
    seen: dict[str, Path] = {}
    for log in logs:
        if log.identity and seen.setdefault(log.identity, log.path) != log.path:
            raise TableError(f"{log.path}: is the same evaluation as {seen[log.identity]}; name it once.")
        if (log.ours, log.scored) != (logs[0].ours, logs[0].scored):
            what = "of our own batteries" if log.ours != logs[0].ours else "scored"
            raise TableError(f"{log.path} and {logs[0].path}: only one of them is {what}; ask about each by itself.")


def _as_guises(logs: list[Log], plain: str | None) -> tuple[list[Log], tuple[str, ...], list[str]]:
    """The plain task as the baseline and the others as guises of it."""
    tasks = list(dict.fromkeys(log.task for log in logs))
    if plain is not None and plain not in tasks:
        raise TableError(f"--plain {plain}: no log is of that task{did_you_mean(plain, tasks)}; there are {tasks}.")
    plain = plain or tasks[0]
    named = [
        replace(log, rows=[row | _guise("baseline" if log.task == plain else log.task) for row in log.rows])
        for log in logs
    ]
    by = "their scores" if logs[0].scored else "their text, since nothing was scored"
    told = [f"the baseline is the task '{plain}'; items of one name are the same question", f"answers are read by {by}"]
    return named, tuple(task for task in tasks if task != plain), told


def _guise(name: str) -> Row:
    return {"condition": name, "wording": name, "options": "usual"}


def _numbered(rows: list[Row]) -> list[Row]:
    """Repeats numbered as they come: epochs of one log, or one task evaluated several times."""
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row["condition"], row["item"])
        row["repeat"] = counts.get(key, 0)
        counts[key] = row["repeat"] + 1
    return rows
