"""Numbers with their intervals, one below the other, against a reference line."""

from scalewise.questions.answer import Chart
from scalewise.report.figures.axes import CONFIG, SCHEMA, WIDTH, Spec
from scalewise.report.figures.names import names_axis, row_height


def intervals(chart: Chart) -> Spec:
    """Layers: `axes` one row {x} with the title; `rows` {label, value, low, high}, of which low and high may be None;
    `reference` {value}, which may be empty."""
    rows, reference = chart.layers["rows"], chart.layers.get("reference", [])
    labels = [str(row["label"]) for row in rows]
    title = str(chart.layers["axes"][0]["x"])
    y: Spec = {"field": "label", "type": "nominal", "sort": labels, "title": None, "axis": names_axis(labels)}
    x: Spec = {"field": "value", "type": "quantitative", "title": title, "scale": {"zero": False}}
    tooltip = [{"field": "label", "title": "of"}] + [
        {"field": name, "type": "quantitative", "format": ".4~g"} for name in ("value", "low", "high")
    ]
    known = [row for row in rows if row.get("low") is not None]
    span = {"x": x | {"field": "low"}, "x2": {"field": "high"}, "y": y, "tooltip": tooltip}
    dots = {"x": x, "y": y, "tooltip": tooltip}
    layers: list[Spec] = [
        {"data": {"values": reference}, "mark": {"type": "rule", "color": "#888"}, "encoding": {"x": x}},
        {"data": {"values": known}, "mark": {"type": "rule", "strokeWidth": 1.6, "color": "#3b528b"}, "encoding": span},
        {
            "data": {"values": rows},
            "mark": {"type": "point", "filled": True, "size": 50, "color": "#3b528b"},
            "encoding": dots,
        },
    ]
    return {
        "$schema": SCHEMA,
        "description": chart.description,
        "config": CONFIG,
        "width": 1.5 * WIDTH,
        "height": {"step": row_height(labels)},
        "layer": layers if reference else layers[1:],
    }
