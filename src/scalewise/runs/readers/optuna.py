"""Optuna studies in SQLite (schema of 5.0): a row for each value that a trial reported, with what the trial tried."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.readers.database import COMPANIONS, Database, has_tables, opened
from scalewise.runs.readers.format import Format
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

STATES = {"COMPLETE": "finished", "RUNNING": "running", "WAITING": "waiting", "FAIL": "failed", "PRUNED": "killed"}
Trials = dict[Any, dict[str, Any]]
"""By their ids."""
INFINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}


def unit(path: Path, head: bytes) -> Path | None:
    wanted = {"studies": {"study_name"}, "trials": {"number", "state"}, "trial_params": {"param_name", "param_value"}}
    return path if has_tables(path, head, **wanted) else None


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    """Categorical choices stand as what was chosen; a pruned trial is killed, at the last value it reported."""
    with opened(path) as database:
        studies = dict(database.rows("studies", ("study_id", "study_name")))
        trials: Trials = {}
        for trial, study, number, state in database.rows("trials", ("trial_id", "study_id", "number", "state")):
            title, ended = str(studies.get(study, study)), STATES.get(str(state), "finished")
            trials[trial] = {"run": f"{title}, trial {number}", "study": title, "trial": number, "state": ended}
        for trial, key, value, choices in database.rows(
            "trial_params", ("trial_id", "param_name", "param_value", "distribution_json")
        ):
            put(trials, trial, str(key), chosen(value, choices))
        for trial, key, value in database.rows("trial_user_attributes", ("trial_id", "key", "value_json")):
            put(trials, trial, str(key), plain(value))
        directions = {d for (d,) in database.rows("study_directions", ("direction",))}
        objective = "loss" if directions == {"MINIMIZE"} else "objective"
        for trial, number, value in _numbers(database, "trial_values", "objective", "value", path):
            put(trials, trial, objective if number == 0 else f"objective_{number}", value)
        reported: dict[Any, dict[int, float | None]] = {}
        for trial, step, value in _numbers(database, "trial_intermediate_values", "step", "intermediate_value", path):
            reported.setdefault(trial, {})[step] = value
    return table_of(trials, reported, objective, path, report)


def table_of(
    trials: Trials, reported: dict[Any, dict[int, float | None]], objective: str, path: Path, report: ReadingReport
) -> "pl.DataFrame":
    """Rows of trials, each with what it tried, and of the values that they reported by step."""
    import polars as pl

    if not trials:
        raise TableError(f"{path}: no trial is in there.")
    if objective == "loss":
        report.add("inferred", "the objective, which the study minimises, is taken as loss; name another with --column")
    if any(row["state"] == "killed" for row in trials.values()):
        report.add("inferred", "pruned trials are killed runs: on record, and in no fit")
    curves = [row for trial, own in trials.items() for row in _curve(own, reported.get(trial, {}), objective, report)]
    return pl.DataFrame(curves, infer_schema_length=None, strict=False)


def _numbers(
    database: Database, table: str, place: str, value: str, path: Path
) -> Iterator[tuple[Any, int, float | None]]:
    """Trial, place and number. What is not finite is named in a column beside, which studies before 3.0 lack."""
    kinds = [name for name in (f"{value}_type",) if name in database.tables().get(table, set())]
    for trial, at, number, *kind in database.rows(table, ["trial_id", place, value, *kinds]):
        if not isinstance(at, int) or not isinstance(number, int | float | None):
            raise TableError(f"{path}: a value of trial {str(trial)[:20]} in '{table}' is no number.")
        yield trial, at, INFINITE.get(str(*kind)) if number is None else number


def _curve(
    own: dict[str, Any], reported: dict[int, float | None], objective: str, report: ReadingReport
) -> list[dict[str, Any]]:
    """The trial's row at each step that it reported; at the last one stands its own value, where it has one."""
    if not reported:
        return [own]
    report.add("columns", f"{objective} at a step is what the trial reported there, and at its last step its own value")
    last = max(reported)
    if own.get(objective) not in (None, reported[last]):
        report.add("inferred", "trials whose value is another than what they reported last: their own value counts")
    return [
        own | {"step": step, objective: own.get(objective, value) if step == last else value}
        for step, value in sorted(reported.items())
    ]


def put(trials: Trials, trial: Any, key: str, value: Any) -> None:
    if trial in trials:
        own = trials[trial]
        own[key if key not in own or key == "loss" else f"params_{key}"] = value


def chosen(value: Any, distribution: Any) -> Any:
    """The choice of a categorical parameter, which is stored as its number; other values as they are."""
    known = plain(distribution, nested=True)
    choices = (known.get("attributes") or {}).get("choices") if isinstance(known, dict) else None
    if not isinstance(choices, list):
        return value
    place = int(value) if isinstance(value, int | float) and 0 <= value < len(choices) else None
    chosen = None if place is None else choices[place]
    return chosen if isinstance(chosen, int | float) and not isinstance(chosen, bool) else str(chosen)[:300]


def plain(text: Any, nested: bool = False) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    return value if nested or isinstance(value, int | float) else str(value)[:300]


OPTUNA = Format("Optuna", unit, read, companions=COMPANIONS)
