"""Optuna studies in a journal (of 5.0): JSON lines, one an operation, from which the studies are made again."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.readers.bounded import json_object, lines
from scalewise.runs.readers.format import Format
from scalewise.runs.readers.optuna import Trials, chosen, put, table_of
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

CREATE_STUDY, DELETE_STUDY, CREATE_TRIAL, SET_PARAM, SET_STATE, SET_INTERMEDIATE, SET_ATTRIBUTE = 0, 1, 4, 5, 6, 7, 8
"""Operations (optuna/storages/journal/_storage.py); the others hold nothing that is read."""
STATES = ("running", "finished", "killed", "failed", "waiting")
"""By the numbers of Optuna's TrialState."""
MINIMIZE = 1


def unit(path: Path, head: bytes) -> Path | None:
    return path if head.startswith(b'{"op_code":') and b'"worker_id"' in head else None


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    journal = _Journal(path)
    for number, line in lines(path, report):
        if line.strip():
            where = f"{path}, line {number}"
            journal.add(json_object(line.encode(), where), where)
    trials = {trial: own for trial, own in journal.trials.items() if journal.study_of[trial] not in journal.deleted}
    if len(trials) < len(journal.trials):
        report.add("dropped", "trials of deleted studies")
    directions = [d for study, (_, asked) in enumerate(journal.studies) if study not in journal.deleted for d in asked]
    objective = "loss" if set(directions) == {MINIMIZE} else "objective"
    for trial, own in trials.items():
        for place, value in enumerate(journal.values.get(trial, ())):
            own[objective if place == 0 else f"objective_{place}"] = value
    return table_of(trials, journal.reported, objective, path, report)


class _Journal:
    """The studies so far. Trials are numbered in the order in which they were made, over all studies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.studies: list[tuple[str, list[Any]]] = []
        self.deleted: set[int] = set()
        self.trials: Trials = {}
        self.study_of: dict[int, int] = {}
        self.begun: dict[int, int] = {}
        self.reported: dict[Any, dict[int, float | None]] = {}
        self.values: dict[int, list[Any]] = {}

    def add(self, done: dict[str, Any], where: str) -> None:
        """Raises TableError for an operation that Optuna does not write."""
        try:
            self._add(done)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
            raise TableError(f"{where}: not an operation of Optuna's journal.") from None

    def _add(self, done: dict[str, Any]) -> None:
        kind = done["op_code"]
        if kind == CREATE_STUDY:
            self.studies.append((str(done["study_name"])[:200], list(done["directions"])))
        elif kind == DELETE_STUDY:
            self.deleted.add(int(done["study_id"]))
        elif kind == CREATE_TRIAL:
            self._create(done)
        elif kind == SET_PARAM:
            put(self.trials, done["trial_id"], str(done["param_name"]), chosen(_number(done), done["distribution"]))
        elif kind == SET_STATE:
            self._end(done["trial_id"], done)
        elif kind == SET_INTERMEDIATE:
            self._report(done["trial_id"], {done["step"]: done["intermediate_value"]})
        elif kind == SET_ATTRIBUTE:
            self._describe(done["trial_id"], done["user_attr"])

    def _create(self, done: dict[str, Any]) -> None:
        """A trial that was added as a whole has all of its own in one operation."""
        study, trial = int(done["study_id"]), len(self.trials)
        title, number = self.studies[study][0], self.begun.get(study, 0)
        self.begun[study] = number + 1
        self.trials[trial] = {"run": f"{title}, trial {number}", "study": title, "trial": number, "state": "running"}
        self.study_of[trial] = study
        for name, value in (done.get("params") or {}).items():
            put(self.trials, trial, str(name), chosen(value, done["distributions"][name]))
        self._describe(trial, done.get("user_attrs") or {})
        self._report(trial, done.get("intermediate_values") or {})
        self._end(trial, done)

    def _end(self, trial: int, done: dict[str, Any]) -> None:
        if done.get("state") is not None:
            self.trials[trial]["state"] = STATES[done["state"]]
        values = done.get("values") or ([done["value"]] if done.get("value") is not None else [])
        if values:
            self.values[trial] = [None if value is None else float(value) for value in values]

    def _report(self, trial: int, values: dict[Any, Any]) -> None:
        for step, value in values.items():
            self.reported.setdefault(trial, {})[int(step)] = None if value is None else float(value)

    def _describe(self, trial: int, attributes: dict[str, Any]) -> None:
        for key, value in attributes.items():
            put(self.trials, trial, str(key), value if isinstance(value, int | float) else str(value)[:300])


def _number(done: dict[str, Any]) -> float:
    return float(done["param_value_internal"])


OPTUNA_JOURNAL = Format("Optuna journal", unit, read)
