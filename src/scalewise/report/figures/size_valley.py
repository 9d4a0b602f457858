"""Expected loss against size at one compute: the valley, its floor, and the smallest size within tolerance."""

from scalewise.questions.answer import Chart
from scalewise.report.figures.axes import Spec, axis, side_by_side

CURVE, OPTIMUM, SMALLEST = "#3b528b", "#222222", "#d1495b"


def size_valley(chart: Chart) -> Spec:
    curve, marks, allowed = (chart.layers[name] for name in ("curve", "marks", "allowed"))
    params = [float(str(row["params"])) for row in curve]

    def view(scale: str) -> Spec:
        x = axis("params", "params", params, scale, labels="short")
        y = axis("loss", "expected loss (nats per token)", ())
        legend: Spec = {"field": "label", "type": "nominal", "title": None, "legend": {"orient": "bottom"}}
        labels = [row["label"] for row in marks]
        colour = legend | {"scale": {"domain": labels, "range": [OPTIMUM, SMALLEST]}}
        shape = legend | {"scale": {"domain": labels, "range": ["circle", "diamond"]}}
        tooltip = [
            {"field": "params", "type": "quantitative", "format": ".3s"},
            {"field": "loss", "type": "quantitative", "format": ".4f"},
        ]
        return {
            "layer": [
                {
                    "data": {"values": curve},
                    "mark": {"type": "area", "opacity": 0.18, "color": CURVE},
                    "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}},
                },
                {
                    "data": {"values": curve},
                    "mark": {"type": "line", "color": CURVE},
                    "params": [{"name": f"zoom_{scale}", "select": "interval", "bind": "scales"}],
                    "encoding": {"x": x, "y": y, "tooltip": tooltip},
                },
                {
                    "data": {"values": allowed},
                    "mark": {"type": "rule", "strokeDash": [4, 3], "color": SMALLEST},
                    "encoding": {"y": y},
                },
                {
                    "data": {"values": marks},
                    "mark": {"type": "point", "filled": True, "size": 80, "opacity": 1},
                    "encoding": {
                        "x": x,
                        "y": y,
                        "color": colour,
                        "shape": shape,
                        "tooltip": tooltip,
                    },
                },
            ]
        }

    return side_by_side(view("linear"), view("log"), chart.description)
