"""Expected loss against size at one compute: the valley, its floor, and the smallest size within tolerance."""

from scalewise.questions.answer import Chart
from scalewise.report.figures.axes import Spec, axis, side_by_side
from scalewise.report.figures.marks import curve_in_band, labelled_points

ALLOWED = "#d1495b"
LOOKS = (("#222222", "circle"), (ALLOWED, "diamond"))


def size_valley(chart: Chart) -> Spec:
    curve, marks, allowed = (chart.layers[name] for name in ("curve", "marks", "allowed"))
    params = [float(str(row["params"])) for row in curve]
    tooltip = [
        {"field": "params", "type": "quantitative", "format": ".3s"},
        {"field": "loss", "type": "quantitative", "format": ".4f"},
    ]

    def view(scale: str) -> Spec:
        x = axis("params", "params", params, scale, labels="short")
        y = axis("loss", "expected loss (nats per token)", ())
        limit = {"type": "rule", "strokeDash": [4, 3], "color": ALLOWED}
        return {
            "layer": [
                *curve_in_band(curve, x, y, tooltip, scale),
                {"data": {"values": allowed}, "mark": limit, "encoding": {"y": y}},
                labelled_points(marks, "label", LOOKS, x, y, tooltip),
            ]
        }

    return side_by_side(view("linear"), view("log"), chart.description)
