"""Figures as SVG, PDF and PNG files, rendered without a browser by vl-convert."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.errors import ScalewiseError
from scalewise.report.figures import draw
from scalewise.report.figures.axes import VL_VERSION
from scalewise.report.paper import PAGE, POINTS, USUAL_FONT, converter, on_paper
from scalewise.runs.files import write_whole

if TYPE_CHECKING:
    from scalewise.questions.answer import Answer, Chart

FORMATS = ("svg", "pdf", "png")
PNG_DPI = 300
LONGEST_NAME = 60
REMEMBERED = 100


def as_svg(chart: "Chart") -> str:
    """The figure as it is shown on a screen before scripts run, or without them."""
    return _drawn(json.dumps(draw(chart)))


@lru_cache(REMEMBERED)
def _drawn(spec: str) -> str:
    """Remembered, since an option changes few of an answer's figures and a drawing costs a tenth of a second."""
    svg: str = converter().vegalite_to_svg(spec, vl_version=VL_VERSION)
    return svg


def save_figures(
    answer: "Answer",
    directory: Path,
    formats: Sequence[str] = FORMATS,
    width: float = PAGE,
    font: str = USUAL_FONT,
) -> list[Path]:
    """Write every figure of an answer in every format, `width` inches wide; returns the paths.

    Names are numbered from the second figure of a kind on. A PDF holds the letters it uses, an SVG names its font.
    Raises ScalewiseError for an unknown format, a font that is not installed and a width that is none.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ScalewiseError(f"figures cannot be saved as {', '.join(unknown)}; there are {', '.join(FORMATS)}.")
    written = []
    drawn: Counter[str] = Counter()
    for chart in answer.charts:
        svg = converter().vegalite_to_svg(on_paper(draw(chart), width, font), vl_version=VL_VERSION)
        drawn[chart.figure] += 1
        number = f"-{drawn[chart.figure]}" if drawn[chart.figure] > 1 else ""
        for name in formats:
            path = directory / f"{answer.question}-{chart.figure.replace('_', '-')}{number}.{name}"
            write_whole(path, partial(_write, svg=svg, name=name, inches=width))
            written.append(path)
    return written


def _write(path: Path, svg: str, name: str, inches: float) -> None:
    if name == "svg":
        path.write_text(_sized(svg, inches, "in"), encoding="utf-8")
    elif name == "pdf":
        path.write_bytes(converter().svg_to_pdf(_sized(svg, inches * POINTS)))
    else:
        path.write_bytes(converter().svg_to_png(_sized(svg, inches * POINTS), ppi=PNG_DPI))


def _sized(svg: str, wide: float, unit: str = "") -> str:
    """The same drawing, exactly so wide: Vega rounds its widths."""

    def size(found: re.Match[str]) -> str:
        return f'width="{wide:.6g}{unit}" height="{wide * float(found[2]) / float(found[1]):.6g}{unit}"'

    return re.sub(r'width="([\d.]+)" height="([\d.]+)"', size, svg, count=1)


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
