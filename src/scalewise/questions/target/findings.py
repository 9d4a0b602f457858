"""The tables of a target answer."""

from collections.abc import Mapping, Sequence

import numpy as np

from scalewise.laws import Fit
from scalewise.questions import wording
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.target.crossing import Crossing
from scalewise.questions.target.curve import Curve
from scalewise.questions.target.reach import HORIZON, STRETCHES, Reach
from scalewise.questions.target.several import Several

_FAR = wording.flops(HORIZON)


def reached(x: str, within: float, by_group: Mapping[str, Reach | str]) -> Finding:
    """Where each group reaches its level, or why that is not known."""
    rows: list[tuple[Cell, ...]] = []
    for group, found in by_group.items():
        if isinstance(found, str):
            rows.append((group, None, *(None,) * 6, None, None, found))
            continue
        at, times = found.average.triple(), found.average.triple(found.curve.largest)
        rows.append(
            (group, found.aim.level, *at, *times, found.probability(within), found.average.never, _where(found, within))
        )
    return Finding(
        f"How much {x} until the level",
        ("group", "level", *with_interval("reached_at", "times_largest"), _within(within), "P(never)", "where"),
        tuple(rows),
        f"an end without a number is beyond {_FAR} times the largest x, if anywhere; P(never) is the share of refits "
        "whose law does not reach the level at any x; far beyond is farther than the data are wide.",
    )


def _where(found: Reach, within: float) -> str:
    if found.inside:
        return "within the data"
    median = found.average.quantile(0.5)
    if median is None:
        return "never, most likely"
    factor = median / found.curve.largest
    if factor > found.span:
        return "far beyond the data"
    return "beyond the data" if factor > 1 else "at the end of the data"


def _within(within: float) -> str:
    return f"P(within {wording.times(within)})"


def by_law(within: float, by_group: Mapping[str, Reach | str]) -> Finding:
    """Where the level is reached if this law or that is true."""
    rows: list[tuple[Cell, ...]] = []
    notes = []
    for group, found in by_group.items():
        if isinstance(found, str):
            continue
        most = within * found.curve.largest
        for law in sorted(found.laws, key=lambda law: -law.weight):
            c = law.crossing
            rows.append((group, law.fit.family.name, law.weight, *c.triple(), c.by(most), c.never))
        notes.append(_backtest(found))
    how = notes[0] if len(set(notes)) == 1 else "laws are weighed by backtests beyond the data, by their fit within."
    return Finding(
        "Under each law",
        ("group", "law", "weight", *with_interval("reached_at"), _within(within), "P(never)"),
        tuple(rows),
        f"each interval holds if that law is true; {how}{_left_out(by_group)}",
    )


def _left_out(by_group: Mapping[str, Reach | str]) -> str:
    """Which laws take no part, and why, where one group was asked about."""
    found = [r for r in by_group.values() if isinstance(r, Reach)]
    if len(found) > 1 or not found[0].left_out:
        return ""
    return " Left out: " + "; ".join(f"{name} ({why})" for name, why in found[0].left_out.items()) + "."


def _backtest(found: Reach) -> str:
    if found.inside:
        return "the level lies within the data, so laws are weighed by how well they fit them."
    test = found.forecast.backtest
    if not found.tested or test is None:
        return "there are too few points for a backtest, so laws count alike and drift as they usually do."
    unit = "in log y" if found.forecast.is_log else f"in {found.aim.y}"
    return (
        f"weighed by backtests from {test.origins} {'place' if test.origins == 1 else 'places'} up to "
        f"{wording.times(float(np.exp(test.log_distance)))} before the end, where the average missed by "
        f"{test.error:.3g} {unit}."
    )


def by_scale(x: str, within: float, by_group: Mapping[str, Reach | str]) -> Finding:
    """How sure it is that the level is reached by so many times the largest x."""
    factors = sorted({1.0, *STRETCHES, within})
    rows: list[tuple[Cell, ...]] = [
        (group, *(found.average.by(found.curve.largest * f) for f in factors))
        for group, found in by_group.items()
        if not isinstance(found, str)
    ]
    return Finding(
        f"Chance that the level is reached by so many times the largest {x}",
        ("group", *(f"P(by {wording.times(f)})" for f in factors)),
        tuple(rows),
        "beyond the width of the data themselves no backtest supports these numbers.",
    )


