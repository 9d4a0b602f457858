"""Figures as SVG, PDF and PNG files, rendered without a browser by vl-convert."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.errors import ScalewiseError
from scalewise.report.figures import draw
from scalewise.report.figures.axes import Spec
from scalewise.runs.files import write_whole

if TYPE_CHECKING:
    from scalewise.questions.answer import Answer, Chart

FORMATS = ("svg", "pdf", "png")
PNG_SCALE = 2.0
LONGEST_NAME = 60
VL_VERSION = "5.20"
"""Pinned, so that a figure looks alike whatever vl-convert is installed."""


def as_svg(chart: "Chart") -> str:
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(draw(chart), vl_version=VL_VERSION)
    return svg


def save_figures(answer: "Answer", directory: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write every figure of an answer in every format, numbered from the second of a kind on; returns the paths."""
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ScalewiseError(f"figures cannot be saved as {', '.join(unknown)}; there are {', '.join(FORMATS)}.")
    written = []
    drawn: Counter[str] = Counter()
    for chart in answer.charts:
        spec = draw(chart)
        drawn[chart.figure] += 1
        number = f"-{drawn[chart.figure]}" if drawn[chart.figure] > 1 else ""
        for name in formats:
            path = directory / f"{answer.question}-{chart.figure.replace('_', '-')}{number}.{name}"
            write_whole(path, partial(_write, spec=spec, name=name))
            written.append(path)
    return written


def _write(path: Path, spec: Spec, name: str) -> None:
    import vl_convert

    if name == "svg":
        path.write_text(vl_convert.vegalite_to_svg(spec, vl_version=VL_VERSION), encoding="utf-8")
    elif name == "pdf":
        path.write_bytes(vl_convert.vegalite_to_pdf(spec, vl_version=VL_VERSION))
    else:
        path.write_bytes(vl_convert.vegalite_to_png(spec, vl_version=VL_VERSION, scale=PNG_SCALE))


def save_tables(answer: "Answer", directory: Path) -> list[Path]:
    """Write every table of an answer as CSV, numbers in full; returns the paths."""
    import polars as pl

    written = []
    for finding in answer.findings:
        name = re.sub(r"[^a-z0-9]+", "-", finding.title.lower()).strip("-")
        path = directory / f"{answer.question}-{name[:LONGEST_NAME]}.csv"
        table = pl.DataFrame(finding.rows, schema=list(finding.columns), orient="row", strict=False)
        write_whole(path, table.write_csv)
        written.append(path)
    return written
