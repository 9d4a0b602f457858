"""The Answer: what every question returns, and all that a report, a page or another program needs to show it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from scalewise.checks import Caution

Verdict = Literal["yes", "no", "the data cannot tell"]
Cell = str | float | int | None
Row = dict[str, Cell]

CERTAIN = 0.95
"""A claim is answered yes at this probability, and no at its complement."""


@dataclass(frozen=True)
class Finding:
    """A tidy table. A column `x` that is followed by `x_low` and `x_high` is a number with its 95 % interval."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


def with_interval(*names: str) -> tuple[str, ...]:
    """Column names of numbers that are followed by their intervals: x, x_low, x_high."""
    return tuple(name + end for name in names for end in ("", "_low", "_high"))


@dataclass(frozen=True)
class Chart:
    """What a figure shows, as rows by layer; `report/figures/` has one file for each `figure` that draws it.

    `description` is the sentence that a screen reader speaks.
    """

    figure: str
    title: str
    description: str
    layers: dict[str, list[Row]]


@dataclass(frozen=True)
class Repeat:
    """How to obtain this answer again."""

    command: str
    version: str
    seed: int
    source: str
    data_sha256: str


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    `verdict` and `probability` speak of `claim`; a probability of None means that these data give none. `sentence`
    is the answer in plain words.
    """

    question: str
    claim: str
    verdict: Verdict
    probability: float | None
    sentence: str
    repeat: Repeat
    findings: tuple[Finding, ...] = ()
    charts: tuple[Chart, ...] = ()
    assumptions: tuple[str, ...] = ()
    warnings: tuple[Caution, ...] = ()
    next_run: str | None = None
    reading: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        from scalewise.report.terminal import as_text

        return as_text(self)

    def finding(self, title: str) -> Finding:
        """The table of that title. Raises KeyError that lists the titles there are."""
        for finding in self.findings:
            if finding.title == title:
                return finding
        raise KeyError(f"no finding '{title}'; there are {[f.title for f in self.findings]}")

    def to_json(self, path: str | Path | None = None) -> str:
        """The whole answer as JSON text, also written to `path` when one is given."""
        text = json.dumps(asdict(self), indent=1, allow_nan=False)
        if path is not None:
            from scalewise.runs.files import write_text

            write_text(Path(path), text + "\n")
        return text

    @staticmethod
    def from_json(text: str) -> "Answer":
        """The answer that `to_json` wrote."""
        data = json.loads(text)
        data["repeat"] = Repeat(**data["repeat"])
        data["findings"] = tuple(
            Finding(f["title"], tuple(f["columns"]), tuple(tuple(row) for row in f["rows"]), f["note"])
            for f in data["findings"]
        )
        data["charts"] = tuple(Chart(**chart) for chart in data["charts"])
        data["warnings"] = tuple(Caution(c["code"], c["message"], tuple(c["runs"])) for c in data["warnings"])
        for name in ("assumptions", "reading"):
            data[name] = tuple(data[name])
        return Answer(**data)

    def to_html(self, path: str | Path) -> None:
        """One self-contained HTML file."""
        from scalewise.report.html import write_html

        write_html([self], Path(path))

    def save_figures(
        self,
        directory: str | Path,
        formats: Sequence[str] = ("svg", "pdf", "png"),
        width: float | None = None,
        font: str | None = None,
    ) -> list[Path]:
        """Every figure in every format; the paths written.

        `width` is in inches: 6.8 (default) spans two columns of a paper, 3.3 is one. `font` is the name of an installed
        font; by default Computer Modern. Raises ScalewiseError for a format, width or font that cannot be had.
        """
        from scalewise.report.export import save_figures
        from scalewise.report.paper import PAGE, USUAL_FONT

        return save_figures(self, Path(directory), formats, PAGE if width is None else width, font or USUAL_FONT)

    def save_tables(self, directory: str | Path) -> list[Path]:
        """Every finding as a CSV file; the paths written."""
        from scalewise.report.export import save_tables

        return save_tables(self, Path(directory))

    def _repr_html_(self) -> str:
        from scalewise.report.html import as_fragment

        return as_fragment(self)


def judge(probability: float | None) -> Verdict:
    """Yes from 95 %, no from 5 %, and otherwise the data cannot tell."""
    if probability is None:
        return "the data cannot tell"
    if probability >= CERTAIN:
        return "yes"
    return "no" if probability <= 1 - CERTAIN else "the data cannot tell"
