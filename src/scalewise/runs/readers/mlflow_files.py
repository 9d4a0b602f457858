"""MLflow's old file store: `mlruns/EXPERIMENT/RUN/{meta.yaml, metrics/KEY, params/KEY, tags/KEY}`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.errors import TableError
from scalewise.runs.readers.bounded import LONGEST_TEXT, MOST_KEYS, lines, whole, yaml_object
from scalewise.runs.readers.curves import pivoted, run_table
from scalewise.runs.readers.format import Format
from scalewise.runs.readers.mlflow import value_of
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

STATES = {"1": "running", "2": "waiting", "3": "finished", "4": "failed", "5": "killed"}
META, PARTS = "meta.yaml", ("metrics", "params", "tags", "artifacts")
DEEPEST = 6


def unit(path: Path, head: bytes) -> Path | None:
    if path.name == META:
        return path.parent if b"lifecycle_stage" in head and b"run_" in head else None
    for above in list(path.parents)[:DEEPEST]:
        if above.name in PARTS and (above.parent / META).is_file():
            return above.parent
    return None


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    import polars as pl

    folder = path if path.is_dir() else path.parent
    meta = yaml_object(whole(folder / META, 2**20), str(folder / META)) if (folder / META).is_file() else {}
    if meta.get("lifecycle_stage") == "deleted":
        raise TableError(f"{folder}: a deleted run.")
    logged: list[tuple[int, str, float]] = []
    for file in _files(folder / "metrics"):
        key = file.relative_to(folder / "metrics").as_posix()
        for number, line in lines(file, report):
            words = line.split()
            try:
                logged.append((int(words[2]) if len(words) > 2 else number - 1, key, float(words[1])))
            except (ValueError, IndexError):
                raise TableError(f"{file}, line {number}: not a metric (time, value, step).") from None
            if not -(2**62) < logged[-1][0] < 2**62:
                raise TableError(f"{file}, line {number}: an absurd step.")
    if not logged:
        raise TableError(f"{folder}: no metric was logged in there.")
    steps, keys, values = (pl.Series(list(column)) for column in zip(*logged, strict=True))
    config = {f.name: value_of(_text(f)) for f in _files(folder / "params")}
    title = _text(folder / "tags" / "mlflow.runName") or str(meta.get("run_name") or name)
    state = STATES.get(str(meta.get("status")), "finished")
    return run_table(pivoted(steps, keys, values, report), title, config, report, state=state)


def _files(folder: Path) -> list[Path]:
    found = [Path(at, name) for at, _, names in os.walk(folder) for name in names]
    return sorted(file for file in found if file.is_file() and not file.is_symlink())[:MOST_KEYS]


def _text(file: Path) -> str:
    if not file.is_file():
        return ""
    with file.open("rb") as start:
        return start.read(LONGEST_TEXT).decode("utf-8", "replace").strip()


MLFLOW_FILES = Format("MLflow file store", unit, read, companions=(META,))
