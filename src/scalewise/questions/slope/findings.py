"""The tables of a slope answer."""

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import Estimate
from scalewise.laws.fit import estimate
from scalewise.laws.valley import PowerLine
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.slope.between_losses import Floor
from scalewise.questions.slope.budgets import Budgets
from scalewise.questions.slope.contrasts import Contrast, Multiplier, two_sided
from scalewise.questions.slope.curves import Average
from scalewise.questions.slope.progress import Progress
from scalewise.questions.slope.samples import Ends

Floats = NDArray[np.float64]
NOTHING: tuple[Cell, ...] = (None, None, None)


def triple(e: Estimate) -> tuple[float | None, float | None, float | None]:
    """Value, low and high; None for what is infinite."""
    value, low, high = (float(v) if np.isfinite(v) else None for v in (e.value, e.low, e.high))
    return value, low, high


def exponential(e: Estimate) -> Estimate:
    """A ratio, from its logarithm."""
    with np.errstate(over="ignore"):
        return Estimate(*(float(np.exp(v)) for v in (e.value, e.low, e.high)))


def changed(contrast: Contrast) -> str:
    """What the group changes, in a word."""
    slope = "slope" if contrast.slope_differs else "" if contrast.slope_alike else "slope unknown"
    level = "level" if contrast.level_differs else ""
    return ", ".join(part for part in (level, slope) if part) or "nothing shown"


def overview(contrasts: list[Contrast], names: tuple[str, ...]) -> Finding:
    """Slope and level of every group against the baseline's."""
    rows = []
    for c in contrasts:
        level = triple(exponential(c.level)) if c.level else NOTHING
        rows.append((names[c.group], *triple(c.ratio), c.p_holm, c.p_alike, *level, c.p_level, changed(c)))
    columns = ("group", *with_interval("exponent_ratio"), "p", "p_alike", *with_interval("level_ratio"), "p_level")
    adjusted = " (adjusted for the number of groups, Holm 1979)" if len(contrasts) > 1 else ""
    return Finding(
        f"Slope and level against {names[0]}",
        (*columns, "changes"),
        tuple(rows),
        "averaged over the laws below. exponent ratio: the group's exponent as a share of the baseline's; p: of equal "
        f"exponents{adjusted}; p alike: of a difference as large as the margin; level ratio: the group's outcome as a "
        "share of the baseline's, at the geometric middle of what both cover.",
    )


def by_law(average: Average, names: tuple[str, ...], sign: float) -> Finding:
    """Every law's exponents and their differences: how much the answer depends on the law."""
    rows: list[tuple[Cell, ...]] = []
    beside = [average.floors_only] if average.floors_only else []
    for law in [*sorted(average.laws, key=lambda law: -law.weight), *beside]:
        exponent, floor = sign * law.curves.exponent, law.curves.floor
        for group, name in enumerate(names):
            limit: tuple[Cell, ...] = _own(floor, group) if floor.any() else NOTHING
            weight = None if law is average.floors_only else law.weight
            apart = _difference(exponent, group) if law is not average.floors_only else _difference(exponent, 0)
            rows.append((law.name, weight, name, *_own(exponent, group), *apart, *limit))
    other = "; a law without a weight is not averaged, as it knows no difference of exponents" if beside else ""
    kappa = "; the exponent is kappa" if sign < 0 else ""
    left_out = "".join(f"; {name} is left out: {why}" for name, why in average.left_out.items())
    return Finding(
        "Exponents by law",
        ("law", "weight", "group", *with_interval("exponent", "difference"), "p", *with_interval("floor")),
        tuple(rows),
        f"{average.heaviest.fit.residual.description}; {average.heaviest.fit.points:,} points{other}{left_out}{kappa}.",
    )


def _own(values: Floats, group: int) -> tuple[Cell, ...]:
    """One group's value, low and high of (1 + refits, groups)."""
    return triple(estimate(float(values[0, group]), values[1:, group]))


def _difference(exponent: Floats, group: int) -> tuple[Cell, ...]:
    """Exponents (1 + refits, groups) against the baseline's: value, low, high and p."""
    if group == 0:
        return (None, None, None, None)
    apart = exponent[:, [group]] - exponent[:, [0]]
    return (*_own(apart, 0), two_sided(apart[1:, 0]))


def compute_multipliers(found: list[Multiplier], names: tuple[str, ...], x: str, y: str) -> Finding:
    rows = tuple((names[m.group], m.y, *triple(m.times)) for m in found)
    return Finding(
        f"{x} multiplier at the same {y}",
        ("group", y, *with_interval("multiplier")),
        rows,
        f"how many times as much {x} {names[0]} needs for the same {y}, over the {y} that both reach; it is the same "
        "everywhere where exponents and floors are.",
    )


def multiplier_changes(found: list[Multiplier], names: tuple[str, ...], x: str, y: str) -> Finding:
    """Whether curves are more than a shift of each other, whatever their exponents."""
    rows = []
    for group in sorted({m.group for m in found}):
        ends = sorted((m for m in found if m.group == group), key=lambda m: m.y)
        # where x buys more, the multiplier belongs to the larger x
        late, early = (ends[0], ends[-1]) if ends[0].log_x > ends[-1].log_x else (ends[-1], ends[0])
        change = late.log - early.log
        rows.append(
            (
                names[group],
                early.y,
                late.y,
                *triple(exponential(estimate(float(change[0]), change[1:]))),
                two_sided(change[1:]),
            )
        )
    return Finding(
        f"Does the {x} multiplier change with scale",
        ("group", f"{y}_from", f"{y}_to", *with_interval("multiplier_ratio"), "p"),
        tuple(rows),
        f"the multiplier at the far end of the {y} that both reach as a share of that at the near end; 1 where one "
        "curve is the other, shifted.",
    )


