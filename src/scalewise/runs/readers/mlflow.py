"""MLflow: the SQLite backend (`mlflow.db`), as written by 3.17. Deleted runs are left out."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.readers.curves import pivoted, run_table
from scalewise.runs.readers.database import COMPANIONS, has_tables, opened
from scalewise.runs.readers.format import Format
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

STATES = {"FINISHED": "finished", "RUNNING": "running", "SCHEDULED": "waiting", "FAILED": "failed", "KILLED": "killed"}


def unit(path: Path, head: bytes) -> Path | None:
    wanted = {"runs": {"run_uuid", "lifecycle_stage"}, "metrics": {"key", "value", "run_uuid", "step"}}
    return path if has_tables(path, head, **wanted) else None


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    import polars as pl

    with opened(path) as database:
        runs = list(database.rows("runs", ("run_uuid", "name", "status", "lifecycle_stage")))
        kept = {
            str(uuid): (str(title or uuid), str(status)) for uuid, title, status, stage in runs if stage != "deleted"
        }
        if len(kept) < len(runs):
            report.add("dropped", f"{len(runs) - len(kept):,} deleted runs")
        metrics: dict[str, list[tuple[int, str, float]]] = {uuid: [] for uuid in kept}
        for key, value, uuid, step, is_nan in database.rows("metrics", ("key", "value", "run_uuid", "step", "is_nan")):
            if uuid in metrics:
                metrics[uuid].append((_step(step, path), str(key), math.nan if is_nan else _number(value, path)))
        configs: dict[str, dict[str, Any]] = {uuid: {} for uuid in kept}
        if "params" in database.tables():
            for key, value, uuid in database.rows("params", ("key", "value", "run_uuid")):
                if uuid in configs:
                    configs[uuid][str(key)] = value_of(str(value))
    titles = [title for title, _ in kept.values()]
    tables = []
    for uuid, (title, status) in kept.items():
        if metrics[uuid]:
            steps, keys, values = (pl.Series(list(column)) for column in zip(*metrics[uuid], strict=True))
            own = title if titles.count(title) == 1 else f"{title} {uuid[:8]}"
            curve = pivoted(steps, keys, values, report)
            tables.append(run_table(curve, own, configs[uuid], report, state=STATES.get(status, "finished")))
        else:
            report.add("dropped", "runs without a metric")
    if not tables:
        raise TableError(f"{path}: no run with a metric is in there.")
    return pl.concat(tables, how="diagonal_relaxed")


def value_of(text: str) -> float | str:
    """Parameters are stored as text; what looks like a number is one."""
    if text.isascii() and text.isdigit() and len(text) < 16:
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text[:300]
    return number if abs(number) < 1e300 else text[:300]


def _step(step: Any, path: Path) -> int:
    if not isinstance(step, int):
        raise TableError(f"{path}: a metric's step is not a whole number.")
    return step


def _number(value: Any, path: Path) -> float:
    if not isinstance(value, int | float):
        raise TableError(f"{path}: a metric's value is not a number.")
    return float(value)


MLFLOW = Format("MLflow database", unit, read, companions=COMPANIONS)
