"""What a reader is: it recognises its files by name and first bytes, and reads one of them into a table."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

HEAD = 4096
"""Bytes of a file that readers see to recognise it."""


@dataclass(frozen=True)
class Format:
    """One kind of log. All files are untrusted: `read` raises TableError, in bounded memory, for what it cannot use."""

    name: str
    unit: Callable[[Path, bytes], Path | None]
    """Of a file and its first bytes: what is read for it (itself, or the folder of a run in several files), or None."""
    read: Callable[[Path, str, ReadingReport], "pl.DataFrame"]
    """Of such a file or folder and a name for it: rows under their own names, `run` among them unless the format is
    tidy. What was inferred, converted, thinned or dropped goes into the report; last lines cut short are left out."""
    details_of: str | None = None
    """The format that sums these files up; in a folder with both, only the sums are read."""
    companions: tuple[str, ...] = ()
    """Names of files that lie beside these and need no reading or are read with them."""
    shared: bool = False
    """Whether several files hold different metrics or items of the same runs, so that runs of one name are one run."""
    by_item: "Format | None" = None
    """The format that reads a row an item from the same files."""
    tidy: bool = False
    """Whether files are tables in which columns name the runs, if anything does."""