def crossings(contrasts: list[Contrast], names: tuple[str, ...], x: str) -> Finding:
    rows = tuple((names[c.group], c.crossing.x, c.crossing.low, c.crossing.high, c.crossing.inside) for c in contrasts)
    return Finding(
        f"Where the curves cross {names[0]}'s",
        ("group", *with_interval("crossing"), "P(cross inside)"),
        rows,
        f'crossing is in {x}; "-" is an end that the data do not set within a factor of a hundred. P(cross inside): of '
        "a crossing where both have runs.",
    )


def budgets(found: Budgets, names: tuple[str, ...]) -> Finding:
    """The optima that the loss curves and the sizes are fitted to."""
    rows = []
    for o in found.optima:
        loss, params = (_within(v, e) for v, e in ((o.loss, o.loss_error), (o.params, o.params_error)))
        rows.append((names[o.group], o.flops, *loss, *params, o.runs))
    return Finding(
        "The optimum of each budget",
        ("group", "flops", *with_interval("loss", "params"), "runs"),
        tuple(rows),
        "the lowest point of a parabola of the loss in log params through the runs of one budget.",
    )


def _within(value: float, error: float) -> tuple[float, float, float]:
    """A number with the 95 % interval that the standard error of its logarithm gives."""
    return value, float(value * np.exp(-1.96 * error)), float(value * np.exp(1.96 * error))


def best_sizes(average: Average, lines: dict[str, list[PowerLine | None]], names: tuple[str, ...]) -> Finding:
    """How the best size grows with compute: every optimum by how sure it is, and as published, all of them alike."""
    rows: list[tuple[Cell, ...]] = []
    exponent = -average.heaviest.curves.exponent
    for group, name in enumerate(names):
        rows.append(("weighted by their errors", name, *_own(exponent, group), *_difference(exponent, group)))
    for recipe, by_group in lines.items():
        for name, line in zip(names, by_group, strict=True):
            if line:
                rows.append((f"unweighted, {recipe}", name, *triple(line.exponent), None, *NOTHING))
    return Finding(
        "Exponent of the best size",
        ("optima", "group", *with_interval("exponent", "difference"), "p"),
        tuple(rows),
        "the best size grows as flops^exponent. Unweighted: a parabola through each budget and a straight line through "
        "their optima, with a t interval (Hoffmann et al. 2022, approach 2).",
    )


def variants(found: dict[str, Average], names: tuple[str, ...], title: str) -> Finding:
    """Exponents with and without the runs that are left out."""
    rows: list[tuple[Cell, ...]] = []
    for variant, average in found.items():
        law = average.heaviest
        for group, name in enumerate(names):
            exponent = law.curves.exponent
            rows.append((variant, law.name, name, *_own(exponent, group), *_difference(exponent, group)))
    columns = ("runs", "law", "group", *with_interval("exponent", "difference"), "p")
    return Finding(title, columns, tuple(rows), "under the law with the most weight in each case.")


def far_off(ends: Ends, far: NDArray[np.bool_], expected: Floats | None, x: str, y: str) -> Finding:
    """The runs that look diverged, the worst first."""
    rows = []
    params = ends.rows["params"].to_list() if "params" in ends.rows.columns else [None] * ends.rows.height
    for i in sorted(np.flatnonzero(far), key=lambda i: -ends.sample.y[i]):
        name, run = ends.sample.names[ends.sample.member[i]], str(ends.rows["run"][int(i)])
        usual = None if expected is None else float(expected[i])
        rows.append((run, name, params[i], float(ends.sample.x[i]), float(ends.sample.y[i]), usual))
    return Finding(
        "Runs far off the others",
        ("run", "group", "params", x if x != "params" else "x", y, "expected"),
        tuple(rows),
        "they look diverged and are left out of the answer, and the table above says what that changes; mark them as "
        "diverged in a column 'state' if they did.",
    )


def floors(found: list[Floor], names: tuple[str, ...]) -> Finding:
    """The laws of size and data that the floors are from, as published: one row per loss and group."""
    rows = []
    for floor in found:
        values = floor.fit.parameters()
        others = tuple(values[name].value for name in ("A", "alpha", "B", "beta"))
        score = float(floor.fit.objective / floor.fit.points)
        rows.append((names[floor.group], floor.loss, *triple(values["E"]), *others, score, floor.fit.points))
    return Finding(
        "Floors of the losses",
        ("group", "loss", *with_interval("E"), "A", "alpha", "B", "beta", "mean_cost", "runs"),
        tuple(rows),
        "E + A / N^alpha + B / D^beta, with N params and D tokens; mean cost: the mean Huber loss (delta 0.001) of "
        "log residuals.",
    )


def doubling(found: Progress, hardware: float | None) -> Finding:
    row: list[Cell] = [len(found.groups), found.first, found.last, *triple(found.per_year), *found.doubling]
    columns = ["groups", "first_date", "last_date", *with_interval("doublings_per_year", "doubling_years")]
    if hardware is not None:
        row += [hardware, found.faster_than(hardware)]
        columns += ["hardware_doubling_years", "P(faster than hardware)"]
    return Finding(
        "Doubling time of efficiency",
        tuple(columns),
        (tuple(row),),
        "a line through log2 of the multipliers against the median date of each group's runs; its scatter about the "
        'line is in the interval. "-" is an open end: efficiency may not rise at all.'
        if len(found.groups) > 2
        else "between two groups; how evenly progress is made cannot be seen from two.",
    )
