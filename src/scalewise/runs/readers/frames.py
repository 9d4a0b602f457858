"""Tables that are in memory already: Polars, pandas and Arrow data frames, and open files."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.readers.tidy import read_stream
from scalewise.runs.report import ReadingReport
from scalewise.runs.table import listed

if TYPE_CHECKING:
    import polars as pl

DATA_FRAME, OPEN_FILE = "data frame", "open file"


def read_frame(given: Any, report: ReadingReport) -> "tuple[pl.DataFrame, str]":
    """The table and what to call it. Raises TableError for what is none."""
    import polars as pl

    if isinstance(given, pl.DataFrame):
        return given, DATA_FRAME
    if isinstance(given, pl.LazyFrame):
        return given.collect(), DATA_FRAME
    if type(given).__module__.split(".")[0] == "pandas" and hasattr(given, "columns"):
        return _from_pandas(given), DATA_FRAME
    if hasattr(given, "__arrow_c_stream__") or hasattr(given, "__arrow_c_array__"):
        with suppress(pl.exceptions.PolarsError):
            return pl.DataFrame(given), DATA_FRAME
    if hasattr(given, "read"):
        name = str(getattr(given, "name", OPEN_FILE))
        content = given.read()
        return read_stream(content.encode() if isinstance(content, str) else content, name, report), name
    raise TableError(
        f"runs cannot be read from {_called(given)}; give a path, a list of paths, a data frame or an open file."
    )


def _called(given: Any) -> str:
    if isinstance(given, list | tuple) and given:
        return f"a {type(given).__name__} of {type(given[0]).__name__}"
    return f"an empty {type(given).__name__}" if isinstance(given, list | tuple) else f"a {type(given).__name__}"


def _from_pandas(frame: Any) -> "pl.DataFrame":
    """Column by column, so that pyarrow is not needed. An index that has a name is a column; what is missing in a
    column that is not of plain numbers is an empty cell."""
    import polars as pl

    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    names = [str(name) for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TableError(f"{DATA_FRAME}: column {listed(twice)} is there more than once; keep one.")
    columns = {}
    for place, name in enumerate(names):
        column = frame.iloc[:, place]
        if getattr(column.dtype, "kind", "O") in "iufbM" and hasattr(column.dtype, "newbyteorder"):
            columns[name] = pl.Series(name, column.to_numpy())
        else:
            cells = column.astype(object).where(column.notna(), None).tolist()
            columns[name] = pl.Series(name, cells, strict=False)
    return pl.DataFrame(columns)
