"""The reading report: what a reader took as what, inferred, converted, thinned, dropped and could not find."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Kind = Literal["columns", "inferred", "converted", "thinned", "dropped", "gaps"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_LINES = 12
"""Lines of one kind that are shown; the stored report has all of them."""


@dataclass
class ReadingReport:
    """What was done to files on the way into the table. A sentence said of several files is kept once, with its count.

    `columns`: which column was taken as which of ours, or left alone. `inferred`: values that stand in no file as such.
    `converted`: changes of unit. `thinned`: observations that were averaged or left out for being too many. `dropped`:
    what is not in the table. `gaps`: what questions will miss, with the command that fills it.
    """

    files: dict[str, str] = field(default_factory=dict)
    """Path of each file or folder that was read, and its format."""
    columns: Counter[str] = field(default_factory=Counter)
    inferred: Counter[str] = field(default_factory=Counter)
    converted: Counter[str] = field(default_factory=Counter)
    thinned: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    gaps: Counter[str] = field(default_factory=Counter)

    def add(self, kind: Kind, sentence: str) -> None:
        self.of(kind)[sentence] += 1

    def of(self, kind: Kind) -> Counter[str]:
        """All sentences of a kind, in the order in which they were first said."""
        sentences: Counter[str] = getattr(self, kind)
        return sentences

    def include(self, other: "ReadingReport") -> None:
        """Add all that another report says."""
        self.files |= other.files
        for kind in KINDS:
            self.of(kind).update(other.of(kind))

    def shown(self, kind: Kind) -> list[str]:
        """The sentences of a kind, each with the number of files it holds for, never a wall of them."""
        said = [text if times == 1 else f"{text} (in {times:,} files)" for text, times in self.of(kind).items()]
        rest = len(said) - MOST_LINES
        return said if rest <= 0 else [*said[:MOST_LINES], f"and {rest:,} more like these, in reading.json"]

    def formats(self) -> list[str]:
        """How many files of which format were read."""
        from scalewise.runs.table import listed

        by_format: dict[str, list[str]] = {}
        for path, name in self.files.items():
            by_format.setdefault(name, []).append(path)
        return [f"{len(paths):,} of {name}: {listed(paths, most=3)}" for name, paths in by_format.items()]

    def lines(self) -> tuple[str, ...]:
        """Everything as plain sentences, for an Answer to carry."""
        return (*self.formats(), *(line for kind in KINDS for line in self.shown(kind)))

    def __str__(self) -> str:
        groups = {"files": self.formats()} | {str(kind): self.shown(kind) for kind in KINDS}
        text = []
        for name, lines in groups.items():
            text += [f"  {name if i == 0 else '':10s} {line}" for i, line in enumerate(lines)]
        return "\n".join(text)

    def to_dict(self) -> dict[str, Any]:
        return {"files": self.files} | {kind: dict(self.of(kind)) for kind in KINDS}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "ReadingReport":
        """Raises ValueError, KeyError or TypeError when it was not written by `to_dict`."""
        report = cls(files={str(path): str(name) for path, name in stored["files"].items()})
        for kind in KINDS:
            report.of(kind).update({str(text): int(times) for text, times in stored[kind].items()})
        return report
