"""Inspect's logs, version 2: `.json`, and `.eval`, a zip whose members may be compressed with zstd.

A row is one model on the tasks of its logs; a column is `TASK/METRIC`. Where rows by item are asked for, a row is one
sample, and its grades are numbers as Inspect counts them (scorer/_metric.py, value_to_float).
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.readers.archive import member, names
from scalewise.runs.readers.bounded import json_object, json_value, whole
from scalewise.runs.readers.format import Format
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

HEADER, BEGINNING = "header.json", "_journal/start.json"
SUMMARIES, JOURNAL = "summaries.json", "_journal/summaries/"
STATES = {"success": "finished", "started": "running", "cancelled": "killed", "error": "failed"}
GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}


def unit(path: Path, head: bytes) -> Path | None:
    if path.suffix == ".eval" and head.startswith(b"PK"):
        return path
    ours = path.suffix == ".json" and b'"eval"' in head and b'"status"' in head and b'"version"' in head
    return path if ours else None


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    import polars as pl

    log, model, task = _opened(path)
    config = log["eval"].get("config")
    if isinstance(config, dict) and config.get("limit"):
        report.add("thinned", f"only samples within the limit {str(config['limit'])[:30]} were asked")
    results = log["results"] if isinstance(log.get("results"), dict) else {}
    status = str(log.get("status", "started"))
    row: dict[str, Any] = {"run": model, "state": STATES.get(status, "finished")}
    scores = [score for score in results.get("scores") or [] if isinstance(score, dict)]
    for score in scores:
        prefix = task if len(scores) == 1 else f"{task}/{str(score.get('name'))[:100]}"
        metrics = score["metrics"] if isinstance(score.get("metrics"), dict) else {}
        for metric, entry in metrics.items():
            value = entry.get("value") if isinstance(entry, dict) else None
            if isinstance(value, int | float) and not isinstance(value, bool):
                row[f"{prefix}/{'accuracy_se' if metric == 'stderr' else metric}"] = float(value)
        if isinstance(score.get("scored_samples"), int):
            row[f"{prefix}/items"] = float(score["scored_samples"])
    if not scores:
        report.add("dropped", f"{path}: no score yet (status {status[:20]})")
    if f"{task}/accuracy" in row and len(scores) == 1:
        report.add("columns", "accuracy is that of the log's only scorer")
        row["accuracy"] = row[f"{task}/accuracy"]
    report.add("dropped", "samples; scores are those of whole logs (for a row a sample: --by-item)")
    return pl.DataFrame([row])


def read_samples(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    """Columns run (the model), task, item, repeat (Inspect's epoch, counted from 0) and one a scorer; where there is
    only one and its grades lie between 0 and 1, they are `accuracy`."""
    import polars as pl

    log, model, task = _opened(path)
    rows: list[dict[str, Any]] = []
    unscored = 0
    for number, sample in enumerate(_samples(path, log, report), start=1):
        if not isinstance(sample, dict) or not isinstance(sample.get("id"), int | str):
            raise TableError(f"{path}, sample {number}: no 'id', so this is no sample of Inspect.")
        epoch = sample.get("epoch", 1)
        item = {"run": model, "task": task, "item": str(sample["id"])[:300]}
        grades = _grades(sample.get("scores"))
        unscored += not grades
        rows.append(item | {"repeat": epoch - 1 if isinstance(epoch, int) else 0} | grades)
    if not rows:
        raise TableError(f"{path}: no sample is in there (was it written with --no-log-samples?).")
    if unscored:
        report.add("dropped", f"grades of {unscored:,} samples: they ended in an error or are not graded yet")
    scorers = list(dict.fromkeys(key for row in rows for key in row if key not in ("run", "task", "item", "repeat")))
    table = pl.DataFrame(rows, infer_schema_length=None)
    if len(scorers) == 1 and table[scorers[0]].drop_nulls().is_between(0, 1).all():
        report.add("columns", f"accuracy is the grade of the only scorer, '{scorers[0]}' (C is 1, P 0.5, I and N 0)")
        return table.rename({scorers[0]: "accuracy"})
    return table


def _opened(path: Path) -> tuple[dict[str, Any], str, str]:
    """The log (of an archive its header; one that is still being written has only its beginning), its model and task.

    Raises TableError unless it has an `eval` with a `model`.
    """
    content = whole(path) if path.suffix != ".eval" else member(path, HEADER if HEADER in names(path) else BEGINNING)
    log = json_object(content, str(path))
    asked = log.get("eval")
    if not isinstance(asked, dict) or not isinstance(asked.get("model"), str):
        raise TableError(f"{path}: no 'eval' with a 'model', so this is no log of Inspect.")
    return log, asked["model"][:300], str(asked.get("task", "task"))[:200]


def _samples(path: Path, log: dict[str, Any], report: ReadingReport) -> list[Any]:
    """The samples of a log, or of an archive their summaries, those so far while it is being written."""
    if path.suffix != ".eval":
        samples = log.get("samples")
        return samples if isinstance(samples, list) else []
    there = names(path)
    parts, samples = [SUMMARIES], []
    if SUMMARIES not in there:
        parts = [name for name in there if name.startswith(JOURNAL)]
        report.add("dropped", f"{path}: no '{SUMMARIES}' in it (still being written?); these are the samples so far")
    for part in parts:
        found = json_value(member(path, part), f"{path}, '{part}'")
        if not isinstance(found, list):
            raise TableError(f"{path}: '{part}' is no JSON list of samples.")
        samples += found
    return samples


def _grades(scores: Any) -> dict[str, float]:
    """Numbers by scorer; a scorer with several values gives `SCORER/KEY`. What was left ungraded (NaN) is left out."""
    grades = {}
    for scorer, score in scores.items() if isinstance(scores, dict) else ():
        value = score.get("value") if isinstance(score, dict) else None
        several = {f"{scorer}/{key}": v for key, v in value.items()} if isinstance(value, dict) else {scorer: value}
        for name, given in several.items():
            number = _number(given)
            if number is not None:
                grades[str(name)[:100]] = number
    return grades


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        value = GRADES.get(value, GRADES.get(value.lower(), value))
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


INSPECT_SAMPLES = Format("Inspect samples", unit, read_samples, shared=True)
INSPECT = Format("Inspect log", unit, read, shared=True, by_item=INSPECT_SAMPLES)
