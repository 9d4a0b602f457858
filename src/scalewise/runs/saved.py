"""A read table on disk: `scalewise read PATH... --into DIR` writes it, and every command takes DIR as its runs.

DIR/runs.parquet   the tidy table
DIR/reading.json   the reading report: what was taken as what, inferred, converted, thinned, dropped, missing
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.errors import TableError, first_line
from scalewise.runs.files import check_writable, write_text, write_whole
from scalewise.runs.readers.bounded import json_object, whole
from scalewise.runs.report import ReadingReport
from scalewise.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

TABLE, REPORT = "runs.parquet", "reading.json"


def is_saved(folder: Path) -> bool:
    return (folder / TABLE).is_file() and (folder / REPORT).is_file()


def check_folder(folder: Path) -> None:
    """Raise ScalewiseError when a table cannot be saved there, before it is read."""
    if folder.is_dir() and not is_saved(folder) and any(folder.iterdir()):
        raise TableError(f"{folder}: holds other files; name a new folder, or one that `scalewise read` wrote.")
    check_writable(folder / TABLE)


def save(runs: Runs, folder: Path) -> None:
    """Write the table and its reading report, each whole; an earlier reading is replaced."""
    check_folder(folder)
    stored = {"source": runs.source, "read_with": list(runs.read_with), "report": runs.report.to_dict()}
    write_whole(folder / TABLE, runs.table.write_parquet)
    write_text(folder / REPORT, json.dumps(stored, indent=1, ensure_ascii=False) + "\n")


def read_saved(folder: Path, report: ReadingReport) -> "pl.DataFrame":
    """The table of a folder; its reading report is added to `report`. Raises TableError when one is damaged."""
    import polars as pl

    file = folder / REPORT
    stored = json_object(whole(file), str(file))
    try:
        report.include(ReadingReport.from_dict(stored["report"]))
        return pl.read_parquet(folder / TABLE)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise TableError(f"{file}: not a reading report; read the logs again with --into {folder}.") from None
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{folder / TABLE}: cannot be read: {first_line(error)}.") from None
