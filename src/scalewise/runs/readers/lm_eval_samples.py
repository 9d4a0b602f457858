"""lm-evaluation-harness item by item; a row is one model's answer to one item. Files are `samples_TASK_DATE.jsonl`, and
before 0.4.3 had any name."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.readers.bounded import json_object, lines
from scalewise.runs.readers.format import Format
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

NAME = re.compile(r"samples_(.+)_\d{4}-\d\d-\d\dT[\d.:-]+\.jsonl")
KEYS = {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}


def unit(path: Path, head: bytes) -> Path | None:
    named = NAME.fullmatch(path.name) or (path.suffix == ".jsonl" and b'"filtered_resps"' in head)
    return path if named and b'"doc_id"' in head else None


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    """Columns run (the folder's name), task, item, filter, one a metric, and `accuracy` for `acc`."""
    import polars as pl

    task = task_of(path)
    report.add("inferred", "run is the name of the samples' folder")
    rows: list[dict[str, Any]] = []
    for number, line in lines(path, report):
        if not line.strip():
            continue
        sample = sample_of(line.encode(), f"{path}, line {number}")
        names = sample.get("metrics")
        scores = {n: sample.get(str(n)) for n in names} if isinstance(names, list) else sample
        numbers = {str(k): float(v) for k, v in scores.items() if isinstance(v, int | float) and str(k) not in KEYS}
        if "acc" in numbers:
            numbers["accuracy"] = numbers.pop("acc")
        item = {"task": task, "item": str(sample["doc_id"]), "filter": str(sample.get("filter", "none"))}
        rows.append({"run": path.absolute().parent.name} | item | numbers)
    if not rows:
        raise TableError(f"{path}: no whole line is in there.")
    return pl.DataFrame(rows, infer_schema_length=None)


def task_of(path: Path) -> str:
    """The task in the file's name; the whole name where it is none of the usual ones."""
    match = NAME.fullmatch(path.name)
    return match[1] if match else path.stem


def sample_of(line: bytes, where: str) -> dict[str, Any]:
    """One line's sample, which has a `doc_id`. Raises TableError."""
    sample = json_object(line, where)
    if not isinstance(sample.get("doc_id"), int | str):
        raise TableError(f"{where}: is no lm-eval sample; it has no 'doc_id'.")
    return sample


LM_EVAL_SAMPLES = Format(
    "lm-evaluation-harness samples", unit, read, details_of="lm-evaluation-harness results", shared=True
)
