"""What the readers of text logs share: lines that match a pattern become rows, one a step."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.errors import TableError
from scalewise.runs.readers.bounded import lines
from scalewise.runs.readers.curves import run_table
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

SEARCHED = 4 * 2**20
"""Bytes from the start in which a log's first row is looked for; some begin with the program's own text."""
LONGEST_MATCHED = 4096
"""Characters of a line beyond which it is not looked at: a row of a log is short."""
NUMBER = r"([-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf|-inf)"
LOG_ENDINGS = ("", ".log", ".txt", ".out", ".err", ".stdout")


def number(text: str) -> float:
    return float(text.replace(",", ""))


@dataclass(frozen=True)
class Line:
    """A kind of line: its groups are the named columns. Where `step` is not among them it is a header's line."""

    like: str
    pattern: re.Pattern[str]
    columns: tuple[str, ...]


def line(like: str, pattern: str, *columns: str) -> Line:
    """A line such as `like`; `#` in the pattern stands for a number."""
    return Line(like, re.compile(pattern.replace("#", NUMBER)), columns)


@dataclass
class Log:
    """A log's rows by step and the values of its header."""

    rows: dict[int, dict[str, float]] = field(default_factory=dict)
    header: dict[str, float] = field(default_factory=dict)


def recognises(kinds: Sequence[Line]) -> Callable[[Path, bytes], Path | None]:
    """A `unit` for logs: a text file that has a row of one of these kinds near its start."""

    def unit(path: Path, head: bytes) -> Path | None:
        if path.suffix.lower() not in LOG_ENDINGS or b"\0" in head:
            return None
        with path.open("rb") as file:
            start = file.read(SEARCHED)
        for raw in start.split(b"\n"):
            if len(raw) <= LONGEST_MATCHED:
                text = raw.decode("utf-8", "replace")
                if any("step" in kind.columns and kind.pattern.match(text) for kind in kinds):
                    return path
        return None

    return unit


def parsed(path: Path, kinds: Sequence[Line], report: ReadingReport) -> Log:
    """The rows of a log. What was matched is reported; of a step logged twice, after a restart, the later values count.

    Raises TableError when no row is there.
    """
    log, counts, back, last = Log(), dict.fromkeys(kinds, 0), False, -1
    for _, text in lines(path, report):
        if len(text) > LONGEST_MATCHED:
            continue
        for kind in kinds:
            match = kind.pattern.match(text)
            if not match:
                continue
            counts[kind] += 1
            values = {name: number(group) for name, group in zip(kind.columns, match.groups(), strict=True) if group}
            if "step" not in kind.columns:
                log.header.update(values)
                break
            step = values.pop("step")
            if not 0 <= step < 2**53:
                raise TableError(f"{path}: step {step:g} is absurd.")
            back |= int(step) < last
            last = int(step)
            log.rows.setdefault(last, {}).update(values)
            break
    if not log.rows:
        raise TableError(f"{path}: no line like '{kinds[0].like}'.")
    for kind, count in counts.items():
        if count:
            report.add("columns", f"lines like '{kind.like}' give {', '.join(c.strip('_') for c in kind.columns)}")
    if back:
        report.add("thinned", "steps go back (a restart): of a step logged twice the later values count")
    return log


def table_of(log: Log, run: str, report: ReadingReport) -> "pl.DataFrame":
    import polars as pl

    rows = [{"step": step} | log.rows[step] for step in sorted(log.rows)]
    config = {name: value for name, value in log.header.items() if not name.startswith("_")}
    return run_table(pl.DataFrame(rows, infer_schema_length=None), run, config, report)


def with_tokens(log: Log, per_step: float | None, report: ReadingReport) -> None:
    """Tokens of each row from the tokens of a step, where the header says how many they are."""
    if per_step:
        report.add("inferred", "tokens are steps times the tokens of a step that the header gives")
        for step, row in log.rows.items():
            row["tokens"] = step * per_step
    else:
        report.add("gaps", "tokens: the log does not say how many a step has; give them with --join or in a table")
