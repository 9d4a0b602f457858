"""Loss against compute, a line per size, on a linear and a log axis."""

from scalewise.questions.answer import Chart, Row
from scalewise.report.figures.axes import SIZE_COLOURS, Spec, axis, side_by_side

MOST_DOTS = 30
"""Curves with more points than this are drawn as lines only."""
STEP = 9.0
"""Pixels between the forecasts of two sizes."""


def loss_against_compute(chart: Chart) -> Spec:
    points, forecasts, target = (chart.layers[name] for name in ("points", "forecasts", "target"))
    unit = "GPU-hours" if target[0]["axis"] == "gpu_hours" else "training flops"
    compute = [float(str(row["compute"])) for row in [*points, *forecasts, *target]]
    sizes = list(dict.fromkeys(str(row["size"]) for row in sorted(points, key=lambda row: float(str(row["params"])))))
    dotted = len(points) <= MOST_DOTS * len(sizes)

    def view(scale: str) -> Spec:
        x = axis("compute", unit, compute, scale, labels="exponent" if unit == "training flops" else "short")
        y = axis("loss", "loss (nats per token)", ())
        colour = {"field": "size", "type": "ordinal", "sort": sizes, "title": "params", "scale": SIZE_COLOURS}
        faded = {"condition": {"param": f"picked_{scale}", "value": 1.0}, "value": 0.12}
        layers: list[Spec] = [
            {
                "data": {"values": points},
                "params": [
                    {"name": f"picked_{scale}", "select": {"type": "point", "fields": ["size"]}, "bind": "legend"},
                    {"name": f"zoom_{scale}", "select": "interval", "bind": "scales"},
                ],
                "mark": {"type": "line", "point": {"size": 30} if dotted else False, "strokeWidth": 1.6},
                "encoding": {
                    "x": x,
                    "y": y,
                    "color": colour,
                    "opacity": faded,
                    "tooltip": [
                        {"field": "size", "title": "params"},
                        {"field": "compute", "title": unit, "format": ".3e"},
                        {"field": "loss", "type": "quantitative", "format": ".4f"},
                    ],
                },
            },
            {
                "data": {"values": target},
                "mark": {"type": "rule", "strokeDash": [3, 3], "color": "#666"},
                "encoding": {"x": x},
            },
        ]
        # drawn side by side to the left of the target, since all of them stand at the same compute
        for place, row in enumerate(reversed(forecasts)):
            layers += _forecast(row, -STEP * place, x, y, {"color": colour, "opacity": faded})
        return {"layer": layers}

    return side_by_side(view("linear"), view("log"), chart.description)


def _forecast(row: Row, offset: float, x: Spec, y: Spec, look: Spec) -> list[Spec]:
    """An expected loss with its interval."""
    data = {"values": [row]}
    tooltip = [{"field": "size", "title": "params"}] + [
        {"field": field, "type": "quantitative", "format": ".3f", "title": title}
        for field, title in (("loss", "expected loss"), ("low", "95 % from"), ("high", "to"))
    ]
    return [
        {
            "data": data,
            "mark": {"type": "rule", "strokeWidth": 1.4, "xOffset": offset},
            "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}, **look},
        },
        {
            "data": data,
            "mark": {"type": "point", "filled": False, "size": 45, "xOffset": offset},
            "encoding": {"x": x, "y": y, "tooltip": tooltip, **look},
        },
    ]
