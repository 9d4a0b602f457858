"""Names of rows beside a figure, in lines that are short enough for the room there is; no letter is left out."""

import json
from collections.abc import Sequence

from scalewise.report.figures.axes import Spec

ON_SCREEN = 13.0
"""Pixels from line to line of a name."""
BETWEEN_ROWS = 0.7
"""In lines."""
LONGEST_LINE = 40
"""Letters."""


def in_lines(name: str, most: int = LONGEST_LINE) -> list[str]:
    """A name in lines of at most so many letters; a word is cut only where it is longer than a line."""
    lines: list[str] = []
    for word in (long[i : i + most] for long in name.split() for i in range(0, len(long), most)):
        if lines and len(lines[-1]) + 1 + len(word) <= most:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [name]


def names_axis(names: Sequence[str], most: int = LONGEST_LINE, line: float = ON_SCREEN) -> Spec:
    """The axis of a nominal y: every name in lines, the middle of them at its row."""
    lines = {name: in_lines(name, most) for name in names}
    by_count: dict[int, list[str]] = {}
    for name, parts in lines.items():
        by_count.setdefault(len(parts), []).append(name)
    higher: list[Spec] = [
        {"test": f"indexof({json.dumps(those)}, datum.label) >= 0", "value": -(count - 1) * line / 2}
        for count, those in by_count.items()
        if count > 1
    ]
    axis: Spec = {"labelLimit": 0, "labelLineHeight": line, "labelExpr": f"({json.dumps(lines)})[datum.label]"}
    return axis | ({"labelOffset": {"condition": higher, "value": 0}} if higher else {})


def row_height(names: Sequence[str], most: int = LONGEST_LINE, line: float = ON_SCREEN) -> float:
    """From one row to the next, so that the names of neighbours stay apart."""
    return line * (max((len(in_lines(name, most)) for name in names), default=1) + BETWEEN_ROWS)
