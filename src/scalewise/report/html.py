"""Answers as one self-contained HTML file: readable without scripts, interactive with them, loading nothing.

The local page shows answers with the same template, style and script.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import ScalewiseError
from scalewise.questions import wording
from scalewise.report.cells import of_one_group, shown, words
from scalewise.report.explanations import explanation
from scalewise.report.export import as_svg
from scalewise.report.figures import draw
from scalewise.report.figures.axes import VL_VERSION

if TYPE_CHECKING:
    import jinja2

    from scalewise.questions.answer import Answer, Chart


def _text(name: str) -> str:
    return files("scalewise.report").joinpath("templates", name).read_text(encoding="utf-8")


SHOWN_OPEN, LONGEST_OPEN = 2, 24
"""Of the tables of an answer the first two are open, unless they are long."""
STYLE = _text("answer.css")
"""How an answer looks, on screen and on paper."""


def write_html(answers: Sequence["Answer"], path: Path, title: str | None = None) -> None:
    """Write the answers into one file, whole or not at all."""
    from scalewise.runs.files import write_text

    write_text(path, as_page(answers, title))


def as_page(answers: Sequence["Answer"], title: str | None = None) -> str:
    """The answers as the text of one file."""
    page: str = (
        _templates()
        .get_template("report.html")
        .render(
            title=title or " and ".join(answer.question for answer in answers),
            answers=[_view(answer, f"a{i}") for i, answer in enumerate(answers)],
            style=STYLE,
            scripts=_packed_scripts() if any(a.charts for a in answers) else "",
        )
    )
    return page


def as_fragment(answer: "Answer", key: str = "a", live: bool = False) -> str:
    """One answer as part of a page, its elements named after `key`. For a notebook figures are still; of `live` ones
    there is only what the script draws them from."""
    module: Any = _templates().get_template("answer.html").module
    fragment: str = module.answer(_view(answer, key, drawn=not live), live)
    return fragment


def _view(answer: "Answer", key: str, drawn: bool = True) -> dict[str, Any]:
    """What the template shows, as text; a drawing of a figure costs a tenth of a second."""
    codes = dict.fromkeys(warning.code for warning in answer.warnings)
    explained = {code: explanation(code) for code in codes}
    one_group = of_one_group(answer.findings)
    return {
        "key": key,
        "answer": answer,
        "chance": None if answer.probability is None else wording.probability(answer.probability),
        "figures": [
            {
                "key": f"{key}-{i}",
                "chart": chart,
                "svg": as_svg(chart) if drawn else "",
                "spec": _script_json(draw(chart)),
                "tables": _layers(chart),
            }
            for i, chart in enumerate(answer.charts)
        ],
        "tables": [
            {
                "title": finding.title,
                "note": finding.note,
                "columns": columns,
                "rows": rows,
                "words": words(finding, one_group),
                "open": i < SHOWN_OPEN and len(rows) <= LONGEST_OPEN,
            }
            for i, (finding, (columns, rows)) in enumerate((f, shown(f, one_group)) for f in answer.findings)
        ],
        "explained": {code: text for code, text in explained.items() if text},
    }


def _layers(chart: "Chart") -> list[dict[str, Any]]:
    """The figure's own numbers, a table per layer."""
    tables = []
    for name, rows in chart.layers.items():
        if rows:
            columns = list(rows[0])
            cells = [
                [
                    "" if row[c] is None else f"{row[c]:.6g}" if isinstance(row[c], float) else str(row[c])
                    for c in columns
                ]
                for row in rows
            ]
            held = [all(isinstance(row[c], str | None) for row in rows) for c in columns]
            tables.append({"title": name, "columns": columns, "rows": cells, "words": held})
    return tables


def _script_json(spec: Any) -> str:
    """JSON that cannot end the script element it stands in, whatever a run is called."""
    return json.dumps(spec).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _templates() -> "jinja2.Environment":
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("scalewise.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )


@cache
def scripts() -> str:
    """Vega, Vega-Lite and Vega-Embed, and what of ours draws with them."""
    return f"{_bundle()}\n{_text('figures.js')}"


@cache
def _packed_scripts() -> str:
    """The same, compressed and as letters: less than half as long."""
    return b64encode(gzip.compress(scripts().encode(), mtime=0)).decode()


def _bundle() -> str:
    """Making it takes two seconds, so it is kept for the next process."""
    from importlib.metadata import version

    from scalewise.runs.files import cache_folder, write_text

    path = cache_folder() / f"vega-lite-{VL_VERSION}-by-{version('vl-convert-python')}.js"
    with suppress(OSError):
        return path.read_text(encoding="utf-8")
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.drawFigure = vegaEmbed;", vl_version=VL_VERSION)
    with suppress(ScalewiseError, OSError):  # a home that cannot be written to
        write_text(path, bundle)
    return bundle
