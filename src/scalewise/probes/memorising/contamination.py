"""Do sums and their answers stand in the training text, in any of the ways people write them?

One pass: numbers are found once, and what stands between neighbours is classified. Each wrong answer is counted as the
right one is, since more forms find more accidents too: 7 12 19 is a sum only by chance.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.probes.memorising.documents import Piece, corpus_files, pieces
from scalewise.probes.memorising.forms import Forms, Operation, ungrouped
from scalewise.runs.progress import tracked

if TYPE_CHECKING:
    import polars as pl

OFFSETS = (0, 1, -1, 10, -10)
"""The right answer, and four wrong ones that are as common as numbers."""
ALL, NARROW, REVERSED = "all forms", "GPT-3's two forms", "answer first"
NARROW_SEPARATORS = ("+", "-", "*", "plus", "minus", "times")
"""Brown et al. 2020, section 3.9.1, searched for "A + B =" and "A plus B"."""
APART = 32
"""Characters between two numbers that still belong together: the longest forms, in the tags of a table."""
ENCODED = re.compile(r"%(2[0-9a-f]|3[a-f]|7c)")
"""Signs as web addresses write them, whose digits would otherwise run into the numbers."""
SHOWN = 40
COMPUTE: dict[str, Callable[[int, int], int]] = {
    "plus": lambda a, b: a + b,
    "minus": lambda a, b: a - b,
    "times": lambda a, b: a * b,
}


@dataclass(frozen=True)
class Task:
    """The sums that are asked: an operation on all pairs of whole numbers from `low` to `high`, in one order where it
    does not matter."""

    operation: Operation = "plus"
    low: int = 10
    high: int = 99

    def has(self, a: int, b: int) -> bool:
        inside = self.low <= a <= self.high and self.low <= b <= self.high
        return inside and (self.operation != "minus" or a > b)

    @property
    def pairs(self) -> int:
        numbers = self.high - self.low + 1
        return numbers * (numbers - 1) // 2 if self.operation == "minus" else numbers * (numbers + 1) // 2

    def pair(self, a: int, b: int) -> tuple[int, int]:
        """The pair as it is counted."""
        return (a, b) if self.operation == "minus" or a <= b else (b, a)


@dataclass
class Scan:
    """What was found so far: for every form and offset the pairs, for every form the pairs without any answer."""

    task: Task
    forms: Forms
    answered: dict[tuple[str, int], set[tuple[int, int]]] = field(default_factory=lambda: defaultdict(set))
    mentioned: dict[str, set[tuple[int, int]]] = field(default_factory=lambda: defaultdict(set))
    files: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    examples: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(form, pair, file, text) of right answers, the first of each pair and form."""

    def read(self, piece: Piece) -> None:
        text = ENCODED.sub(lambda sign: " " if sign.group() == "%20" else f" {sign.group()} ", piece.text.lower())
        for version in (text, ungrouped(text)):
            self._read(version, piece.file)

    def _read(self, text: str, file: str) -> None:
        numbers = list(_numbers(text, self.forms))
        for place, ((a, a_start, a_end), (b, b_start, b_end)) in enumerate(pairwise(numbers)):
            if b_start - a_end > APART or not self.task.has(a, b):
                continue
            between = text[a_end:b_start]
            form = self.forms.kind(self.task.operation, between)
            if form is None:
                continue
            names = [form] + [NARROW] * (between.strip() in NARROW_SEPARATORS)
            self._note(names, a, b)
            after = numbers[place + 2] if place + 2 < len(numbers) else None
            before = numbers[place - 1] if place else None
            if after and after[1] - b_end <= APART and self.forms.is_equals(text[b_end : after[1]]):
                self._answer(names, (a, b), after[0], file, text[max(0, a_start - 5) : after[2] + 5])
            if before and a_start - before[2] <= APART and self.forms.is_equals(text[before[2] : a_start]):
                shown = text[max(0, before[1] - 5) : b_end + 5]
                self._answer([form, REVERSED], (a, b), before[0], file, shown)

    def _note(self, names: list[str], a: int, b: int) -> None:
        for name in (*names, ALL):
            self.mentioned[name].add(self.task.pair(a, b))

    def _answer(self, names: list[str], pair: tuple[int, int], given: int, file: str, text: str) -> None:
        offset = given - COMPUTE[self.task.operation](*pair)
        pair = self.task.pair(*pair)
        if offset not in OFFSETS:
            return
        if offset == 0 and pair not in self.answered[names[0], 0]:
            self.examples.append((names[0], f"{pair[0]}, {pair[1]}", file, " ".join(text.split())[:SHOWN]))
        for name in (*names, ALL):
            self.answered[name, offset].add(pair)
            if offset == 0:
                self.files[name].add(file)

    def counts(self) -> "pl.DataFrame":
        """One row per form: pairs `mentioned`, with the `right` answer, with each wrong one (`wrong_+1`, ...), and in
        how many files the right ones stand."""
        import polars as pl

        own = {form for form in self.mentioned if form not in (ALL, NARROW, REVERSED)}
        named = [NARROW, *sorted(own), REVERSED, ALL]
        rows = [
            {
                "form": form,
                "mentioned": len(self.mentioned[form]),
                "right": len(self.answered[form, 0]),
                **{f"wrong_{offset:+d}": len(self.answered[form, offset]) for offset in OFFSETS[1:]},
                "files": len(self.files[form]),
            }
            for form in named
        ]
        return pl.DataFrame(rows)


@dataclass(frozen=True)
class Search:
    """A scan, and the hash of the text that was read."""

    scan: Scan
    sha256: str


def search(corpus: str, task: Task, forms: Forms) -> Search:
    """Read a corpus once. Raises TableError where there is none or a file is not what its name says."""
    files = corpus_files(corpus)
    found, digest = Scan(task, forms), hashlib.sha256()
    total = sum(path.stat().st_size for path in files)
    root = Path(corpus) if Path(corpus).is_dir() else files[0].parent
    for piece in tracked(pieces(files), total, "reading", lambda piece: piece.size):
        digest.update(piece.text.encode())
        found.read(piece)
    found.examples = [(form, pair, _below(file, root), text) for form, pair, file, text in found.examples]
    return Search(found, digest.hexdigest())


def _below(file: str, root: Path) -> str:
    return Path(file).relative_to(root).as_posix() if Path(file).is_relative_to(root) else Path(file).name


def _numbers(text: str, forms: Forms) -> Iterator[tuple[int, int, int]]:
    """(value, start, end) of the whole numbers in a text of small letters."""
    for match in forms.pattern.finditer(text):
        yield forms.value(match.group()), match.start(), match.end()
