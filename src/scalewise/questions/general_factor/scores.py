"""A matrix of scores, models by tasks, from a wide or a long table of runs."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.questions.metric import column_of, finite_numbers, numeric_column
from scalewise.questions.observations import Points, trained_points
from scalewise.runs.columns import BY_NAME
from scalewise.runs.table import Runs, listed

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

FEWEST_TASKS, FEWEST_CLUSTERS = 3, 5
ENOUGH_GROUPS = 10
"""With at least this many groups (families), models of one group count as relatives of each other."""
NOT_SCORES = ("_se", "_sd", "_std", "stderr", "_err", "_lo95", "_hi95", "_low", "_high")
"""Endings of columns that say how certain a score is."""
FEWEST_VALUES = 3
"""A column of fewer different values is a mark, not a score."""


@dataclass(frozen=True)
class Scores:
    """Scores of the models that have all of them.

    `values` (models, tasks); `x` (models,) is the scale, the column `x_name`, not a number where it is unknown;
    `clusters` (models,) numbers from 0 what is left out together: models of one `by`. `runs` is the table with one
    column per task and `rows` what was used of it, in the order of `values`.
    """

    tasks: tuple[str, ...]
    values: Floats
    x: Floats | None
    x_name: str | None
    clusters: NDArray[np.int64]
    by: str
    runs: Runs
    rows: "pl.DataFrame"
    notes: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return int(self.clusters.max()) + 1

    @property
    def described(self) -> str:
        """How many models there are, or points of runs."""
        points, runs = self.rows.height, self.rows["run"].n_unique()
        return f"{points:,} models" if points == runs else f"{points:,} points of {runs:,} runs"


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold the scores: one per task (`task`, or all that look like it), or, in a long table,
    `task_column` with the task's name and `y` with its score. `x` is the scale, `by` what models are related by."""

    task: list[str] | None
    task_column: str | None
    y: str | None
    x: str | None
    by: str | None

    def found(self, runs: Runs) -> "Columns":
        """The same under the table's own names. Raises QuestionError for a column that is not there or not numbers."""
        if (self.task_column is None) != (self.y is None):
            raise QuestionError("general-factor: --task-column and --y go together: the task, and its score.")
        task_column = column_of(runs, self.task_column, "--task-column") if self.task_column else None
        y = numeric_column(runs, self.y, "--y") if self.y else None
        x = numeric_column(runs, self.x, "--x") if self.x else "flops" if runs.has("flops") else None
        by = column_of(runs, self.by, "--by") if self.by else None
        return Columns(self.task, task_column, y, x, by)


def scores_of(runs: Runs, columns: Columns, points: Points) -> Scores:
    """The scores of all models that have one on every task.

    Raises QuestionError when there are too few tasks or independent models, or a score is there twice.
    """
    import polars as pl

    given_by, columns = columns.by, columns.found(runs)
    task, x, before = columns.task, columns.x, list[str]()
    if columns.task_column and columns.y:
        runs, task = _widened(runs, columns, columns.task_column, columns.y)
        before = [f"each task in '{columns.task_column}' became a column of its '{columns.y}'"]
    by = columns.by or _relatives(runs)
    called = given_by or by
    tasks = _tasks(runs, task, {x, by})
    chosen, notes = _models(runs, points)
    notes = [*before, *notes]
    chosen = chosen.with_columns(pl.col(tasks).cast(pl.Float64).fill_nan(None))
    counts = {t: chosen[t].null_count() for t in tasks}
    rows = chosen.drop_nulls(tasks)
    if rows.height < chosen.height:
        lacking = listed((f"{t} {n}" for t, n in sorted(counts.items(), key=lambda c: -c[1]) if n), most=8)
        notes.append(
            f"{chosen.height - rows.height:,} of {chosen.height:,} rows lack a score ({lacking}) and are left out"
        )
    values = np.stack([finite_numbers(rows, t, runs.source) for t in tasks], axis=1)
    if rows.height and (flat := [t for t, column in zip(tasks, values.T, strict=True) if np.ptp(column) == 0]):
        raise QuestionError(f"{runs.source}: every model has the same score on {listed(flat)}; leave it out.")
    relatives = pl.struct(pl.coalesce(pl.col(by).cast(pl.String), pl.col("run")))
    clusters = rows.select(relatives.rank("dense") - 1).to_series().to_numpy().astype(np.int64)
    if (count := np.unique(clusters).size) < FEWEST_CLUSTERS:
        raise QuestionError(
            f"{runs.source}: the models with all scores are of {count} different values of '{called}'; general-factor "
            f"needs at least {FEWEST_CLUSTERS}{_advice(by)}."
        )
    notes.append(f"standard errors come from leaving out each {called} in turn ({count:,} of them)")
    scale = None if x is None else np.asarray(rows[x].cast(pl.Float64).fill_null(float("nan")).to_numpy())
    return Scores(tasks, values, scale, x, clusters, called, runs, rows, tuple(notes))


