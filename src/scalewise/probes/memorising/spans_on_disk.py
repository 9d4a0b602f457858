"""Verbatim spans in a corpus of any size: infini-gram's index on disk (Liu et al. 2024, arXiv 2401.17377).

The index is one suffix array over the bytes, mapped into memory; no more of it is read than a search touches. A byte
255, which no UTF-8 text has, stands before every file.
"""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from scalewise.errors import MissingExtraError, QuestionError
from scalewise.probes.memorising.documents import corpus_files, pieces
from scalewise.probes.memorising.spans import LONGEST, Span, log10_chance
from scalewise.runs.files import write_text, write_whole
from scalewise.runs.progress import Bar, tracked

SEPARATOR = b"\xff"
TEXT, STARTS, ORDER, RECORD = "tokenized.0", "offset.0", "table.0", "corpus.json"
"""The first three are infini-gram's names of a first shard."""
SORTING = "sorting-"
"""The folder in which the array is made begins like this; the number of the process follows."""
POLLED_EVERY = 0.2
"""Seconds between two looks at how far a sort is."""
MEMORY = 2
"""GiB that sorting may take."""
SHARE = 200_000
"""Bytes of text for every process that sorts: with less than 100,000, infini-gram 2.6 sorts some suffixes twice."""
PLAIN_PATH = re.compile(r"[\w./+-]+")
"""infini-gram gives its paths to a shell as they are."""


class DiskSpanIndex:
    """A corpus sorted by its suffixes in a folder, where it is made unless it is there.

    Raises QuestionError when the folder is of another corpus or cannot be named to infini-gram, and MissingExtraError
    without it.
    """

    def __init__(self, source: str, folder: Path) -> None:
        try:
            from infini_gram.engine import InfiniGramEngine
        except ImportError:
            raise MissingExtraError("infini-gram", "infini-gram", "--index") from None
        folder = folder.absolute()
        if not PLAIN_PATH.fullmatch(str(folder)):
            raise QuestionError(f"--index {folder}: take a path of letters, digits, '/', '.', '+', '-' and '_' only.")
        files = corpus_files(source)
        listed = [[str(path), path.stat().st_size] for path in files]
        record = _record(folder)
        if record is None:
            folder.mkdir(parents=True, exist_ok=True)
            record = {"files": listed, "counts": _write(files, folder)}
            write_text(folder / RECORD, json.dumps(record))
        if record["files"] != listed:
            raise QuestionError(f"--index {folder}: is of another corpus than {source}; name another folder.")
        self.text_path = folder / TEXT
        _sort(folder)
        self.counts = np.array(record["counts"])
        # 254 is no byte of a text either; the engine wants to be told one that ends it
        self._engine: Any = InfiniGramEngine(str(folder), eos_token_id=254, vocab_size=255, token_dtype="u8")

    def longest(self, text: bytes) -> Span:
        """The longest stretch of a text that stands in the corpus: from each place on, only a longer one is tried."""
        place = length = 0
        for start in range(len(text)):
            while length < LONGEST and start + length < len(text) and self.count(text[start : start + length + 1]):
                place, length = start, length + 1
        span = text[place : place + length]
        return Span(span, self.count(span), log10_chance(span, self.counts)) if span else Span(b"", 0, 0.0)

    def count(self, span: bytes) -> int:
        """How often a stretch stands in the corpus."""
        return 0 if SEPARATOR in span else int(self._engine.find(list(span))["cnt"])


def _record(folder: Path) -> dict[str, Any] | None:
    """What the folder is of; None where no text was written whole."""
    path = folder / RECORD
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _write(files: list[Path], folder: Path) -> list[int]:
    """The text of all files and where each begins; how often each byte is there."""
    starts: list[int] = []
    counts = np.zeros(256, np.int64)

    def write(path: Path) -> None:
        last, total, written = None, sum(file.stat().st_size for file in files), 0
        with path.open("wb") as out:
            for piece in tracked(pieces(files), total, "writing the index", lambda piece: piece.size):
                if piece.file != last:
                    starts.append(written)
                    written += out.write(SEPARATOR)
                last, text = piece.file, piece.text.encode()
                counts[:] += np.bincount(np.frombuffer(text, np.uint8), minlength=256)
                written += out.write(text)

    write_whole(folder / TEXT, write)
    write_whole(folder / STARTS, partial(_save, np.array(starts, np.uint64)))
    return [int(count) for count in counts]


def _save(numbers: "np.ndarray[Any, np.dtype[np.uint64]]", path: Path) -> None:
    numbers.tofile(path)


def _sort(folder: Path) -> None:
    """Have infini-gram make the suffix array, in a folder of its own until it is whole. Nothing is done where it is."""
    import resource

    if (folder / ORDER).is_file():
        return
    for left in folder.glob(f"{SORTING}*"):  # by a killed sort, and perhaps processes that would still write there
        rmtree(left, ignore_errors=True)
    inside = folder / f"{SORTING}{os.getpid()}"
    inside.mkdir()
    for name in (TEXT, STARTS):
        (inside / name).symlink_to(folder / name)
    size = (folder / TEXT).stat().st_size
    processes = max(1, min(os.cpu_count() or 1, size // SHARE))
    words = [sys.executable, "-m", "infini_gram.indexing", "--data_dir", str(inside), "--save_dir", str(inside)]
    words += ["--token_dtype", "u8", "--mem", str(MEMORY), "--cpus", str(processes)]
    words += ["--ulimit", str(resource.getrlimit(resource.RLIMIT_NOFILE)[0])]
    with TemporaryFile("w+") as said:
        sorting = subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            _watch(sorting, inside, size)
        finally:
            if sorting.poll() is None:
                os.killpg(sorting.pid, signal.SIGKILL)
                sorting.wait()
        said.seek(0)
        last = said.read().strip().splitlines()[-1:]
    if sorting.returncode or not (inside / ORDER).is_file():
        raise QuestionError(f"--index {folder}: infini-gram could not sort the text: {' '.join(last)}")
    (inside / ORDER).rename(folder / ORDER)
    rmtree(inside)


def _watch(sorting: "subprocess.Popen[bytes]", inside: Path, size: int) -> None:
    """Show how far a sort is, by what it has written: all of the array as sorted parts, then all of it merged, which
    takes about twice the time. The first bytes come when a whole part is sorted."""
    once = size * math.ceil(math.log2(size) / 8)  # infini-gram's bytes for the number of a place
    with Bar("sorting the index", 3 * once) as bar:
        while sorting.poll() is None:
            time.sleep(POLLED_EVERY)
            parts, merged, whole = (_bytes_below(inside / name) for name in ("parts-0", "merged-0", ORDER))
            bar.reach(3 * once if whole else once + 2 * merged if merged else min(parts, once))


def _bytes_below(path: Path) -> int:
    """Of a file, or of those that are in a folder now; others may be gone by the time they are asked."""
    total = 0
    with suppress(FileNotFoundError):
        total = sum(entry.stat().st_size for entry in path.iterdir()) if path.is_dir() else path.stat().st_size
    return total
