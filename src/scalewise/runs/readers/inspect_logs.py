"""Inspect's logs, version 2: `.json`, and `.eval`, a zip whose members may be compressed with zstd.

A row is one model on the tasks of its logs; a column is `TASK/METRIC`. Only the header is read, never the samples.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.readers.archive import member
from scalewise.runs.readers.bounded import json_object, whole
from scalewise.runs.readers.format import Format
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

STATES = {"success": "finished", "started": "running", "cancelled": "killed", "error": "failed"}


def unit(path: Path, head: bytes) -> Path | None:
    if path.suffix == ".eval" and head.startswith(b"PK"):
        return path
    ours = path.suffix == ".json" and b'"eval"' in head and b'"status"' in head and b'"version"' in head
    return path if ours else None


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    import polars as pl

    content = member(path, "header.json") if path.suffix == ".eval" else whole(path)
    log = json_object(content, str(path))
    asked = log.get("eval")
    if not isinstance(asked, dict) or not isinstance(asked.get("model"), str):
        raise TableError(f"{path}: no 'eval' with a 'model', so this is no log of Inspect.")
    results = log["results"] if isinstance(log.get("results"), dict) else {}
    task = str(asked.get("task", "task"))[:200]
    row: dict[str, Any] = {"run": asked["model"][:300], "state": STATES.get(str(log.get("status")), "finished")}
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
        report.add("dropped", f"{path}: no score yet (status {str(log.get('status'))[:20]})")
    if f"{task}/accuracy" in row and len(scores) == 1:
        report.add("columns", "accuracy is that of the log's only scorer")
        row["accuracy"] = row[f"{task}/accuracy"]
    report.add("dropped", "samples; scores are those of whole logs")
    return pl.DataFrame([row])


INSPECT = Format("Inspect log", unit, read, shared=True)
