"""Training loss against compute while runs are being trained: a panel per size, a colour per learning rate."""

from scalewise.report.figures.axes import CONFIG, LABELS, SCHEMA, SIZE_COLOURS, Spec

PANEL_WIDTH, PANEL_HEIGHT = 240, 150
DATA = "curves"
"""The name under which rows {run, params, size, rate, flops, loss, kind} are put in."""


def training_curves() -> Spec:
    """Rows come later, under `DATA`; `kind` is training or held out."""
    x: Spec = {
        "field": "flops",
        "type": "quantitative",
        "scale": {"type": "log", "nice": False},
        "axis": {
            "title": "training flops",
            "labelExpr": LABELS["exponent"],
            "labelOverlap": "greedy",
            "labelSeparation": 8,
        },
    }
    y: Spec = {
        "field": "loss",
        "type": "quantitative",
        "scale": {"zero": False},
        "axis": {"title": "loss (nats per token)", "tickCount": 4},
    }
    colour: Spec = {
        "field": "rate",
        "type": "ordinal",
        "title": "learning rate",
        "sort": "ascending",
        "scale": SIZE_COLOURS,
        "legend": {"orient": "bottom"},
    }
    tooltip = [
        {"field": "run"},
        {"field": "kind", "title": "loss"},
        {"field": "flops", "format": ".3e"},
        {"field": "loss", "type": "quantitative", "format": ".4f"},
    ]
    line: Spec = {
        "transform": [{"filter": "datum.kind == 'training'"}],
        "mark": {"type": "line", "strokeWidth": 1.2, "opacity": 0.8},
        "encoding": {"x": x, "y": y, "detail": {"field": "run"}, "color": colour, "tooltip": tooltip},
    }
    end: Spec = {
        "transform": [{"filter": "datum.kind == 'held out'"}],
        "mark": {"type": "point", "filled": True, "size": 34},
        "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip},
    }
    return {
        "$schema": SCHEMA,
        "description": "Training loss against training flops, a panel per size and a colour per learning rate; "
        "dots are held-out losses of ended runs.",
        "config": CONFIG,
        "data": {"name": DATA, "values": []},
        "facet": {
            "field": "size",
            "type": "ordinal",
            "title": None,
            "sort": {"field": "params", "op": "min"},
            "header": {"labelFontSize": 12},
        },
        "columns": 3,
        "spec": {"width": PANEL_WIDTH, "height": PANEL_HEIGHT, "layer": [line, end]},
    }
