"""Figures: each file draws one kind of Chart as a Vega-Lite description. A new figure is one file and one line here.

What a figure shows is decided by the question and stands in the Chart as rows; here it is only drawn.
"""

from collections.abc import Callable

from scalewise.questions.answer import Chart
from scalewise.report.figures.axes import Spec
from scalewise.report.figures.intervals import intervals
from scalewise.report.figures.loss_against_compute import loss_against_compute
from scalewise.report.figures.optimum_path import optimum_path
from scalewise.report.figures.outcome_curves import outcome_curves
from scalewise.report.figures.size_valley import size_valley

FIGURES: dict[str, Callable[[Chart], Spec]] = {
    "loss_against_compute": loss_against_compute,
    "size_valley": size_valley,
    "optimum_path": optimum_path,
    "outcome_curves": outcome_curves,
    "intervals": intervals,
}


def draw(chart: Chart) -> Spec:
    """The Vega-Lite description of a chart."""
    return FIGURES[chart.figure](chart)
