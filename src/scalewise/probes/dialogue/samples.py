"""Answers that other tools have logged: Inspect logs (.json) and lm-eval samples (.jsonl), as Trials.

A file is a condition. The item is the sample's id, the value what the tool scored, the repeat Inspect's epoch.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scalewise.errors import TableError
from scalewise.runs.trials import Trials, trials_from

INSPECT_GRADES = {"C": 1.0, "P": 0.5, "I": 0.0}
"""Inspect's letters for correct, partly correct and incorrect; N (no answer) has no value."""
METRICS = ("acc", "exact_match", "acc_norm", "f1", "mc1", "pass@1")
"""What lm-eval calls a sample's score, in order of preference."""
TIMESTAMP = re.compile(r"_\d{4}-\d\d-\d\dT.*$")


def read_samples(paths: Sequence[Path], score: str | None = None) -> Trials:
    """Trials of these files; `score` names the scorer or the metric where a sample has several.

    Raises TableError (file, sample) for what neither tool writes, and for scores that are no numbers.
    """
    import polars as pl

    rows = [row for path in paths for row in _rows(path, score)]
    if not rows:
        raise TableError(f"{paths[0] if paths else 'samples'}: there are no samples in it.")
    table = pl.DataFrame(rows, infer_schema_length=None)
    return trials_from(table, ", ".join(str(path) for path in paths))


def _rows(path: Path, score: str | None) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise TableError(f"{path}: there is no such file.")
    if path.suffix == ".eval":
        raise TableError(f"{path}: is a binary log; write it as JSON with: inspect log convert --to json.")
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".jsonl":
            lines = [json.loads(line) for line in text.splitlines() if line.strip()]
            yield from _lm_eval(path, lines, score)
        else:
            yield from _inspect(path, json.loads(text), score)
    except json.JSONDecodeError as error:
        raise TableError(f"{path}: is not JSON ({error.msg}).") from None


def _inspect(path: Path, log: Any, score: str | None) -> Iterator[dict[str, Any]]:
    if not isinstance(log, dict) or "eval" not in log:
        raise TableError(f"{path}: is no Inspect log; it has no 'eval'.")
    for number, sample in enumerate(log.get("samples") or (), 1):
        scores = sample.get("scores") or {}
        name = score or next(iter(scores), None)
        if name is not None and name not in scores:
            raise TableError(f"{path}, sample {number}: no score '{name}'; there are {', '.join(scores) or 'none'}.")
        given = scores[name].get("value") if name is not None else None
        value = INSPECT_GRADES.get(given) if isinstance(given, str) else given
        yield {
            "run": str(log["eval"].get("model", "model")),
            "group": str(log["eval"].get("model", "model")),
            "condition": str(log["eval"].get("task", path.stem)),
            "item": str(sample.get("id", number)),
            "repeat": int(sample.get("epoch", 1)) - 1,
            **_valued(path, number, value),
            "text": str((sample.get("output") or {}).get("completion") or ""),
        }


def _lm_eval(path: Path, lines: list[Any], score: str | None) -> Iterator[dict[str, Any]]:
    seen: dict[str, int] = {}
    for number, sample in enumerate(lines, 1):
        if not isinstance(sample, dict) or "doc_id" not in sample:
            raise TableError(f"{path}, line {number}: is no lm-eval sample; it has no 'doc_id'.")
        name = score or next((metric for metric in METRICS if metric in sample), None)
        if name is None or name not in sample:
            raise TableError(f"{path}, line {number}: no score {name or ', '.join(METRICS)}; name it with score=.")
        item = str(sample["doc_id"])
        seen[item] = seen.get(item, -1) + 1  # a document that is there again was scored under another filter
        if seen[item] and "filter" in sample:
            continue
        answers = sample.get("filtered_resps") or sample.get("resps") or [""]
        yield {
            "run": path.parent.name or "model",
            "group": path.parent.name or "model",
            "condition": TIMESTAMP.sub("", path.stem).removeprefix("samples_"),
            "item": item,
            "repeat": 0 if "filter" in sample else seen[item],
            **_valued(path, number, sample[name]),
            "text": str(answers[0]),
        }


def _valued(path: Path, number: int, value: object) -> dict[str, Any]:
    """`value` and `parsed`; no answer is not an answer of 0."""
    if value is None:
        return {"value": None, "parsed": False}
    if not isinstance(value, bool | int | float):
        raise TableError(f"{path}, sample {number}: the score {value!r} is not a number.")
    return {"value": float(value), "parsed": True}
