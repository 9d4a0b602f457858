"""The store: a study on disk. One folder per run, append-only JSON lines inside, a summary rebuilt from them.

    DIR/study.toml            the declaration, as it was given
    DIR/corpus.json, corpus/  which text: files, bytes, hash; and the text
    DIR/environment.json      with which code and versions the study was begun
    DIR/tuning.jsonl          one line per tuned cell: rates tried, losses, bracketed or not
    DIR/lock                  held by the process that trains into the folder
    DIR/trunks/               what runs of several budgets share, while the study is being trained
    DIR/checkpoints.json      where that and other checkpoints are instead, if they are elsewhere
    DIR/runs/RUN/config.json  the recipe of one run, written before it starts
    DIR/runs/RUN/metrics.jsonl  one line per logged step, only ever appended to
    DIR/runs/RUN/weights@STEP.pt  what the run ended with, where it is kept (`lab/weights.py`)
    DIR/runs/RUN/status.json  running (and how far), finished, diverged or failed, and why
    DIR/summary.parquet       one row per run at its end; may be deleted at any time

Plain appends survive a killed process and shared disks; a half-written last line is ignored when read.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from scalewise.errors import TableError
from scalewise.runs.files import naming_a_full_disk, write_text, write_whole

if TYPE_CHECKING:
    import polars as pl

State = Literal["waiting", "running", "finished", "diverged", "failed"]
Record = dict[str, Any]
DECLARED = "study.toml"


@dataclass(frozen=True)
class RunFolder:
    """One run's folder."""

    path: Path

    @property
    def metrics_path(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def status_path(self) -> Path:
        return self.path / "status.json"

    def create(self, config: Record) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        write_text(self.path / "config.json", json.dumps(config, indent=1))

    def append(self, row: Record) -> None:
        append_line(self.metrics_path, row)

    def set_state(self, state: State, message: str = "", reached: Record | None = None) -> None:
        """`reached` is how far a run in training is: a row as of its metrics."""
        status = {"state": state, "message": message} | ({"reached": reached} if reached else {})
        write_text(self.status_path, json.dumps(status))

    def state(self) -> State:
        state: State = self._status().get("state", "waiting")
        return state

    def has_ended(self) -> bool:
        """Whether the run has a result, which is final: a failed run is tried again."""
        return self.state() in ("finished", "diverged")

    def message(self) -> str:
        """Why the run ended as it did, where there is something to say."""
        return str(self._status().get("message", ""))

    def reached(self) -> Record:
        """Where a run in training last said that it was, between two rows of its metrics; empty where it did not."""
        reached: Record = self._status().get("reached", {})
        return reached

    def _status(self) -> Record:
        return _read_object(self.status_path) if self.status_path.exists() else {}

    def config(self) -> Record:
        return _read_object(self.path / "config.json")

    def metrics(self) -> list[Record]:
        """Logged rows by step; a step logged twice (before and after a restart) counts once."""
        by_step = {row.get("step", 0): row for row in read_lines(self.metrics_path)}
        return [by_step[step] for step in sorted(by_step)]


@dataclass(frozen=True)
class Store:
    """A folder of runs."""

    path: Path

    @staticmethod
    def is_store(path: Path) -> bool:
        return (path / DECLARED).is_file() and (path / "runs").is_dir()

    def run(self, name: str) -> RunFolder:
        return RunFolder(self.path / "runs" / name)

    def runs(self) -> list[RunFolder]:
        return [RunFolder(p) for p in sorted((self.path / "runs").iterdir()) if (p / "config.json").is_file()]

    def append_tuning(self, cell: Record) -> None:
        append_line(self.path / "tuning.jsonl", cell)

    def tuning(self) -> list[Record]:
        """The last line of every tuned cell (a resumed study may write a cell again, with the same content)."""
        cells = {(row["group"], row["params"], row["flops_budget"]): row for row in self._lines("tuning.jsonl")}
        return list(cells.values())

    def _lines(self, name: str) -> Iterator[Record]:
        return read_lines(self.path / name)

    def summary(self) -> "pl.DataFrame":
        """One row per run that has ended: its recipe and its last logged step. A run that diverged or failed is a row
        with that state and loss NaN.

        Raises TableError when nothing has ended yet.
        """
        import polars as pl

        rows: list[Record] = []
        for folder in self.runs():
            state = folder.state()
            metrics = folder.metrics()
            if state in ("finished", "diverged", "failed"):
                last = metrics[-1] if metrics else {}
                rows.append(folder.config() | {"loss": float("nan")} | last | {"state": state})
        if not rows:
            raise TableError(f"{self.path}: no run of this store has ended yet; let `scalewise train` go on.")
        table = pl.DataFrame(rows, infer_schema_length=None, strict=False)
        return table

    def save_summary(self) -> None:
        """Write summary.parquet, for other programs; ours rebuild it from the lines."""
        write_whole(self.path / "summary.parquet", self.summary().write_parquet)

    def unfinished(self) -> int:
        """How many runs have begun and not ended."""
        return sum(folder.state() in ("waiting", "running") for folder in self.runs())


def append_line(path: Path, row: Record) -> None:
    """Add one JSON line; what a kill left of an unfinished line before it is removed first."""
    with naming_a_full_disk(path), path.open("ab+") as file:
        if file.tell():
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.truncate(_end_of_last_line(path))
        file.write(json.dumps(row).encode() + b"\n")


def _end_of_last_line(path: Path) -> int:
    return path.read_bytes().rfind(b"\n") + 1


def read_lines(path: Path) -> Iterator[Record]:
    """The whole JSON lines of a file; a last line cut short by a kill is skipped. Raises TableError for another one."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if line.endswith("\n"):
                yield _object(line, f"{path}, line {number}")


def _read_object(path: Path) -> Record:
    return _object(path.read_text(encoding="utf-8", errors="replace"), str(path))


def _object(text: str, where: str) -> Record:
    try:
        record = json.loads(text)
    except json.JSONDecodeError:
        record = None
    if not isinstance(record, dict):
        raise TableError(f"{where}: not a JSON object; the store is damaged there, remove that run's folder.")
    return record
