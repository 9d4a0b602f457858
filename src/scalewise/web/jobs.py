"""What a worker process can do: read a table or a study, answer a question, draw.

Tables and answers are remembered for as long as the process lives, by what they depend on. A table is read from its own
folder, so that an answer names it as a person would.
"""

import base64
import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scalewise.questions.answer import Answer
    from scalewise.runs import Runs

SHOWN_ROWS = 60
FIRST = ("run", "group", "seed", "params", "tokens", "flops", "loss", "accuracy")
"""Columns that are shown before the others."""
REMEMBERED = 6
REMEMBERED_FITS = 1500
"""An answer needs about a hundred, of some 10 kB each; a changed option needs most of them again."""
Record = dict[str, Any]


_read: "OrderedDict[str, Runs]" = OrderedDict()
"""Tables as they were read, the newest last. The stamp in the key changes when the file does."""


def _runs(table: Record, reading: Record) -> "Runs":
    """The table, read as asked. `table` has `folder`, `source` and `stamp`; `reading` the options of reading."""
    from scalewise.runs import read

    key = repr((table, sorted(reading.items())))
    if key not in _read:
        os.chdir(table["folder"])
        how = (reading["columns"], reading["nan_means_diverged"], reading["flops_by"], reading["from_name"])
        runs = read(table["source"], *how)
        _read[key] = runs.filtered(reading["where"]) if reading["where"] else runs
        while len(_read) > REMEMBERED:
            _read.popitem(last=False)
    _read.move_to_end(key)
    return _read[key]


def look(table: Record, reading: Record) -> Record:
    """What was read: the reading report, the columns, and the first rows as text."""
    runs = _runs(table, reading)
    order = sorted(runs.table.columns, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    shown = runs.table.head(SHOWN_ROWS).select(order)
    head, *_ = str(runs).splitlines()
    return {
        "head": head.removeprefix(f"{runs.source}: "),
        "reading": list(runs.reading),
        "columns": order,
        "words": [shown[name].dtype.is_numeric() is False for name in order],
        "rows": [[_text(value) for value in row] for row in shown.iter_rows()],
        "more": max(0, len(runs) - SHOWN_ROWS),
    }


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def answer(table: Record, reading: Record, question: str, options: Record, key: str) -> Record:
    """The answer as JSON, and as the part of a page that shows it."""
    from scalewise.questions import check_call
    from scalewise.report.html import as_fragment

    asked = check_call(question, options)
    found = asked.function(_runs(table, reading), **options)
    return {"answer": found.to_json(), "html": as_fragment(found, key, live=True)}


def fragment(answer: str, key: str) -> str:
    """The part of a page that shows an answer; figures can be made live."""
    from scalewise.report.html import as_fragment

    return as_fragment(_parsed(answer), key, live=True)


def report(answers: list[str]) -> str:
    """One self-contained HTML file."""
    from scalewise.report.html import as_page

    return as_page([_parsed(text) for text in answers])


def figure(answer: str, number: int, kind: str, width: float) -> str:
    """A figure as SVG, PDF or PNG, so many inches wide; base64."""
    from dataclasses import replace

    found = _parsed(answer)
    with TemporaryDirectory() as folder:
        (path,) = replace(found, charts=(found.charts[number],)).save_figures(folder, (kind,), width)
        return base64.b64encode(path.read_bytes()).decode()


def table_csv(answer: str, number: int) -> str:
    """A finding as CSV text."""
    from dataclasses import replace

    found = _parsed(answer)
    with TemporaryDirectory() as folder:
        (path,) = replace(found, findings=(found.findings[number],)).save_tables(folder)
        return path.read_text(encoding="utf-8")


def _parsed(text: str) -> "Answer":
    from scalewise.questions.answer import Answer

    return Answer.from_json(text)


def figure_script() -> str:
    """Vega, Vega-Lite and Vega-Embed, and what of ours draws with them."""
    from scalewise.report.html import scripts

    return scripts()


def unpack(archive: str, folder: str) -> None:
    """A zip file of logs as a folder."""
    from scalewise.web.folders import unpack as unpack_zip

    unpack_zip(Path(archive), Path(folder))


def declared(table: Record) -> str:
    """The text of a study's file, which is one."""
    from scalewise.lab.study import load_study

    os.chdir(table["folder"])
    path = Path(table["source"])
    load_study(path)
    return path.read_text(encoding="utf-8-sig")


def plan(table: Record) -> Record:
    """What a study will cost on this machine."""
    from scalewise.lab.costs import costs

    os.chdir(table["folder"])
    return asdict(costs(Path(table["source"]), within=Path(table["source"]).parent))


def warm_up() -> None:
    """Load all that an answer needs by giving one, and remember fits from now on."""
    import scipy.interpolate
    import scipy.special  # noqa: F401  loaded by questions when they are asked

    from scalewise.laws.memory import remember
    from scalewise.questions import QUESTIONS
    from scalewise.report.html import as_fragment
    from scalewise.runs import read
    from scalewise.runs.embedded import EMBEDDED, read_embedded

    functions = {name: question.function for name, question in QUESTIONS.items()}
    as_fragment(functions["audit"](read(read_embedded(EMBEDDED[0]))), live=True)
    remember(REMEMBERED_FITS)


def ready_to_draw() -> None:
    """Draw twice: a first drawing costs a second. Answers are drawn by the browser, files of them here."""
    from scalewise.questions.answer import Chart, Row
    from scalewise.report.export import as_svg

    example: list[Row] = [{"x": x, "y": x, "low": x / 2, "high": 2 * x, "label": "a"} for x in (1.0, 10.0)]
    layers: dict[str, list[Row]] = {"axes": [{"x": "x", "y": "y"}], "points": example, "curves": example}
    for title in ("first", "second"):
        as_svg(Chart("outcome_curves", title, title, layers))


JOBS: dict[str, Callable[..., Any]] = {
    "look": look,
    "answer": answer,
    "fragment": fragment,
    "report": report,
    "figure": figure,
    "table_csv": table_csv,
    "figure_script": figure_script,
    "ready_to_draw": ready_to_draw,
    "unpack": unpack,
    "declared": declared,
    "plan": plan,
}
