"""What is in a table of runs, in a few columns: each run at its end, or the spread over the seeds of a setting."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from scalewise.errors import TableError, did_you_mean
from scalewise.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

SHOWN = ("run", "group", "seed", "params", "tokens", "flops", "gpu_hours", "lr", "loss", "accuracy", "state")
"""Columns that are listed unless others are asked for, where they hold anything."""
LEVEL = 0.95


def at_their_end(runs: Runs, columns: Sequence[str] = ()) -> "pl.DataFrame":
    """One row a run, at its last evaluation. Raises TableError when a column is not there."""
    ended = runs.ended
    for name in columns:
        _require(ended, name, "--show", runs.source)
    return ended.select(list(dict.fromkeys(["run", *(columns or (name for name in SHOWN if runs.has(name)))])))


def spread(runs: Runs, by: Sequence[str], outcome: str = "loss") -> "pl.DataFrame":
    """One row for each setting of the columns `by`: how many runs and seeds trained to their end, the mean of the
    outcome over them with its 95 % interval by Student's t, and the standard deviation between runs.

    Raises TableError when a column is not there.
    """
    import polars as pl
    from scipy.special import stdtrit

    for name in by:
        _require(runs.table, name, "--group-by", runs.source)
    _require(runs.table, outcome, "--of", runs.source)
    value = pl.col(outcome).filter(pl.col(outcome).is_finite())
    seeds = [pl.col("seed").n_unique().alias("seeds")] if runs.has("seed") else []
    count = value.count().cast(pl.Int64)
    table = runs.trained.group_by(by, maintain_order=True).agg(
        count.alias("runs"), *seeds, value.mean().alias(outcome), value.std().alias("sd")
    )
    freedom = (table["runs"] - 1).to_numpy()
    reach = pl.Series(stdtrit(freedom, 0.5 + LEVEL / 2)) * table["sd"] / table["runs"].sqrt()
    low, high = (table[outcome] - reach).alias(f"{outcome}_low"), (table[outcome] + reach).alias(f"{outcome}_high")
    return table.with_columns(low, high).select(
        *by, "runs", *(["seeds"] if seeds else []), pl.exclude(*by, "runs", "seeds")
    )


def ordered(table: "pl.DataFrame", by: str | None, descending: bool = False) -> "pl.DataFrame":
    """The rows by a column, empty cells last. Raises TableError when it is not among those listed."""
    name = by or table.columns[0]
    _require(table, name, "--sort", "the list")
    return table.sort(name, descending=descending, nulls_last=True, maintain_order=True)


def _require(table: "pl.DataFrame", name: str, option: str, source: str) -> None:
    if name not in table.columns:
        hint = did_you_mean(name, table.columns)
        raise TableError(f"{option} {name}: {source} has no such column{hint}; there are {', '.join(table.columns)}.")
