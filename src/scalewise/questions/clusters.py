"""Which runs err alike, because they share something a law does not know of: a model family, a task, an item."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.questions.metric import column_of
from scalewise.questions.option import Option
from scalewise.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

CLUSTER = Option("Runs that agree in this column err alike. Default: group, where there are five or more.")
FEWEST = 5
"""Fewer groups than this are no sample of groups."""


def clusters(
    runs: Runs, rows: "pl.DataFrame", cluster: str | None, taken: tuple[str | None, ...] = ()
) -> tuple[NDArray[np.int64] | None, str]:
    """The number of each row's cluster from 0 (rows,), and what is assumed; None where every run stands for itself.

    `taken` are columns that have another part to play. Raises QuestionError when there is no such column.
    """
    name = column_of(runs, cluster, "--cluster") if cluster else "group"
    count = rows[name].n_unique()
    if cluster is None and (name in taken or not FEWEST <= count < rows.height):
        return None, "runs err independently of each other"
    numbers = rows[name].rank("dense").fill_null(0).to_numpy().astype(np.int64)
    _, codes = np.unique(numbers, return_inverse=True)
    return codes.astype(np.int64), f"runs that agree in '{name}' err alike ({count} of them are what was sampled)"
