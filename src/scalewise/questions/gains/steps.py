"""A sequence of records, each with one change on top of the last: its levels, and the steps between them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.questions.gains.scale import Floats, Linear, some_noise
from scalewise.questions.gains.told import Noise

if TYPE_CHECKING:
    import polars as pl

DATES = ("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%y", "%m/%d/%Y", "%d.%m.%Y")
UNEVEN = 5.0
"""A record whose repeats spread this many times as far as those of the middle record may not be one thing."""


@dataclass(frozen=True)
class Sequence:
    """Log levels h (records,), how many runs each rests on, and what each record is called."""

    names: list[str]
    h: Floats
    runs: Floats
    noise: Noise

    @property
    def steps(self) -> list[Linear]:
        """What each record gains on the one before it (records - 1)."""
        return [self.sum_of(np.arange(self.h.size - 1) == step) for step in range(self.h.size - 1)]

    def weights(self, chosen: NDArray[np.bool_]) -> Floats:
        """What each record (records,) counts in the sum of some steps (records - 1,)."""
        weights = np.zeros(self.h.size)
        weights[1:] += chosen
        weights[:-1] -= chosen
        return weights

    def sum_of(self, chosen: NDArray[np.bool_]) -> Linear:
        """The sum of some steps (records - 1,). Neighbours share a record, whose noise cancels between them."""
        weights = self.weights(chosen)
        error = None if self.noise.size is None else self.noise.size * float(np.sqrt(np.sum(weights**2 / self.runs)))
        return Linear(float(weights @ self.h), error, self.noise.freedom)


def sequence_of(
    rows: "pl.DataFrame", column: str, label: str | None, h: Floats, given: float | None, source: str, notes: list[str]
) -> Sequence:
    """Records in the order of a column; rows with the same value are repeats of one record.

    Raises QuestionError when there are fewer than two records.
    """
    import polars as pl

    ordered = _in_order(rows[column], notes)
    table = rows.select(_words(rows[column]).alias("_name")).with_columns(
        ordered.alias("_place"), pl.Series("_h", h), _labels(rows, label)
    )
    records = (
        table.group_by("_place")
        .agg(
            pl.col("_name").first(),
            pl.col("_label").first(),
            pl.col("_h").mean(),
            pl.col("_h").var().fill_null(0.0).alias("_var"),
            pl.len().alias("_runs"),
        )
        .sort("_place")
    )
    if repeated := int((records["_runs"] > 1).sum()):
        notes.append(f"rows of one record are repeats, and averaged: {repeated:,} of the records have several")
    if records.height < 2:
        raise QuestionError(f"{source}: column '{column}' holds one value only; a sequence needs two records.")
    counts = records["_runs"].to_numpy().astype(np.float64)
    variance = records["_var"].to_numpy()
    names = records["_name"].to_list() if label is None else records["_label"].to_list()
    return Sequence(
        names, records["_h"].to_numpy(), counts, _noise(variance, counts, given, records["_name"].to_list(), notes)
    )


def _labels(rows: "pl.DataFrame", label: str | None) -> "pl.Series":
    import polars as pl

    if label is None:
        return pl.Series("_label", [""] * rows.height)
    return rows[label].cast(pl.String).fill_null("-").alias("_label")


def _words(given: "pl.Series") -> "pl.Series":
    """A column as text, whole numbers without a point."""
    import polars as pl

    if given.dtype.is_float() and bool((given == given.round()).all()):
        given = given.cast(pl.Int64)
    return given.cast(pl.String)


def _noise(variance: Floats, counts: Floats, given: float | None, names: list[str], notes: list[str]) -> Noise:
    """As given, else pooled over the records that were repeated."""
    repeated = counts > 1
    freedom = float(np.sum(counts - 1))
    if given is not None:
        return Noise(given, None)
    if not repeated.any():
        return Noise(None, None)
    spreads = np.sqrt(variance[repeated])
    widest = int(np.argmax(spreads))
    if spreads[widest] > UNEVEN * np.median(spreads) > 0:
        name = np.array(names)[repeated][widest]
        notes.append(
            f"the rows of '{name}' spread {spreads[widest] / np.median(spreads):.0f} times as far as those of other "
            "records: are they repeats of one thing? They widen every interval"
        )
    return Noise(some_noise(float(np.sum(variance * (counts - 1))), freedom), freedom)


def _in_order(given: "pl.Series", notes: list[str]) -> "pl.Series":
    """Ranks by number, by date or, where it is neither, by the alphabet."""
    import polars as pl

    if given.dtype.is_numeric() or given.dtype.is_temporal():
        return given.rank("dense")
    words = given.cast(pl.String).str.strip_chars()
    readings = [words.cast(pl.Float64, strict=False), *(words.str.to_date(form, strict=False) for form in DATES)]
    for reading in readings:
        if reading.null_count() == 0:
            return reading.rank("dense")
    notes.append(f"column '{given.name}' holds neither numbers nor dates: records are in the order of the alphabet")
    return words.rank("dense")
