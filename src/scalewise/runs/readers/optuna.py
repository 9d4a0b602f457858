"""Optuna studies in SQLite (schema of 5.0): one row a trial, at its end, with what it tried."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.readers.database import has_tables, opened
from scalewise.runs.readers.format import Format
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

STATES = {"COMPLETE": "finished", "RUNNING": "running", "WAITING": "waiting", "FAIL": "failed", "PRUNED": "killed"}
INFINITE = {"INF_POS": math.inf, "INF_NEG": -math.inf}


def unit(path: Path, head: bytes) -> Path | None:
    wanted = {"studies": {"study_name"}, "trials": {"number", "state"}, "trial_params": {"param_name", "param_value"}}
    return path if has_tables(path, head, **wanted) else None


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    """Categorical choices stand as what was chosen; a pruned trial is killed, at the last value it reported."""
    import polars as pl

    with opened(path) as database:
        studies = dict(database.rows("studies", ("study_id", "study_name")))
        trials: dict[Any, dict[str, Any]] = {}
        for trial, study, number, state in database.rows("trials", ("trial_id", "study_id", "number", "state")):
            title, ended = str(studies.get(study, study)), STATES.get(str(state), "finished")
            trials[trial] = {"run": f"{title}, trial {number}", "study": title, "trial": number, "state": ended}
        for trial, key, value, choices in database.rows(
            "trial_params", ("trial_id", "param_name", "param_value", "distribution_json")
        ):
            _put(trials, trial, str(key), _chosen(value, choices))
        for trial, key, value in database.rows("trial_user_attributes", ("trial_id", "key", "value_json")):
            _put(trials, trial, str(key), _plain(value))
        directions = {d for (d,) in database.rows("study_directions", ("direction",))}
        objective = "loss" if directions == {"MINIMIZE"} else "objective"
        for trial, number, value, kind in database.rows(
            "trial_values", ("trial_id", "objective", "value", "value_type")
        ):
            column = objective if number == 0 else f"objective_{number}"
            _put(trials, trial, column, INFINITE.get(str(kind), value) if value is None else value)
    if not trials:
        raise TableError(f"{path}: no trial is in there.")
    if objective == "loss":
        report.add("inferred", "the objective, which the study minimises, is taken as loss; name another with --column")
    report.add("dropped", "values that trials reported on their way; each trial is one row, at its end")
    if any(row["state"] == "killed" for row in trials.values()):
        report.add("inferred", "pruned trials are killed runs: on record, and in no fit")
    return pl.DataFrame(list(trials.values()), infer_schema_length=None, strict=False)


def _put(trials: dict[Any, dict[str, Any]], trial: Any, key: str, value: Any) -> None:
    if trial in trials:
        own = trials[trial]
        own[key if key not in own or key == "loss" else f"params_{key}"] = value


def _chosen(value: Any, distribution: Any) -> Any:
    """The choice of a categorical parameter, which is stored as its number; other values as they are."""
    known = _plain(distribution, nested=True)
    choices = (known.get("attributes") or {}).get("choices") if isinstance(known, dict) else None
    if not isinstance(choices, list):
        return value
    place = int(value) if isinstance(value, int | float) and 0 <= value < len(choices) else None
    chosen = None if place is None else choices[place]
    return chosen if isinstance(chosen, int | float) and not isinstance(chosen, bool) else str(chosen)[:300]


def _plain(text: Any, nested: bool = False) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    return value if nested or isinstance(value, int | float) else str(value)[:300]


OPTUNA = Format("Optuna", unit, read)
