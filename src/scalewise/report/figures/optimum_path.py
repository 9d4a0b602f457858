"""The compute-optimal size against compute: the law's path with its band, and the optima of isoFLOP budgets."""

from scalewise.questions.answer import Chart
from scalewise.report.figures.axes import Spec, axis, side_by_side

PATH = "#3b528b"
COLOURS, SHAPES = ["#d1495b", "#5f9e6e"], ["circle", "square"]


def optimum_path(chart: Chart) -> Spec:
    path, optima, target = (chart.layers[name] for name in ("path", "optima", "target"))
    flops = [float(str(row["flops"])) for row in [*path, *optima]]
    params = [float(str(row[name])) for row in path for name in ("low", "high")]
    params += [float(str(row["params"])) for row in optima]
    methods = list(dict.fromkeys(row["method"] for row in optima))

    def view(scale: str) -> Spec:
        x = axis("flops", "training flops", flops, scale, labels="exponent")
        y = axis("params", "compute-optimal params", params, scale, labels="short")
        tooltip = [
            {"field": "flops", "type": "quantitative", "format": ".3e"},
            {"field": "params", "type": "quantitative", "format": ".3s"},
        ]
        layers: list[Spec] = [
            {
                "data": {"values": path},
                "mark": {"type": "area", "opacity": 0.18, "color": PATH},
                "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}},
            },
            {
                "data": {"values": path},
                "mark": {"type": "line", "color": PATH},
                "params": [{"name": f"zoom_{scale}", "select": "interval", "bind": "scales"}],
                "encoding": {"x": x, "y": y, "tooltip": tooltip},
            },
            {
                "data": {"values": target},
                "mark": {"type": "rule", "strokeDash": [3, 3], "color": "#666"},
                "encoding": {"x": x},
            },
        ]
        if optima:
            legend: Spec = {"field": "method", "type": "nominal", "title": None, "legend": {"orient": "bottom"}}
            layers.append(
                {
                    "data": {"values": optima},
                    "mark": {"type": "point", "filled": True, "size": 45, "opacity": 0.9},
                    "encoding": {
                        "x": x,
                        "y": y,
                        "tooltip": tooltip,
                        "color": legend | {"scale": {"domain": methods, "range": COLOURS[: len(methods)]}},
                        "shape": legend | {"scale": {"domain": methods, "range": SHAPES[: len(methods)]}},
                    },
                }
            )
        return {"layer": layers}

    return side_by_side(view("linear"), view("log"), chart.description)
