"""Axes that every figure shares: one quantity drawn on a linear and on a log axis, with ticks that suit each."""

import math
from collections.abc import Iterable
from typing import Any

Spec = dict[str, Any]

WIDTH, HEIGHT = 330, 260
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
VL_VERSION = "5.20"
"""Pinned, so that a figure looks alike whatever vl-convert is installed."""
SIZE_COLOURS = {"scheme": {"name": "viridis", "extent": [0.0, 0.85]}}
"""Ordered, colour-blind-safe, and monotone in grey."""
CONFIG: Spec = {
    "background": "white",
    "font": "Helvetica, Arial, sans-serif",
    "axis": {
        "grid": True,
        "gridColor": "#e6e6e6",
        "domainColor": "#888",
        "tickColor": "#888",
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "legend": {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal", "symbolOpacity": 1},
    "view": {"stroke": None},
    "title": {"fontSize": 12, "fontWeight": "normal", "anchor": "start", "color": "#555"},
}
PADDING = 0.05
"""Room on either side of a log axis, as a share of its length."""
LABELS = {
    "exponent": "datum.value == 0 ? '0' : replace(format(datum.value, '~e'), '+', '')",
    "short": "replace(format(datum.value, '~s'), 'G', 'B')",
}
"""How numbers are written: 4e12, or 1.2B (1e9 is a billion in this field, not giga)."""


def axis(field: str, title: str, values: Iterable[float], scale: str = "linear", labels: str | None = None) -> Spec:
    """A quantitative axis on a `linear` or `log` scale that has room for `values`.

    A log axis has ticks at powers of ten, or at finer steps where it is short.
    """
    drawn: Spec = {"title": title}
    if labels:
        drawn["labelExpr"] = LABELS[labels]
    scaled: Spec = {"type": scale} | ({} if scale == "log" else {"zero": False})
    numbers = [v for v in values if v > 0]
    if scale == "log" and numbers:
        room = (max(numbers) / min(numbers)) ** PADDING
        domain = [min(numbers) / room, max(numbers) * room]
        scaled |= {"domain": domain, "nice": False}
        ticks = _powers(*domain)
        drawn |= {"values": ticks} if ticks else {"tickCount": 5, "labelOverlap": "greedy"}
    else:
        drawn["tickCount"] = 5
    return {"field": field, "type": "quantitative", "axis": drawn, "scale": scaled}


def _powers(low: float, high: float) -> list[float]:
    """The coarsest set of ticks that has at least three between low and high; none if none has."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 5, 7)):
        ticks = [step * 10.0**e for e in exponents for step in steps if low <= step * 10.0**e <= high]
        if len(ticks) >= 3:
            return ticks
    return []


def side_by_side(linear: Spec, log: Spec, description: str) -> Spec:
    """The same thing twice, since a claim about shape must hold on both axes."""
    return {
        "$schema": SCHEMA,
        "description": description,
        "config": CONFIG,
        "hconcat": [
            {"title": "linear axis", "width": WIDTH, "height": HEIGHT, **linear},
            {"title": "log axis", "width": WIDTH, "height": HEIGHT, **log},
        ],
    }
