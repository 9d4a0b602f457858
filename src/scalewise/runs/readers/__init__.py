"""Readers: from the logs people have to the Runs table. `read` is the door; each format is one file here."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.compute import Convention
from scalewise.runs.embedded import EMBEDDED, read_embedded
from scalewise.runs.readers.tidy import ENDINGS, read_standard_input, read_tidy
from scalewise.runs.store import Store
from scalewise.runs.table import Runs
from scalewise.runs.validate import runs_from

if TYPE_CHECKING:
    import polars as pl

STANDARD_INPUT, DATA_FRAME = "standard input", "data frame"
PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".pickle.xz", ".pkl.gz", ".joblib")


def read(
    source: "str | Path | Any",
    columns: Mapping[str, str] | None = None,
    nan_means_diverged: bool = False,
    flops_by: Convention = "given",
) -> Runs:
    """Read runs from a file, a store, the embedded suite (`"smol"`), standard input (`"-"`) or a data frame.

    `columns` names columns that aliases cannot know, as {our name: the table's name}. `flops_by` is `given`, `full`
    (attention and last layer counted, from the model's shape) or `6nd`. Raises TableError in one sentence that
    names file, row and column.
    """
    if not isinstance(source, str | Path):
        return runs_from(_frame(source), DATA_FRAME, columns, nan_means_diverged, flops_by)
    table, notes = _table_at(str(source))
    name = STANDARD_INPUT if str(source) == "-" else str(source)
    return runs_from(table, name, columns, nan_means_diverged, flops_by, notes)


def _table_at(source: str) -> "tuple[pl.DataFrame, tuple[str, ...]]":
    """The table at a path, and what there is to say about how it was found."""
    path = Path(source)
    if source == "-":
        return read_standard_input(STANDARD_INPUT), ()
    if not path.exists():
        if source in EMBEDDED:
            return read_embedded(source), ()
        raise TableError(f"{source}: there is no such file or folder (the embedded suite is called 'smol').")
    if path.is_dir():
        if not Store.is_store(path):
            raise TableError(f"{source}: a folder, but not a store (no study.toml and runs/); name a file.")
        unfinished = Store(path).unfinished()
        note = f"{unfinished:,} runs of the store have not ended; they are left out"
        return Store(path).summary(), (note,) if unfinished else ()
    if source.lower().endswith(PICKLES) or _starts_like_a_pickle(path):
        raise TableError(
            f"{source}: a pickle runs code when it is opened, so it is refused; save it as CSV or Parquet."
        )
    if not source.lower().endswith(ENDINGS):
        raise TableError(f"{source}: unknown kind of file; scalewise reads {', '.join(ENDINGS)}.")
    if path.stat().st_size == 0:
        raise TableError(f"{source}: the file is empty.")
    return read_tidy(path), ()


def _starts_like_a_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(2)
    return len(start) == 2 and start[0] == 0x80 and start[1] in (2, 3, 4, 5)


def _frame(frame: Any) -> "pl.DataFrame":
    """A Polars, pandas or Arrow table."""
    import polars as pl

    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    module = type(frame).__module__.split(".")[0]
    if module == "pandas":
        return pl.DataFrame({str(name): frame[name].to_numpy() for name in frame.columns})
    if module == "pyarrow":
        converted = pl.from_arrow(frame)
        if isinstance(converted, pl.DataFrame):
            return converted
    raise TableError(f"runs cannot be read from a {type(frame).__name__}; give a path or a data frame.")
