"""SQLite files that nobody vouches for: opened read-only, plain tables only, no query that never ends."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from scalewise.errors import TableError, first_line

COMPANIONS = ("*-wal", "*-shm", "*-journal")
"""Files that SQLite keeps beside a database while it is written."""
MAGIC = b"SQLite format 3\x00"
LONGEST_CELL = 64 * 2**20
"""Bytes of one cell."""
PATIENCE = 2_000
"""Thousands of steps of SQLite's machine that may pass without a row; a row of a plain table takes less than one."""
MOST_ROWS = 200_000_000


class Database:
    """An open file. `rows` reads whole columns of one plain table."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._waited = 0
        connection.set_progress_handler(self._tired, 1_000)

    def _tired(self) -> bool:
        self._waited += 1
        return self._waited > PATIENCE

    def tables(self) -> dict[str, set[str]]:
        """The plain tables (views and virtual tables run code of the file's own) and their columns."""
        query = "select name, sql from sqlite_master where type = 'table'"
        named = self._connection.execute(query).fetchmany(1_000)
        plain = [str(name) for name, sql in named if not str(sql).lower().startswith("create virtual")]
        quoted = {name: '"' + name.replace('"', '""') + '"' for name in plain}
        info = {name: self._connection.execute(f"pragma table_xinfo({q})").fetchall() for name, q in quoted.items()}
        return {name: {str(c[1]) for c in columns if c[6] == 0} for name, columns in info.items()}

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """The named columns of a table, row by row. Raises TableError when the file is damaged."""
        there = self.tables().get(table, set())
        missing = [column for column in columns if column not in there]
        if missing:
            raise TableError(f"{self._path}: the table '{table}' has no column '{missing[0]}'.")
        names = ", ".join(f'"{column}"' for column in columns)
        cursor = self._connection.execute(f'select {names} from "{table}"')
        count = 0
        while batch := cursor.fetchmany(1_000):
            self._waited = 0
            count += len(batch)
            if count > MOST_ROWS:
                raise TableError(f"{self._path}: more than {MOST_ROWS:,} rows in '{table}'.")
            yield from batch


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    """The database. Whatever SQLite finds wrong is raised as TableError in one sentence."""
    connection = None
    try:
        how = "mode=ro&immutable=1" if _left_alone(path) else "mode=ro"
        connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?{how}", uri=True, timeout=2.0)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_CELL)
        connection.execute("pragma trusted_schema = off")
        connection.execute("pragma query_only = on")
        yield Database(connection, path)
    except (sqlite3.Error, OSError, OverflowError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: cannot be read as a database: {first_line(error)[:200]}.") from None
    finally:
        if connection is not None:
            connection.close()


def _left_alone(path: Path) -> bool:
    """Whether a database keeps a write-ahead log and nobody has it open: SQLite would leave two files beside it, and
    could not open it in a folder that may not be written to."""
    with path.open("rb") as file:
        logs_ahead = file.read(20)[18:] == b"\x02\x02"
    return logs_ahead and not path.with_name(f"{path.name}-wal").exists()


def has_tables(path: Path, head: bytes, **wanted: set[str]) -> bool:
    """Whether a file is a database with these tables and columns."""
    if not head.startswith(MAGIC):
        return False
    try:
        with opened(path) as database:
            there = database.tables()
    except TableError:
        return False
    return all(columns <= there.get(table, set()) for table, columns in wanted.items())
