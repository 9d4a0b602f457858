"""From paths, patterns and folder trees to what readers can read. Links inside a folder are not followed."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from scalewise.errors import TableError
from scalewise.runs.readers.format import HEAD, Format
from scalewise.runs.report import ReadingReport
from scalewise.runs.table import listed

PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".pickle.xz", ".pkl.gz", ".joblib")
MOST_FILES = 2_000_000
NAMELESS = ("", ".")


@dataclass(frozen=True)
class Found:
    """Something to read: a file or a folder, its format, and its name below what was asked for."""

    path: Path
    format: Format
    name: str


def find(paths: Sequence[str], formats: Sequence[Format], report: ReadingReport, by_item: bool = False) -> list[Found]:
    """What there is to read, in order, each thing once: with `by_item` what has rows by item, and nothing else. What is
    left alone is counted in the report.

    Raises TableError for a path that is not there, a single file of no known format, or folders without any.
    """
    named = [path for given in paths for path in _expanded(given)]
    base = _base(named)
    found: dict[Path, Found] = {}
    unknown: list[str] = []
    for given in named:
        path = Path(given)
        whole_tree = path.is_dir()
        for file in _files(path, report) if whole_tree else (path,):
            match = _recognised(file, formats, whole_tree)
            if match is None and any(fnmatch(file.name, name) for kind in formats for name in kind.companions):
                continue
            if match is None:
                unknown.append(os.path.relpath(file, base))
                continue
            unit, kind = match
            target = unit if whole_tree else file
            if (key := target.absolute()) not in found:
                found[key] = Found(target, kind, _name(unit, base))
    if not found:
        raise TableError(
            f"{listed(paths)}: nothing of a known format is in there, and it is not a store; see docs/reading.md."
        )
    if unknown:
        report.add("dropped", f"{len(unknown):,} files of no known format: {listed(unknown, most=3)}")
    return _by_item(list(found.values()), report) if by_item else _without_details(list(found.values()), report)


def _by_item(found: list[Found], report: ReadingReport) -> list[Found]:
    kept = [replace(item, format=item.format.by_item or item.format) for item in found if _has_items(item.format)]
    if not kept:
        raise no_items(str(found[0].path))
    if len(kept) < len(found):
        report.add("dropped", f"{len(found) - len(kept):,} files without rows by item")
    return kept


def no_items(source: str) -> TableError:
    return TableError(
        f"{source}: no rows by item; samples of lm-evaluation-harness (--log_samples) and logs of Inspect have them."
    )


def _has_items(kind: Format) -> bool:
    return kind.by_item is not None or kind.details_of is not None


def _without_details(found: list[Found], report: ReadingReport) -> list[Found]:
    names = {item.format.name for item in found}
    details = [item for item in found if item.format.details_of in names]
    if details:
        kind = details[0].format
        report.add(
            "dropped",
            f"{len(details):,} files of {kind.name}, which {kind.details_of} sum up; for rows by item: --by-item",
        )
    return [item for item in found if item.format.details_of not in names]


def _expanded(given: str) -> list[str]:
    """A pattern's files; a path that is there stands for itself."""
    if os.path.lexists(given):
        return [given]
    matches = sorted(glob.glob(given, recursive=True)) if glob.has_magic(given) else []
    if not matches:
        raise TableError(f"{given}: there is no such file or folder (the embedded suite is called 'smol').")
    return matches


def _base(named: list[str]) -> str:
    """The folder below which things are named."""
    folders = [path if os.path.isdir(path) else os.path.dirname(os.path.abspath(path)) for path in named]
    return os.path.commonpath([os.path.abspath(folder) for folder in folders])


def _name(unit: Path, base: str) -> str:
    relative = os.path.relpath(unit, base)
    if unit.is_dir():
        return unit.resolve().name if relative in NAMELESS else relative
    name = relative
    for ending in (".gz", Path(name.removesuffix(".gz")).suffix):
        name = name.removesuffix(ending)
    return name


def _files(folder: Path, report: ReadingReport) -> Iterator[Path]:
    """All regular files of a tree, by name; hidden folders and links are left out."""
    count = links = 0
    for at, inner, files in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        with os.scandir(at) as entries:
            kinds = {entry.name: (entry.is_file(follow_symlinks=False), entry.is_symlink()) for entry in entries}
        for name in sorted(files):
            regular, link = kinds.get(name, (False, False))
            links += link
            if regular and not name.startswith("."):
                count += 1
                if count > MOST_FILES:
                    raise TableError(f"{folder}: more than {MOST_FILES:,} files; name a smaller folder.")
                yield Path(at, name)
    if links:
        report.add("dropped", f"{links:,} links inside {folder} are not followed")


def _recognised(path: Path, formats: Sequence[Format], in_a_tree: bool) -> tuple[Path, Format] | None:
    """Of which format a file is. Raises TableError for a file that was named and is of none."""
    if not path.is_file():
        raise TableError(f"{path}: not a regular file.")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror or error}.") from None
    pickled = path.name.lower().endswith(PICKLES) or (len(head) > 1 and head[0] == 0x80 and head[1] in (2, 3, 4, 5))
    if not pickled and head:
        for kind in formats:
            unit = kind.unit(path, head)
            if unit is not None:
                return unit, kind
    if in_a_tree:
        return None
    if pickled:
        raise TableError(f"{path}: a pickle runs code when it is opened, so it is refused; save it as CSV or Parquet.")
    if not head:
        raise TableError(f"{path}: the file is empty.")
    if path.suffix == ".wandb":
        raise TableError(f"{path}: an offline W&B run is not read; `wandb sync` it, then export its history.")
    raise TableError(f"{path}: unknown kind of file; docs/reading.md lists those that scalewise reads.")