def _widened(runs: Runs, columns: Columns, task_column: str, y: str) -> tuple[Runs, list[str]]:
    """A long table, one row per score, as one with a column per task; and the tasks.

    Rows that agree in all of our columns (run, tokens, ...) are one model.
    """
    import polars as pl

    task, ours = columns.task, {*BY_NAME, columns.x, columns.by} - {task_column, y, "loss", "accuracy"}
    own = [c for c in runs.table.columns if c in ours]
    table = runs.table.filter(pl.col(y).is_not_null() & pl.col(task_column).is_not_null())
    names = table[task_column].cast(pl.String)
    if clash := sorted(set(names.unique()) & set(own)):
        raise QuestionError(f"{runs.source}: a task is called '{clash[0]}', as a column is; give it another name.")
    if task and (missing := [t for t in task if t not in set(names.unique())]):
        there = listed(sorted(names.unique()), most=12)
        raise QuestionError(f"{runs.source}: column '{task_column}' has no task '{missing[0]}'; there are {there}.")
    table = table.with_columns(names).filter(names.is_in(task) if task else pl.lit(True))
    twice = table.filter(pl.struct([*own, task_column]).is_duplicated())
    if twice.height:
        first = twice.join(twice.head(1).select(*own, task_column), on=[*own, task_column], nulls_equal=True)
        differ = [c for c in table.columns if c not in (*own, task_column, y) and first[c].n_unique() > 1]
        why = f"; they differ in {listed(differ)}: keep one kind with --where" if differ else "; keep one of them"
        raise QuestionError(
            f"{runs.source}: run {first['run'][0]} has {first.height} scores on {first[task_column][0]} at once{why}."
        )
    wide = table.pivot(on=task_column, index=own, values=y, sort_columns=True)
    return replace(runs, table=wide), [c for c in wide.columns if c not in own]


def _models(runs: Runs, points: Points) -> "tuple[pl.DataFrame, list[str]]":
    """The rows that count as models, in an order of their own."""
    rows = trained_points(runs, points)
    notes = ["one point per run is used, at its end"] if runs.has_curves and points == "ended" else []
    return rows.sort([c for c in ("run", "tokens", "flops", "step") if c in rows.columns], maintain_order=True), notes


def _relatives(runs: Runs) -> str:
    """What is left out together where the user does not say: families where there are many, else runs."""
    return "group" if runs.table["group"].n_unique() >= ENOUGH_GROUPS else "run"


def _advice(by: str) -> str:
    return " models" if by == "run" else "; leave out one model at a time with --by run, if they are not related"


def _tasks(runs: Runs, task: list[str] | None, others: set[str | None]) -> tuple[str, ...]:
    """The columns of scores: those named, or all that look like it."""
    table = runs.table
    if task:
        tasks = tuple(dict.fromkeys(numeric_column(runs, name, "--task") for name in task))
    else:
        tasks = tuple(c for c in table.columns if c not in others and _looks_like_scores(table[c]))
    if len(tasks) < FEWEST_TASKS:
        found = f"only {listed(tasks)}" if tasks else "none"
        which = "were named" if task else "hold scores between 0 and 1"
        raise QuestionError(
            f"{runs.source}: general-factor needs at least {FEWEST_TASKS} tasks and {found} {which}; name a column of "
            "scores per task with --task, or say which columns hold the task and its score with --task-column and --y."
        )
    return tasks


def _looks_like_scores(column: "pl.Series") -> bool:
    name = column.name.lower()
    if not column.dtype.is_numeric() or (column.name in BY_NAME and column.name != "accuracy"):
        return False
    values = column.drop_nulls()
    if name.endswith(NOT_SCORES) or values.n_unique() < FEWEST_VALUES:
        return False
    return bool((values >= 0).all() and (values <= 1).all())
