"""An outcome against a scale: observed points, curves in their bands, and levels to reach; on both axes."""

from scalewise.questions.answer import Chart
from scalewise.report.figures.axes import CONFIG, Spec, axis, side_by_side

COLOURS = ("#3b528b", "#d1495b", "#5f9e6e", "#c98a1b", "#7a5195", "#4c9f9f", "#8c564b", "#666666")
"""Told apart by the colour-blind, and by their order in the legend."""
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke", "arrow")
COUNTS = ("params", "tokens", "data_size")


def outcome_curves(chart: Chart) -> Spec:
    """Layers: `axes` one row {x, y} of titles; `points` {x, y, label}; `curves` {x, y, low, high, label}, low and high
    may be None; `levels` {y, label}. The last three may be empty."""
    titles = chart.layers["axes"][0]
    points, curves, levels = (chart.layers.get(name, []) for name in ("points", "curves", "levels"))
    xs = [float(str(row["x"])) for row in [*points, *curves]]
    labels = list(dict.fromkeys(str(row["label"]) for row in [*points, *curves]))
    legend: Spec = {"field": "label", "type": "nominal", "title": None}
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(labels))]
    shapes = [SHAPES[i % len(SHAPES)] for i in range(len(labels))]
    colour = legend | {"scale": {"domain": labels, "range": colours}}
    shape = legend | {"scale": {"domain": labels, "range": shapes}}
    written = "short" if str(titles["x"]) in COUNTS else "exponent" if max(xs, default=1.0) >= 1e4 else None

    def view(scale: str) -> Spec:
        x = axis("x", str(titles["x"]), xs, scale, labels=written)
        y = axis("y", str(titles["y"]), (), labels="short" if str(titles["y"]) in COUNTS else None)
        tooltip = [
            {"field": "label", "title": "of"},
            {"field": "x", "type": "quantitative", "title": titles["x"], "format": ".4~g"},
            {"field": "y", "type": "quantitative", "title": titles["y"], "format": ".4~g"},
        ]
        picked = {"name": f"picked_{scale}", "select": {"type": "point", "fields": ["label"]}, "bind": "legend"}

        def faded(whole: float) -> Spec:
            return {"condition": {"param": f"picked_{scale}", "value": whole}, "value": 0.12 * whole}

        layers: list[Spec] = []
        if banded := [row for row in curves if row.get("low") is not None]:
            band = {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}, "color": colour, "opacity": faded(0.15)}
            layers.append({"data": {"values": banded}, "mark": {"type": "area"}, "encoding": band})
        if curves:
            line = {"x": x, "y": y, "color": colour, "opacity": faded(1.0), "tooltip": tooltip}
            layers.append({"data": {"values": curves}, "mark": {"type": "line", "strokeWidth": 1.6}, "encoding": line})
        if points:
            dots = {"x": x, "y": y, "color": colour, "shape": shape, "opacity": faded(0.7), "tooltip": tooltip}
            layers.append(
                {"data": {"values": points}, "mark": {"type": "point", "filled": True, "size": 40}, "encoding": dots}
            )
        if levels:
            rule = {"type": "rule", "strokeDash": [3, 3], "color": "#666"}
            named = {"field": "label", "title": "level"}
            layers.append({"data": {"values": levels}, "mark": rule, "encoding": {"y": y, "tooltip": [named]}})
        layers[0] |= {"params": [picked, {"name": f"zoom_{scale}", "select": "interval", "bind": "scales"}]}
        return {"layer": layers}

    # said of the whole figure, so that a narrow screen can say otherwise
    legends = {**CONFIG["legend"], "orient": "bottom", "columns": 4}
    return side_by_side(view("linear"), view("log"), chart.description) | {"config": {**CONFIG, "legend": legends}}
