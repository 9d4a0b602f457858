"""The compute-optimal size against compute: the law's path with its band, and the optima of isoFLOP budgets."""

from scalewise.questions.answer import Chart
from scalewise.report.figures.axes import Spec, axis, side_by_side
from scalewise.report.figures.marks import curve_in_band, labelled_points

LOOKS = (("#d1495b", "circle"), ("#5f9e6e", "square"), ("#c98a1b", "triangle-up"))


def optimum_path(chart: Chart) -> Spec:
    path, optima, target = (chart.layers[name] for name in ("path", "optima", "target"))
    flops = [float(str(row["flops"])) for row in [*path, *optima]]
    params = [float(str(row[name])) for row in path for name in ("low", "high")]
    params += [float(str(row["params"])) for row in optima]
    tooltip = [
        {"field": "flops", "type": "quantitative", "format": ".3e"},
        {"field": "params", "type": "quantitative", "format": ".3s"},
    ]

    def view(scale: str) -> Spec:
        x = axis("flops", "training flops", flops, scale, labels="exponent")
        y = axis("params", "compute-optimal params", params, scale, labels="short")
        asked = {"type": "rule", "strokeDash": [3, 3], "color": "#666"}
        layers = [
            *curve_in_band(path, x, y, tooltip, scale),
            {"data": {"values": target}, "mark": asked, "encoding": {"x": x}},
        ]
        if optima:
            layers.append(labelled_points(optima, "method", LOOKS, x, y, tooltip))
        return {"layer": layers}

    return side_by_side(view("linear"), view("log"), chart.description)
