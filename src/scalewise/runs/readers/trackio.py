"""Trackio: one SQLite file a project, metrics and configurations as JSON."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.readers.bounded import flat, json_object
from scalewise.runs.readers.curves import pivoted, run_table
from scalewise.runs.readers.database import COMPANIONS, has_tables, opened
from scalewise.runs.readers.format import Format
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl


def unit(path: Path, head: bytes) -> Path | None:
    wanted = {"metrics": {"run_name", "step", "metrics"}, "configs": {"run_name", "config"}}
    return path if has_tables(path, head, **wanted) else None


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    import polars as pl

    logged: dict[str, list[tuple[int, str, float]]] = {}
    configs: dict[str, dict[str, Any]] = {}
    with opened(path) as database:
        for run, step, metrics in database.rows("metrics", ("run_name", "step", "metrics")):
            if not isinstance(step, int):
                raise TableError(f"{path}: run '{str(run)[:80]}' has a row without a step.")
            for key, value in flat(_object(metrics, path), report, "/").items():
                if isinstance(value, int | float):
                    logged.setdefault(str(run), []).append((step, key, float(value)))
        for run, config in database.rows("configs", ("run_name", "config")):
            known = flat(_object(config, path), report)
            configs[str(run)] = {key: value for key, value in known.items() if not key.startswith("_")}
    if not logged:
        raise TableError(f"{path}: no number was logged in there.")
    tables = []
    for run, rows in logged.items():
        steps, keys, values = (pl.Series(list(column)) for column in zip(*rows, strict=True))
        tables.append(run_table(pivoted(steps, keys, values, report), run, configs.get(run, {}), report))
    return pl.concat(tables, how="diagonal_relaxed")


def _object(stored: Any, path: Path) -> dict[str, Any]:
    content = stored.encode() if isinstance(stored, str) else stored
    if not isinstance(content, bytes):
        raise TableError(f"{path}: a row's JSON is missing.")
    return json_object(content, str(path))


TRACKIO = Format("Trackio", unit, read, companions=COMPANIONS)
