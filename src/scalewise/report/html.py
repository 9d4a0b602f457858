"""Answers as one self-contained HTML file: readable without scripts, interactive with them, loading nothing."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.questions import wording
from scalewise.report.cells import shown
from scalewise.report.export import VL_VERSION, as_svg
from scalewise.report.figures import draw

if TYPE_CHECKING:
    import jinja2

    from scalewise.questions.answer import Answer, Chart


def write_html(answers: Sequence["Answer"], path: Path, title: str | None = None) -> None:
    """Write the answers into one file, whole or not at all."""
    from scalewise.runs.files import write_text

    page = (
        _templates()
        .get_template("report.html")
        .render(
            title=title or " and ".join(answer.question for answer in answers),
            answers=[_view(answer, f"a{i}") for i, answer in enumerate(answers)],
            specs=_script_json(
                {f"a{i}-{j}": draw(chart) for i, a in enumerate(answers) for j, chart in enumerate(a.charts)}
            ),
            bundle=_bundle() if any(a.charts for a in answers) else "",
        )
    )
    write_text(path, page)


def as_fragment(answer: "Answer") -> str:
    """One answer for a notebook: still figures, no scripts."""
    fragment: str = _templates().get_template("answer.html").module.answer(_view(answer, "a"))  # type: ignore[attr-defined]
    return fragment


def _view(answer: "Answer", key: str) -> dict[str, Any]:
    """What the template shows, as text."""
    return {
        "key": key,
        "answer": answer,
        "chance": None if answer.probability is None else wording.probability(answer.probability),
        "figures": [
            {"key": f"{key}-{i}", "chart": chart, "svg": as_svg(chart), "tables": _layers(chart)}
            for i, chart in enumerate(answer.charts)
        ],
        "tables": [
            {"title": finding.title, "note": finding.note, "columns": columns, "rows": rows}
            for finding, (columns, rows) in ((f, shown(f)) for f in answer.findings)
        ],
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
            tables.append({"title": name, "columns": columns, "rows": cells})
    return tables


def _script_json(specs: dict[str, Any]) -> str:
    """JSON that cannot end the script element it stands in, whatever a run is called."""
    return json.dumps(specs).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _templates() -> "jinja2.Environment":
    import jinja2

    return jinja2.Environment(
        loader=jinja2.PackageLoader("scalewise.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )


@cache
def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed, to be inlined."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.drawFigure = vegaEmbed;", vl_version=VL_VERSION)
    return bundle.replace("</script", "<\\/script")
