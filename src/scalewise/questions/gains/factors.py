"""Which changes a run has, from columns of 0 and 1 or of words."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.questions.metric import column_of
from scalewise.runs.table import Runs, listed

if TYPE_CHECKING:
    import polars as pl

OFF = ("0", "0.0", "false", "no", "off", "none", "baseline", "default", "without", "")
"""Words that mean that a change was not made."""
MOST_CHANGES = 60


@dataclass(frozen=True)
class Change:
    """A column, and the value that means that the change was made; None where one of its two values means off."""

    column: str
    value: str | None

    @property
    def name(self) -> str:
        return self.column if self.value is None else f"{self.column}={self.value}"


def changes_of(runs: Runs, given: list[str]) -> list[Change]:
    """COLUMN or COLUMN=VALUE, each once. Raises QuestionError for a column that is not there."""
    found = []
    for text in given:
        if text in runs.table.columns:
            found.append(Change(text, None))
        else:
            name, equals, value = text.partition("=")
            found.append(Change(column_of(runs, name, "--change"), value if equals else None))
    columns = [change.column for change in found]
    if twice := [column for column in columns if columns.count(column) > 1]:
        raise QuestionError(f"--change names column '{twice[0]}' twice; each change needs a column of its own.")
    if len(found) < 2:
        raise QuestionError(
            "one --change does not add up to anything: name every column of changes, or compare two methods with beats."
        )
    if len(found) > MOST_CHANGES:
        raise QuestionError(f"{len(found)} changes; at most {MOST_CHANGES} can be told apart at once.")
    return found


def made(rows: "pl.DataFrame", changes: list[Change], source: str) -> NDArray[np.bool_]:
    """(rows, changes): whether each run has each change.

    Raises QuestionError where a column does not say, or says the same everywhere.
    """
    return np.stack([_made(rows, change, source) for change in changes], axis=1)


def _made(rows: "pl.DataFrame", change: Change, source: str) -> NDArray[np.bool_]:
    import polars as pl

    start = f"{source}: column '{change.column}'"
    given = rows[change.column]
    if given.null_count():
        run = rows["run"][int(given.is_null().arg_true()[0])]
        raise QuestionError(f"{start} is empty for run {run}; say there whether the change was made.")
    words = given.cast(pl.String).str.strip_chars()
    values = words.unique().sort().to_list()
    if len(values) == 1:
        raise QuestionError(
            f"{start} is '{values[0]}' in every row; a change must be made in some runs and not in others."
        )
    if len(values) > 2:
        raise QuestionError(
            f"{start} holds {len(values)} values ({listed(values)}); a change has two: keep those with --where."
        )
    if change.value is not None:
        if change.value not in values:
            raise QuestionError(f"{start} never is '{change.value}'; it is {' or '.join(values)}.")
        return np.asarray(words == change.value)
    off = [value for value in values if value.lower() in OFF]
    if len(off) != 1:
        raise QuestionError(
            f"{start} is {' or '.join(values)}: say which of them is the change, for example --change "
            f"{change.column}={values[-1]}."
        )
    return np.asarray(words != off[0])
