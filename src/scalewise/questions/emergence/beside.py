"""What stands beside the answer: the same outcome by token, by another metric, or against another scale."""

from dataclasses import dataclass, replace

import numpy as np

from scalewise.questions.answer import Chart, Finding
from scalewise.questions.emergence import charts, findings
from scalewise.questions.emergence.asked import Asked
from scalewise.questions.emergence.axes import Axes, larger_yet_behind
from scalewise.questions.emergence.case import Case
from scalewise.questions.emergence.sentence import of_axes, of_metric
from scalewise.questions.outcomes import Outcomes


@dataclass(frozen=True)
class Beside:
    """A second case, under the name it goes by, with its tables, its figure and what it adds to the sentence."""

    name: str
    case: Case
    tables: tuple[Finding, ...]
    chart: Chart
    words: str


def one_token(asked: Asked, points: Outcomes, main: Case, x: str, y: str, tokens: float, resamples: int) -> Beside:
    """Laws of the accuracy of one token, fitted through the exact matches themselves."""
    case = asked.case(points, x, y, resamples, tokens=tokens)
    name = f"one token of {tokens:g}"
    table = findings.per_token(case, points)
    return Beside(name, case, (table,), charts.one_token(case, x), of_metric(main, case, name))


def other_metric(asked: Asked, main: Case, x: str, metric: str, resamples: int) -> Beside:
    """The same runs by a metric of its own scale."""
    points = asked.points(x, metric, sized=False)
    case = asked.case(points, x, metric, resamples, chance=False)
    chart = charts.outcome(case, points.rows["group"].to_list(), x, metric, None)
    return Beside(metric, case, (), chart, of_metric(main, case, metric))


def other_scale(asked: Asked, points: Outcomes, x: str, against: str, y: str, resamples: int) -> Beside:
    """The runs that have both scales, against each of them."""
    asked.points(against, y)  # says what is wrong with that column, if anything is
    other = points.rows[against].cast(float).fill_null(np.nan).to_numpy()
    keep = np.flatnonzero(np.isfinite(other))
    by_first = points.at(keep)
    first = asked.case(by_first, x, y, resamples)
    second = asked.case(replace(by_first, x=other[keep]), against, y, resamples)
    together, _ = asked.together(by_first, (x, against, y))
    axes = Axes.of(first, second, together, resamples, asked.seed)
    behind = larger_yet_behind(first, by_first.rows["run"].to_list(), x, y)
    chart = charts.outcome(second, by_first.rows["group"].to_list(), against, y, asked.chance)
    tables = (axes.finding(x, against), *([behind] if behind else []))
    return Beside(f"{y} against {against}", second, tables, chart, of_axes(axes, x, against))
