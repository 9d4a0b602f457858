"""A figure laid out for paper: exactly as wide as a column, in small serif type, views below each other where it is
narrow. Lengths are points, 72 to the inch, as in LaTeX's `bp`.
"""

import copy
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from scalewise.errors import ScalewiseError
from scalewise.report.figures.axes import SCHEMA, VL_VERSION, Spec
from scalewise.report.figures.names import LONGEST_LINE, in_lines, names_axis, row_height

COLUMN, PAGE = 3.3, 6.8
"""Inches: a column of two, and the width of both, in the styles of most conferences."""
NARROWEST, WIDEST = 2.0, 20.0
SIDE_BY_SIDE_FROM = 4.8
"""Inches: narrower figures stand their views below each other."""
POINTS = 72.0
HEIGHT_SHARE = 0.64
"""Of a view's width."""
MARKS = {"size": 0.42, "strokeWidth": 0.65, "xOffset": 0.6}
"""Marks are drawn smaller than on a screen by these factors."""
LINE = 8.0
"""Points from line to line of the names of rows."""
LETTERS_PER_INCH = 9
"""In half of a figure's width: names take up to that, and the title of the axis has the rest."""
PASSES = 4
USUAL_FONT = "CMU Serif"
"""Computer Modern, which comes with the package."""
LAST_FONT = "Liberation Sans, sans-serif"
"""Comes with vl-convert; draws letters that the font lacks."""


def on_paper(spec: Spec, inches: float = PAGE, font: str = USUAL_FONT) -> Spec:
    """The description drawn `inches` wide in a font. Raises ScalewiseError as `check` does."""
    check(inches, font)
    shown = _arranged(copy.deepcopy(spec), inches)
    shown["config"] = _config(shown["config"], font, inches)
    for layer in _layers(shown):
        _shrink(layer)
    for view in _views(shown):
        _name_rows(view, round(LETTERS_PER_INCH * inches))
    _widen(shown, inches * POINTS)
    return shown


@cache
def converter() -> Any:
    """vl-convert, which knows the package's font."""
    import vl_convert

    vl_convert.register_font_directory(str(files("scalewise.report").joinpath("fonts")))
    return vl_convert


@cache
def check(inches: float, font: str) -> None:
    """Raise ScalewiseError for a width that is none, or a font that is not installed and would be silently replaced."""
    if not NARROWEST <= inches <= WIDEST:
        raise ScalewiseError(
            f"--figure-width {inches:g}: must be {NARROWEST:g} to {WIDEST:g} inches; {COLUMN:g} is a column of two, "
            f"{PAGE:g} is both."
        )
    is_name = re.fullmatch(r"[\w .-]+", font)
    if not is_name or (font != USUAL_FONT and _sample(f"{font}, {USUAL_FONT}") == _sample(USUAL_FONT)):
        raise ScalewiseError(
            f"--figure-font {font}: no font of this name is installed; without the option figures use {USUAL_FONT}."
        )


def _sample(font: str) -> bytes:
    mark = {"type": "text", "font": font, "fontSize": 30, "text": "Rag 0123"}
    spec = {"$schema": SCHEMA, "width": 150, "height": 40, "data": {"values": [{}]}, "mark": mark}
    drawn: bytes = converter().vegalite_to_png(spec, vl_version=VL_VERSION)
    return drawn


def _arranged(spec: Spec, inches: float) -> Spec:
    if "hconcat" in spec:
        views = spec.pop("hconcat")
        spec |= {"hconcat": views, "spacing": 12} if inches >= SIDE_BY_SIDE_FROM else {"vconcat": views, "spacing": 10}
    return spec


def _config(config: Spec, font: str, inches: float) -> Spec:
    legend: Spec = {"labelFontSize": 7, "titleFontSize": 7, "symbolSize": 30, "rowPadding": 1, "offset": 4}
    if inches < SIDE_BY_SIDE_FROM:
        legend |= {"orient": "bottom", "columns": 2}
    axis = {
        "labelFontSize": 7,
        "titleFontSize": 8,
        "tickSize": 3,
        "gridWidth": 0.5,
        "domainWidth": 0.5,
        "tickWidth": 0.5,
    }
    return {
        **config,
        "font": f"{font}, {LAST_FONT}",
        "padding": 1,
        "axis": {**config["axis"], **axis, "labelPadding": 2, "titlePadding": 3, "labelColor": "#222"},
        "legend": {**config["legend"], **legend, "columnPadding": 6},
        "line": {"strokeWidth": 1.2},
        "title": {**config["title"], "fontSize": 8, "offset": 4, "color": "#222"},
    }


def _layers(view: Spec) -> Iterator[Spec]:
    yield view
    for name in ("layer", "hconcat", "vconcat"):
        for part in view.get(name, ()):
            yield from _layers(part)


def _shrink(layer: Spec) -> None:
    mark = layer.get("mark")
    for drawn in (mark, mark.get("point") if isinstance(mark, dict) else None):
        if isinstance(drawn, dict):
            drawn |= {name: drawn[name] * factor for name, factor in MARKS.items() if name in drawn}


def _name_rows(view: Spec, letters: int) -> None:
    """The rows of a table-like figure, as close as their names in small type are high."""
    for layer in _layers(view):
        x, y = (layer.get("encoding", {}).get(side, {}) for side in ("x", "y"))
        if y.get("type") == "nominal":
            most = min(letters, LONGEST_LINE)
            x["title"] = in_lines(x["title"], letters)
            y["axis"] = names_axis(y["sort"], most, LINE)
            view["height"] = {"step": row_height(y["sort"], most, LINE)}


def _views(spec: Spec) -> list[Spec]:
    views: list[Spec] = spec.get("hconcat") or spec.get("vconcat") or [spec]
    return views


def _widen(spec: Spec, width: float) -> None:
    """Give every view the width with which axes, labels and legend together fill the whole: measured by drawing."""
    across = len(spec.get("hconcat", (spec,)))
    inner = 0.7 * width / across
    for _ in range(PASSES):
        for view in _views(spec):
            view["width"] = inner
            view["height"] = view["height"] if isinstance(view["height"], dict) else inner * HEIGHT_SHARE
        inner += (width - drawn_width(spec)) / across


def drawn_width(spec: Spec) -> float:
    """How wide a description is drawn, with everything around it."""
    found = re.search(r'<svg[^>]* width="([\d.]+)"', converter().vegalite_to_svg(spec, vl_version=VL_VERSION))
    assert found is not None
    return float(found[1])
