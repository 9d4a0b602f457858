"""lm-evaluation-harness: `results_DATE.json` of 0.4 and later, and the plain files that came before it.

A row is one model; a column is `TASK/METRIC`, its standard error `TASK/METRIC_se`, and `TASK/items` how many items were
asked. Where a model was scored on one task only, its `acc` is `accuracy`.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.readers.bounded import json_object, whole
from scalewise.runs.readers.format import Format
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

NEW, OLD = (b"model_name_sanitized", b"n-shot", b"higher_is_better", b"sample_len"), (b"_stderr", b'"versions"')
NOT_SCORES = ("alias", "name", "sample_len", "sample_count")
STEP = re.compile(r"(?:^|[^a-z])(?:step|global_step|iter|checkpoint)[-_]?(\d{1,12})")


def unit(path: Path, head: bytes) -> Path | None:
    if path.suffix != ".json" or not head.lstrip().startswith(b"{") or b'"results"' not in head:
        return None
    return path if any(mark in head for mark in (*NEW, *OLD, b",none")) else None


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    import polars as pl

    document = json_object(whole(path), str(path))
    results = document.get("results")
    if not isinstance(results, dict) or not all(isinstance(scores, dict) for scores in results.values()):
        raise TableError(f"{path}: no object 'results' of tasks, so this is not from lm-evaluation-harness.")
    config = document["config"] if isinstance(document.get("config"), dict) else {}
    row: dict[str, Any] = {"run": model_name(document, config, path)}
    size = config.get("model_num_parameters")
    if isinstance(size, int) and size > 0:
        row["params"] = float(size)
    step = STEP.search(f"{config.get('model_revision') or ''} {config.get('model_args') or ''} {path.stem}".lower())
    if step:
        report.add("inferred", "step is from the model's revision or the file's name")
        row["step"] = float(step[1])
    row |= {
        f"{task}/{metric}": value for task, scores in results.items() for metric, value in scores_of(scores).items()
    }
    counts = document["n-samples"] if isinstance(document.get("n-samples"), dict) else {}
    for task, count in counts.items():
        if isinstance(count, dict) and isinstance(count.get("effective"), int):
            row[f"{task}/items"] = float(count["effective"])
    if len(results) == 1 and (accuracy := row.get(f"{next(iter(results))}/acc")) is not None:
        report.add("columns", "accuracy is the 'acc' of the only task")
        row["accuracy"] = accuracy
    if limit := config.get("limit"):
        report.add("thinned", f"only the first {limit} items of each task were asked (limit)")
    return pl.DataFrame([row])


def scores_of(scores: dict[str, Any]) -> dict[str, float]:
    """Metrics by name; of several filters the first has the plain name, the others `METRIC,FILTER`."""
    named: dict[str, float] = {}
    for key, value in scores.items():
        if key in NOT_SCORES or isinstance(value, bool) or not isinstance(value, int | float):
            continue  # a standard error may be the text N/A
        metric, _, filtered = key.partition(",")
        plain = metric.removesuffix("_stderr") + ("_se" if metric.endswith("_stderr") else "")
        named[plain if plain not in named else f"{plain},{filtered}"] = float(value)
    return named


def model_name(document: dict[str, Any], config: dict[str, Any], path: Path) -> str:
    """The model as it was named, with its revision where that is a checkpoint's."""
    arguments = config.get("model_args")
    if isinstance(arguments, str):
        arguments = dict(pair.split("=", 1) for pair in arguments.split(",") if "=" in pair)
    arguments = arguments if isinstance(arguments, dict) else {}
    name = document.get("model_name") or arguments.get("pretrained") or arguments.get("model") or path.stem
    revision = arguments.get("revision")
    return f"{name}@{revision}"[:300] if isinstance(revision, str) and revision != "main" else str(name)[:300]


LM_EVAL = Format("lm-evaluation-harness results", unit, read, shared=True)
