"""Marks that several figures share: a curve inside its band, and points told apart by colour and shape."""

from collections.abc import Sequence

from scalewise.questions.answer import Cell, Row
from scalewise.report.figures.axes import Spec

CURVE = "#3b528b"


def curve_in_band(rows: list[Row], x: Spec, y: Spec, tooltip: list[Spec], scale: str) -> list[Spec]:
    """A line through the rows, and the band between their `low` and `high`. The view can be zoomed."""
    return [
        {
            "data": {"values": rows},
            "mark": {"type": "area", "opacity": 0.18, "color": CURVE},
            "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}},
        },
        {
            "data": {"values": rows},
            "mark": {"type": "line", "color": CURVE},
            "params": [{"name": f"zoom_{scale}", "select": "interval", "bind": "scales"}],
            "encoding": {"x": x, "y": y, "tooltip": tooltip},
        },
    ]


def labelled_points(
    rows: list[Row], field: str, looks: Sequence[tuple[str, str]], x: Spec, y: Spec, tooltip: list[Spec]
) -> Spec:
    """Points whose `field` is shown by colour and by shape: `looks` are (colour, shape), one per value in order."""
    labels: list[Cell] = list(dict.fromkeys(row[field] for row in rows))
    colours, shapes = zip(*looks[: len(labels)], strict=True)
    legend: Spec = {"field": field, "type": "nominal", "title": None, "legend": {"orient": "bottom"}}
    return {
        "data": {"values": rows},
        "mark": {"type": "point", "filled": True, "size": 60, "opacity": 0.95},
        "encoding": {
            "x": x,
            "y": y,
            "tooltip": tooltip,
            "color": legend | {"scale": {"domain": labels, "range": list(colours)}},
            "shape": legend | {"scale": {"domain": labels, "range": list(shapes)}},
        },
    }
