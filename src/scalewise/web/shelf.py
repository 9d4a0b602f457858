"""What the page can see on disk: the tables of one folder, and the answers kept there. Nothing else is ever opened.

A client names a table or an answer by its key, and only keys that are listed here lead to a path.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scalewise.errors import ScalewiseError
from scalewise.runs.embedded import EMBEDDED
from scalewise.runs.files import write_text
from scalewise.runs.saved import is_saved
from scalewise.runs.store import Store

MOST_UPLOADS = 50
MOST_UPLOAD_BYTES = 2 * 2**30
MOST_TABLES = 200
MOST_ANSWERS = 500
MOST_SHOWN = 50
LONGEST_NAME = 80
KEY = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Table:
    """A table that questions can be asked of: `source`, as it is read from `folder`."""

    key: str
    name: str
    folder: Path
    source: str
    is_store: bool = False

    @property
    def path(self) -> Path:
        return self.folder / self.source

    @property
    def is_study(self) -> bool:
        """Whether it declares runs instead of holding them."""
        return self.source.lower().endswith(".toml")

    def job(self) -> dict[str, str]:
        """As a worker is told of it. The stamp changes when there is something new to read."""
        return {"folder": str(self.folder), "source": self.source, "stamp": self._stamp()}

    def _stamp(self) -> str:
        if not self.path.exists():
            return ""
        paths = [self.path, *(self.path.glob("runs/*/status.json") if self.is_store else ())]
        times = [path.stat().st_mtime_ns for path in paths if path.exists()]
        return f"{len(times)}-{max(times)}"


@dataclass(frozen=True)
class Kept:
    """An answer that was given before: what was asked of which table, when, and the answer's own JSON."""

    key: str
    when: str
    table: str
    question: str
    verdict: str
    sentence: str
    address: str
    text: str


class Shelf:
    """One folder. A store is a table itself; another folder holds tables. Uploads and answers are kept in it."""

    def __init__(self, directory: Path, typed: str | None, lasting: bool) -> None:
        self.directory, self.typed, self.lasting = directory.resolve(), typed, lasting
        self.uploads, self.answers = self.directory / "uploads", self.directory / "answers"

    def tables(self) -> dict[str, Table]:
        """By key: those of the folder, uploaded ones, and the embedded suites."""
        found = [*self._given(), *self._uploaded()]
        embedded = [Table(name, f"{name}, an embedded suite", self._nowhere(), name) for name in EMBEDDED]
        return {table.key: table for table in [*found[:MOST_TABLES], *embedded]}

    def table(self, key: str) -> Table:
        if key not in (tables := self.tables()):
            raise ScalewiseError("there is no such table here; it may have been removed.")
        return tables[key]

    def _given(self) -> Iterator[Table]:
        if self.typed is None:
            return
        is_store = Store.is_store(self.directory)
        if is_store or is_saved(self.directory):
            yield Table(_key("store"), self.directory.name, Path.cwd(), self.typed, is_store)
            return
        for path in sorted(self.directory.iterdir()):
            inside = path.resolve().is_relative_to(self.directory)  # a link that leads out is not followed
            is_store = path.is_dir() and Store.is_store(path)
            is_table = is_store or is_saved(path) or (path.is_file() and path.suffix)
            if inside and not path.name.startswith(".") and is_table:
                source = str(Path(self.typed) / path.name)
                yield Table(_key("given", path.name), path.name, Path.cwd(), source, is_store)

    def _uploaded(self) -> Iterator[Table]:
        if self.uploads.is_dir():
            for path in sorted(self.uploads.iterdir()):
                if not path.name.startswith(".") and not path.is_symlink():  # a store is read, never trained on
                    yield Table(_key("upload", path.name), path.name, self.uploads, path.name)

    def _nowhere(self) -> Path:
        """A folder without files that are called like an embedded suite."""
        self.answers.mkdir(parents=True, exist_ok=True)
        return self.answers

    def place_for(self, name: str) -> Path:
        """Where an uploaded file or folder goes: its name, freed of everything that could lead elsewhere.

        Raises ScalewiseError when there are too many already.
        """
        there = list(self.uploads.iterdir()) if self.uploads.is_dir() else []
        total = sum(path.lstat().st_size for path in self.uploads.rglob("*"))
        if len(there) >= MOST_UPLOADS or total > MOST_UPLOAD_BYTES:
            raise ScalewiseError(f"{len(there)} files were uploaded already; restart the page with another folder.")
        self.uploads.mkdir(parents=True, exist_ok=True)
        last = re.split(r"[\\/]", name)[-1]
        clean = re.sub(r"[^A-Za-z0-9._-]+", "_", last)[-LONGEST_NAME:].lstrip("._-") or "table"
        taken = {path.name.lstrip(".") for path in there}
        stem, dot, ending = clean.partition(".")
        for number in range(2, MOST_UPLOADS + 3):
            if clean not in taken:
                break
            clean = f"{stem}-{number}{dot}{ending}"
        return self.uploads / clean

    def uploaded(self, path: Path) -> Table:
        return self.table(_key("upload", path.name))

    def keep(self, key: str, table: str, address: str, text: str) -> None:
        """Write an answer, and forget the oldest beyond the number that is kept."""
        record = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "table": table, "address": address}
        self.answers.mkdir(parents=True, exist_ok=True)
        write_text(self.answers / f"{key}.json", json.dumps(record | {"answer": json.loads(text)}))
        files = sorted(self.answers.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-MOST_ANSWERS]:
            path.unlink(missing_ok=True)

    def kept(self, key: str) -> Kept:
        """An answer by its key. Raises ScalewiseError when there is none."""
        path = self.answers / f"{key}.json"
        if not KEY.fullmatch(key) or not path.is_file() or path.is_symlink():
            raise ScalewiseError("there is no such answer here.")
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        answer = record["answer"]
        return Kept(
            key,
            record["when"],
            record["table"],
            answer["question"],
            answer["verdict"],
            answer["sentence"],
            record["address"],
            json.dumps(answer),
        )

    def history(self) -> list[Kept]:
        """The newest answers first."""
        if not self.answers.is_dir():
            return []
        files = [path for path in self.answers.glob("*.json") if KEY.fullmatch(path.stem)]
        files.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
        return [self.kept(path.stem) for path in files[:MOST_SHOWN]]


def _key(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:12]
