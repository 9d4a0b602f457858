"""What a long table says at one look, taken part by part, so that no column is copied: where values change, and the
extremes of numbers."""

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

PART = 2**17
"""Rows that are looked at together: few enough to stay in the processor's cache."""
Extremes = dict[str, tuple[float | None, float | None]]


def changes(table: "pl.DataFrame", columns: Sequence[str]) -> "pl.DataFrame":
    """Rows of these columns that differ from the row before, and some that do not: every combination of values is among
    them, and of a log, which keeps a run's rows together, they are few."""
    import polars as pl

    table = table.select(columns)
    kept = [table.head(0)]
    for part in _parts(table):
        before, after = part.head(-1), part.slice(1)
        differ = reduce(or_, (_differing(after[name], before[name]) for name in columns))
        kept += [part.head(1), *([after.filter(differ)] if differ.any() else [])]
    return pl.concat(kept)


def _differing(one: "pl.Series", other: "pl.Series") -> "pl.Series":
    """Where two columns differ; empty cells are equal. Where none is empty, there is a shorter way."""
    return one.ne_missing(other) if one.null_count() + other.null_count() else one != other


def extremes(table: "pl.DataFrame", columns: Sequence[str]) -> Extremes:
    """The lowest and the highest number of each column of Float64; both are NaN where one of its numbers is."""
    return {name: _extremes(table.select(name)) for name in columns}


def _extremes(column: "pl.DataFrame") -> tuple[float | None, float | None]:
    lows, highs = [], []
    for part in _parts(column):
        values = part.to_series()
        if math.isnan(values.sum()) and values.is_nan().any():
            return math.nan, math.nan
        lows.append(values.min())
        highs.append(values.max())
    known = [low for low in lows if isinstance(low, float)], [high for high in highs if isinstance(high, float)]
    return min(known[0], default=None), max(known[1], default=None)


def _parts(table: "pl.DataFrame") -> Iterator["pl.DataFrame"]:
    """Consecutive rows, none of them across two of the pieces in which they lie in memory."""
    start = 0
    for length in table.to_series(0).chunk_lengths():
        for offset in range(start, start + length, PART):
            yield table.slice(offset, min(PART, start + length - offset))
        start += length
