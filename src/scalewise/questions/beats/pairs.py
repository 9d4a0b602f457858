"""From the table to pairs: outcomes by selection rule, method and cell, cells by task."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.questions.metric import Metric, finite_numbers
from scalewise.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
AXES = ("tokens", "flops", "step", "gpu_hours")
"""A run observed several times counts at its last point along the first of these."""


@dataclass(frozen=True)
class Columns:
    """Which column holds what; `task` and `selection` may be None. No `pair` columns: rows belong to no pairs."""

    by: str
    pair: tuple[str, ...]
    task: str | None
    selection: str | None

    @property
    def all(self) -> list[str]:
        return [self.by, *self.pair, *(name for name in (self.task, self.selection) if name)]


@dataclass(frozen=True)
class Pairs:
    """Outcomes (rules, methods, cells), NaN where missing; higher is better once multiplied with the metric's sign.

    A cell is one combination of the pair columns within a task; without pair columns it is one row. `task` (cells,)
    numbers tasks. `clusters` has one array (cells,) for every pair column that is not nested in another: cells with
    the same number may err together. `stratum` (cells,) is what is resampled within. `flops` (methods, cells) is what
    the rows of a cell cost, NaN where unknown.
    """

    rules: list[str]
    methods: list[str]
    tasks: list[str]
    values: Floats
    task: Ints
    clusters: tuple[Ints, ...]
    crossed: tuple[str, ...]
    """The names of the columns behind `clusters`."""
    stratum: Ints
    flops: Floats
    paired: bool


def comparable(runs: Runs, columns: Columns, metric: Metric, notes: list[str]) -> "pl.DataFrame":
    """One row per run and cell, at the run's end, that can be compared. Raises QuestionError when there is none."""
    import polars as pl

    rows = runs.table
    if runs.failed.height:
        rows = rows.filter(~pl.col("run").is_in(runs.failed["run"].unique().implode()))
    keys = list(dict.fromkeys(["run", *columns.all]))
    axis = next((name for name in AXES if runs.has(name)), None)
    if axis and rows.select(keys).n_unique() < rows.height:
        rows = rows.sort(axis, maintain_order=True).group_by(keys, maintain_order=True).last()
        notes.append(f"a run observed several times counts at its end (by {axis})")
    needed = list(dict.fromkeys([*columns.all, metric.name]))
    known = rows.drop_nulls(needed)
    if known.height < rows.height:
        notes.append(f"{rows.height - known.height:,} rows lack one of {', '.join(needed)} and are in no comparison")
    if known.height == 0:
        raise QuestionError(f"{runs.source}: no row has all of {', '.join(needed)}.")
    return known


def pair_columns(rows: "pl.DataFrame", by: str, task: str | None, notes: list[str]) -> tuple[str, ...]:
    """The seed, where most seeds (of a task) were run with every method; otherwise none."""
    import polars as pl

    if "seed" in (by, task) or "seed" not in rows.columns or rows["seed"].null_count():
        notes.append("no column pairs the rows (--pair): methods are compared as independent samples")
        return ()
    cell = ["seed", *([task] if task else [])]
    shared = rows.group_by(cell).agg(pl.col(by).n_unique())[by] == rows[by].n_unique()
    if rows["seed"].n_unique() > 1 and int(shared.sum()) * 2 > shared.len():
        alone = f"; {shared.len() - int(shared.sum()):,} seeds lack a method" if not shared.all() else ""
        notes.append(f"rows of one seed are taken as a pair{alone}")
        return ("seed",)
    notes.append("the methods' seeds differ, so nothing pairs the rows: they are compared as independent samples")
    return ()


def pairs_of(rows: "pl.DataFrame", columns: Columns, metric: Metric, source: str) -> Pairs:
    """The rows as arrays. Rows of one method in one cell are averaged."""
    y = finite_numbers(rows, metric.name, source)
    rules, rule = _numbered(rows, (columns.selection,) if columns.selection else ())
    methods, method = _numbered(rows, (columns.by,))
    tasks, task_of_row = _numbered(rows, (columns.task,) if columns.task else ())
    within = (columns.task,) if columns.task else ()
    cell = _numbered(rows, (*within, *columns.pair))[1] if columns.pair else np.arange(rows.height)
    count = int(cell.max()) + 1
    shape = (len(rules), len(methods), count)
    place = np.ravel_multi_index((rule, method, cell), shape)
    counts = np.bincount(place, minlength=int(np.prod(shape)))
    with np.errstate(invalid="ignore"):
        values = (np.bincount(place, y, counts.size) / counts).reshape(shape)
    first = np.unique(cell, return_index=True)[1]
    task = task_of_row[first]
    clusters = {name: _numbered(rows, (*within, name))[1][first] for name in columns.pair}
    crossed = _crossed(clusters, task) if columns.pair else ("row",)
    return Pairs(
        rules,
        methods,
        tasks,
        values,
        task,
        tuple(clusters[name] for name in crossed) if columns.pair else (np.arange(count),),
        crossed,
        task if columns.pair else np.unique(np.stack([task, method, rule]), axis=1, return_inverse=True)[1].ravel(),
        _flops(rows, method, cell, shape[1:], len(rules)),
        bool(columns.pair),
    )


def _numbered(rows: "pl.DataFrame", names: tuple[str, ...]) -> tuple[list[str], Ints]:
    """The distinct values of these columns in order, and each row's number among them."""
    import polars as pl

    if not names:
        return [""], np.zeros(rows.height, dtype=np.int64)
    keys = rows.select(pl.struct(names).rank("dense").cast(pl.Int64).alias("_n") - 1)["_n"].to_numpy()
    first = np.unique(keys, return_index=True)[1]
    labels = rows.select(pl.concat_str([pl.col(name).cast(pl.String) for name in names], separator=", "))
    return labels.to_series()[first.tolist()].to_list(), keys.astype(np.int64)


def _crossed(clusters: dict[str, Ints], task: Ints) -> tuple[str, ...]:
    """The pair columns by which cells may err together.

    One that is nested in another adds nothing: an environment of one data set is in the cluster that this data set is
    already. Neither does one that is the same everywhere in a task, unless there is no other.
    """
    kept: list[str] = []
    varied = [name for name in clusters if not _determines(task, clusters[name])] or list(clusters)[:1]
    for name in sorted(varied, key=lambda name: int(clusters[name].max())):
        if not any(_determines(clusters[name], clusters[other]) for other in kept):
            kept.append(name)
    return tuple(name for name in clusters if name in kept)


def _determines(fine: Ints, coarse: Ints) -> bool:
    """Whether each value of `fine` goes with one value of `coarse`."""
    return np.unique(fine * (int(coarse.max()) + 1) + coarse).size == np.unique(fine).size


def _flops(rows: "pl.DataFrame", method: Ints, cell: Ints, shape: tuple[int, ...], rules: int) -> Floats:
    """(methods, cells): the operations of the runs behind a cell; what several rules share is paid for once."""
    import polars as pl

    size = int(np.prod(shape))
    if "flops" not in rows.columns or rows["flops"].null_count() == rows.height:
        return np.full(shape, np.nan)
    spent = rows["flops"].cast(pl.Float64).to_numpy()
    place = np.ravel_multi_index((method, cell), shape)
    total = np.bincount(place, spent, size) / rules
    return np.where(np.bincount(place, minlength=size) > 0, total, np.nan).reshape(shape)
