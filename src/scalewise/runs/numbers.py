"""Cells as numbers, or one sentence that names the first that is none."""

from typing import TYPE_CHECKING

from scalewise.errors import TableError

if TYPE_CHECKING:
    import polars as pl

THOUSANDS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
"""What letters stand for in counts such as 125m or 1.3B."""


def numbers(given: "pl.Series", source: str) -> "pl.Series":
    """The column as Float64; blank text is an empty cell. Raises TableError (row, column) for what is no number."""
    import polars as pl

    refuse_nested(given, source, "numbers")
    if given.dtype.is_temporal():
        raise TableError(f"{source}, column '{given.name}': cells are {given.dtype}, not numbers.")
    if given.dtype in (pl.String, pl.Categorical, pl.Enum):
        given = given.cast(pl.String).str.strip_chars().replace("", None)
    read = given.cast(pl.Float64, strict=False)
    if read.null_count() > given.null_count():
        wrong = given.is_not_null() & read.is_null()
        row = int(wrong.arg_true()[0])
        raise TableError(
            f"{source}, row {row + 1}, column '{given.name}': '{given[row]}' is not a number ({cells(wrong)}); "
            "write numbers out, for example 1.2e9."
        )
    return read


def written_out(given: "pl.Series") -> "pl.Series | None":
    """A column of text with counts such as 125m or 1.3B in it as numbers in text; None where there is none."""
    import polars as pl

    if given.dtype != pl.String:
        return None
    parts = given.str.strip_chars().str.extract_groups(r"^([0-9]+(?:\.[0-9]+)?) ?([kKmMbBgGtT])$").struct.unnest()
    count = parts["1"].cast(pl.Float64, strict=False)
    if count.count() == 0:
        return None
    letter = parts["2"].str.to_lowercase().replace_strict(THOUSANDS, default=None, return_dtype=pl.Float64)
    return (count * letter).cast(pl.String).fill_null(given).alias(given.name)


def refuse_nested(given: "pl.Series", source: str, wanted: str) -> None:
    import polars as pl

    if given.dtype.is_nested() or given.dtype in (pl.Binary, pl.Boolean, pl.Object):
        raise TableError(f"{source}, column '{given.name}': cells are {given.dtype}, not {wanted}.")


def cells(wrong: "pl.Series") -> str:
    """How many cells are wrong, in words."""
    count = int(wrong.sum())
    return "1 such cell" if count == 1 else f"{count:,} such cells"
