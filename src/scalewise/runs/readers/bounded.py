"""Reading what nobody vouches for: limits on sizes, lines and nesting, each refused in one sentence."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scalewise.errors import TableError, first_line
from scalewise.runs.report import ReadingReport

LARGEST_DOCUMENT = 512 * 2**20
"""Bytes of a JSON or YAML file, which is read as a whole."""
MOST_VALUES = 50_000_000
"""Of a JSON document; an empty list takes three bytes in the file and fifty in memory."""
LONGEST_LINE = 2**20
"""Characters of a line of a log or of JSON lines."""
MOST_KEYS = 500
"""Hyperparameters of one run that are kept."""
LONGEST_TEXT = 300
"""Characters of a hyperparameter that are kept."""


def whole(path: Path, most: int = LARGEST_DOCUMENT) -> bytes:
    """The file's bytes. Raises TableError when it is too large or cannot be read."""
    try:
        with path.open("rb") as file:
            too_large = path.stat().st_size > most
            content = b"" if too_large else file.read(most + 1)
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror or error}.") from None
    if too_large or len(content) > most:
        raise TableError(f"{path}: more than {most // 2**20:,} MB, too large for a file of its kind.")
    return content


def json_value(content: bytes, where: str) -> Any:
    """What JSON bytes hold. Raises TableError for what is no JSON, nests too deeply or would fill the memory."""
    if len(content) > MOST_VALUES and sum(map(content.count, (b"[", b"{", b","))) > MOST_VALUES:
        raise TableError(f"{where}: more than {MOST_VALUES:,} values, which would fill the memory.")
    try:
        return json.loads(content)
    except RecursionError:
        raise TableError(f"{where}: JSON nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise TableError(f"{where}: not JSON: {error.msg} at character {error.pos + 1}.") from None
    except ValueError as error:  # not UTF-8, or a number of thousands of digits
        raise TableError(f"{where}: not JSON: {first_line(error)[:200]}.") from None


def json_object(content: bytes, where: str) -> dict[str, Any]:
    """The JSON object that bytes hold. Raises TableError for anything else."""
    value = json_value(content, where)
    if not isinstance(value, dict):
        raise TableError(f"{where}: a JSON object is needed.")
    return value


def yaml_object(content: bytes, where: str) -> dict[str, Any]:
    """The YAML mapping that bytes hold, plain values only: tags that would build objects are refused."""
    import yaml

    try:
        value = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except RecursionError:
        raise TableError(f"{where}: YAML nested too deeply.") from None
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise TableError(f"{where}: not plain YAML: {first_line(error)[:200]}.") from None
    if not isinstance(value, dict):
        raise TableError(f"{where}: a YAML mapping is needed.")
    return value


def lines(path: Path, report: ReadingReport) -> Iterator[tuple[int, str]]:
    """Numbers and text of the file's whole lines. A last line that is cut short is left for later, and that is said.

    Raises TableError for a line that is too long.
    """
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise TableError(f"{path}, line {number}: more than {LONGEST_LINE:,} characters; that is no log line.")
            if not line.endswith(b"\n"):
                report.add("dropped", "the last line is incomplete (still being written?); it is left for later")
                return
            yield number, line.decode("utf-8", "replace").rstrip("\r\n")


def flat(config: dict[str, Any], report: ReadingReport, separator: str = ".") -> dict[str, Any]:
    """Nested hyperparameters as `a.b`; numbers, short text and booleans are kept."""
    kept: dict[str, Any] = {}
    todo: list[tuple[str, Any]] = [(str(key), value) for key, value in reversed(config.items())]
    while todo:
        key, value = todo.pop()
        if len(kept) >= MOST_KEYS:
            report.add("dropped", f"hyperparameters beyond the first {MOST_KEYS}")
            break
        if isinstance(value, dict):
            if key.count(separator) < 8:
                todo += [(f"{key}{separator}{inner}", v) for inner, v in reversed(value.items())]
        elif isinstance(value, bool) or (isinstance(value, str) and len(value) <= LONGEST_TEXT):
            kept[key] = str(value)
        elif isinstance(value, int | float) and abs(value) <= 1e300:
            kept[key] = float(value) if abs(value) > 2**53 else value
    return kept
