"""The tables of trend."""

from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.trend.contrast import Contrast
from scalewise.questions.trend.level import FAMILIES, Level, Stretch
from scalewise.questions.trend.screen import Dependence
from scalewise.questions.trend.vanishing import Vanishing

FORMULAS = {family.name: family.formula for family in FAMILIES}
MOST_LAWS = 4
"""Laws shown for each level, the heaviest first."""


def changes(levels: list[Level], together: Level | None, stretch: Stretch, chances: dict[str, float]) -> Finding:
    """How much y changes over the stretch, level by level, and over all levels taken together."""
    rows: list[tuple[Cell, ...]] = []
    for level in [*levels, *([together] if together else [])]:
        whole = level.change(stretch)
        per = [v / stretch.tenfolds for v in (whole.value, whole.low, whole.high)]
        law, weight = level.law
        ends = (whole.value, whole.low, whole.high, *per)
        rows.append((level.name, level.points.x.size, *ends, chances.get(level.name), law, weight))
    columns = (
        "level",
        "runs",
        *with_interval("change", "per_tenfold"),
        "P(changes)",
        "likeliest_law",
        "weight",
    )
    note = f"From {stretch.low:.4g} to {stretch.high:.4g}, where every level has runs; averaged over the laws."
    return Finding("How the outcome changes", columns, tuple(rows), note)


def differences(found: list[Contrast], stretch: Stretch) -> Finding:
    rows: list[tuple[Cell, ...]] = []
    for c in found:
        d = c.difference
        per = [v / stretch.tenfolds for v in (d.value, d.low, d.high)]
        rows.append((c.first.name, c.second.name, d.value, d.low, d.high, *per, c.probability))
    columns = ("level", "against", *with_interval("difference", "per_tenfold"), "P(differs)")
    note = "Change at the second level minus change at the first."
    return Finding("Differences between the trends", columns, tuple(rows), note)


def laws(levels: list[Level]) -> Finding:
    rows: list[tuple[Cell, ...]] = []
    for level in levels:
        for name, weight in list(level.average.all_weights.items())[:MOST_LAWS]:
            rows.append((level.name, name, FORMULAS[name], weight))
    note = (
        "Weights: how much the points speak for a law (a Bayes factor). `scalewise compare` tests them by simulation."
    )
    return Finding("By which law", ("level", "law", "formula", "weight"), tuple(rows), note)


def vanishings(found: list[Vanishing], near: float) -> Finding:
    rows: list[tuple[Cell, ...]] = [
        (v.level.name, v.limit, v.left, v.by, v.probability, "yes" if v.tested else "no") for v in found
    ]
    columns = ("level", "limit", "distance_now", "by_x", "P(vanishes)", "backtested")
    note = f"Vanished: within {near:.3g} of the limit. Where no backtest reaches as far, their form is taken on trust."
    return Finding("Does it vanish", columns, tuple(rows), note)


def dependences(found: list[Dependence]) -> Finding:
    rows: list[tuple[Cell, ...]] = [(d.column, level, slope, d.p) for d in found for level, slope in d.slopes.items()]
    note = "Straight lines in log x; p of equal slopes, by Holm's method. A trend over all levels may be that of none."
    return Finding("Columns on which the trend depends", ("column", "level", "per_tenfold", "p"), tuple(rows), note)
