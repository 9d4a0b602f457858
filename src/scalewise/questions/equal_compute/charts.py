"""What the figure of an equal-compute answer shows."""

import numpy as np

from scalewise.questions import wording
from scalewise.questions.answer import Chart, Row
from scalewise.questions.equal_compute.standings import Standings

MOST_BARS = 12
"""Of more forecasts the lowest are drawn: bars stand side by side."""


def loss_curves(standings: Standings) -> tuple[Chart, ...]:
    """Every size's losses against compute, and its forecast where it has one."""
    points: list[Row] = []
    for s in standings.all:
        if s.curve is not None:
            for compute in np.unique(s.curve.compute):
                loss = float(s.curve.loss[s.curve.compute == compute].mean())
                label = standings.label(s.size)
                points.append({"size": label, "params": s.size.params, "compute": float(compute), "loss": loss})
    if not points:
        return ()
    forecasts: list[Row] = []
    lowest = sorted(standings.forecasts, key=lambda forecast: forecast[1].log_loss)[:MOST_BARS]
    for s, entrant, _ in sorted(lowest, key=lambda forecast: (forecast[0].size.group, forecast[0].size.params)):
        low, high = entrant.interval()
        label = standings.label(s.size)
        forecasts.append({"size": label, "compute": standings.target, "loss": entrant.loss, "low": low, "high": high})
    unit = "GPU-hours" if standings.axis == "gpu_hours" else "training flops"
    told = f"Loss against {unit} for {len(standings.all)} sizes, the same points on a linear and on a log axis."
    if forecasts:
        at = wording.amount(standings.target, standings.axis)
        told += f" Bars show what {len(forecasts)} of them are expected to reach at {at} (dashed line)."
    layers: dict[str, list[Row]] = {
        "points": points,
        "forecasts": forecasts,
        "target": [{"compute": standings.target, "axis": standings.axis}],
    }
    return (Chart("loss_against_compute", "Loss against compute", told, layers),)