def measured(x: str, y: str, by_group: Mapping[str, Reach | str]) -> tuple[Finding, ...]:
    """The points next to the level, where it was reached."""
    rows: list[tuple[Cell, ...]] = []
    for group, found in by_group.items():
        if isinstance(found, str):
            continue
        xs, ys = means(found.curve)
        hit = np.flatnonzero(found.aim.reached(ys))
        if hit.size:
            first = int(hit[0])
            before = (float(xs[first - 1]), float(ys[first - 1])) if first else (None, None)
            rows.append((group, found.aim.level, *before, float(xs[first]), float(ys[first])))
    if not rows:
        return ()
    return (
        Finding(
            "Measured next to the level",
            ("group", "level", "last_before", f"{y}_before", "first_reached", f"{y}_reached"),
            tuple(rows),
            f"means at each {x}; the first to reach the level does so with the help of its noise.",
        ),
    )


def means(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """The mean outcome at every x, by rising x."""
    xs, place = np.unique(curve.x[:, 0], return_inverse=True)
    return xs, np.bincount(place, curve.y) / np.bincount(place)


def parameters(by_group: Mapping[str, Reach | str]) -> Finding:
    rows: list[tuple[Cell, ...]] = []
    fits = []
    for group, found in by_group.items():
        if not isinstance(found, str):
            for law in found.laws:
                fits.append(law.fit)
                rows += [(group, law.fit.family.name, *row) for row in _values(law.fit)]
    return Finding(
        "Parameters of the laws", ("group", "law", "parameter", *with_interval("value")), tuple(rows), _formulas(fits)
    )


def _values(fit: Fit) -> list[tuple[Cell, ...]]:
    return [(name, *finite(e.value, e.low, e.high)) for name, e in fit.parameters().items()]


def _formulas(fits: Sequence[Fit]) -> str:
    return "; ".join(dict.fromkeys(f"{fit.family.name}: {fit.family.formula}" for fit in fits)) + "."


def finite(*values: float) -> tuple[float | None, ...]:
    """Numbers as JSON can hold them."""
    return tuple(float(v) if np.isfinite(v) else None for v in values)


def routes(several: Several, within: float) -> Finding:
    """How much of each scale alone, and of all together."""
    rows: list[tuple[Cell, ...]] = []
    for i, route in enumerate(several.routes):
        largest = float(several.largest[i]) if i < len(several.scales) else None
        at = route.crossing.triple(1 / largest) if largest else (None, None, None)
        rows.append(
            (
                route.name,
                largest,
                *at,
                *route.crossing.triple(),
                route.crossing.by(within),
                route.crossing.never,
                route.tenfold,
            )
        )
    return Finding(
        "How much of each scale until the level",
        (
            "scale",
            "largest",
            *with_interval("reached_at", "times_largest"),
            _within(within),
            "P(never)",
            "gain_of_tenfold",
        ),
        tuple(rows),
        "a scale alone grows while the others stay at their largest; an end without a number is beyond "
        f"{_FAR} times, if anywhere; gain of tenfold is what the first tenfold changes.",
    )


def laws_together(several: Several) -> Finding:
    """The crossing under each joint law, alone and together."""
    rows: list[tuple[Cell, ...]] = []
    for i, (fit, weight) in enumerate(zip(several.fits, several.weights, strict=True)):
        for route in several.routes:
            crossing: Crossing = route.by_law[i]
            rows.append((fit.family.name, float(weight), route.name, *crossing.triple(), crossing.never))
    test = several.backtest
    told = (
        f"weighed by {test.origins} backtests without the runs that are largest in all scales together, which the "
        f"average missed by {test.error:.3g}."
        if test
        else "there are too few runs for a backtest, so laws count alike and drift as they usually do."
    )
    return Finding(
        "Under each law", ("law", "weight", "scale", *with_interval("times_largest"), "P(never)"), tuple(rows), told
    )


def parameters_together(several: Several) -> Finding:
    names = ", ".join(f"x{i} = {name}" for i, name in enumerate(several.scales, 1))
    rows = tuple((fit.family.name, *row) for fit in several.fits for row in _values(fit))
    return Finding(
        "Parameters of the laws",
        ("law", "parameter", *with_interval("value")),
        rows,
        f"{names}; {_formulas(several.fits)}",
    )
