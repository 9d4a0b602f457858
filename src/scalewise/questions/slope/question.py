"""Does a group of runs (architecture, data, method) change the level of a scaling curve, or its slope?"""

from typing import Annotated

import numpy as np

from scalewise.checks import Evidence, cautions
from scalewise.errors import QuestionError
from scalewise.laws import Estimate
from scalewise.questions import wording
from scalewise.questions.answer import Answer, Chart, Finding, judge
from scalewise.questions.metric import column_of
from scalewise.questions.option import BUDGET, RESAMPLES, SEED, Option
from scalewise.questions.repeat import repeat
from scalewise.questions.slope import charts, findings
from scalewise.questions.slope.case import Case, Relation, compared
from scalewise.questions.slope.contrasts import Contrast, Multiplier, contrasts, main_one, multipliers, shared_y
from scalewise.questions.slope.curves import AS_GOOD
from scalewise.questions.slope.plan import next_run
from scalewise.questions.slope.progress import Progress, group_dates, progress
from scalewise.questions.slope.samples import grouped_by
from scalewise.runs.table import Runs, listed

TELLING = 1e3
"""An interval of a multiplier that spans more says nothing worth a sentence."""


def slope(
    runs: Runs,
    by: Annotated[str, Option("The column that tells the groups apart.")] = "group",
    x: Annotated[str, Option("The column of scale: flops, params, tokens, or another loss.")] = "flops",
    y: Annotated[str, Option("The column of the outcome.")] = "loss",
    baseline: Annotated[str | None, Option("The group that others are compared with. Default: the first.")] = None,
    law: Annotated[
        Relation, Option("Power laws in x, with and without a floor; or the law between two losses.")
    ] = "power",
    margin: Annotated[
        float,
        Option("Exponents that differ by less than this share of the baseline's count as alike.", least=0, most=1),
    ] = 0.1,
    at: Annotated[float | None, Option("Also read the multiplier at this x of the baseline, or at this y.")] = None,
    date: Annotated[
        str | None, Option("The column of each run's date (years or ISO dates), for the doubling time of efficiency.")
    ] = None,
    hardware_doubling: Annotated[
        float | None, Option("Years in which hardware doubles, to compare it with.", least=0.01)
    ] = None,
    budget: Annotated[float | None, BUDGET] = None,
    resamples: Annotated[int, RESAMPLES] = 1000,
    seed: Annotated[int, SEED] = 0,
) -> Answer:
    """Whether groups differ in the exponent of y in x, or only in level.

    Power laws with no floor, one floor for all and a floor for each group are fitted to one point per run (or to the
    optimum of each isoFLOP budget, where x is compute and every group's runs form budgets) and averaged. Yes: some
    exponent differs from the baseline's (p <= 0.05, Holm); no: every one is within `margin` of it (p <= 0.05).
    Raises QuestionError when fewer than two groups can be compared or an option does not fit the table.
    """
    if hardware_doubling is not None and date is None:
        raise QuestionError("--hardware-doubling needs --date, the column of each run's date.")
    grouped = grouped_by(runs, by)
    asked = {"x": x, "y": y}
    x, y = _columns(grouped, x, y)
    case = compared(grouped, x, y, baseline, law, resamples, seed)
    names, sample = case.sample.names, case.sample
    found = contrasts(case.average, sample, margin)
    multiplied = (
        [] if law == "loss-to-loss" else [m for c in found for m in multipliers(case.average, sample, c.group, at)]
    )
    _check_at(runs, case, found, multiplied, at, x, y)
    years = None if date is None else _years(grouped, case, multiplied, date, seed)
    probability = _probability(found)
    verdict = judge(probability)
    evidence = Evidence(
        grouped,
        case.ends.rows,
        fits=(case.average.heaviest.fit,),
        by_law=True,
        far_off=case.far_runs,
    )
    return Answer(
        question="slope",
        claim=_claim(names, x, y, case),
        verdict=verdict,
        probability=probability,
        sentence=_sentence(found, multiplied, names, x, y, case),
        findings=_findings(case, found, multiplied, years, hardware_doubling, x, y),
        charts=_charts(case, found, x, y),
        assumptions=_assumptions(case, x, y, law, margin),
        warnings=cautions(evidence),
        next_run=_next_run(grouped, case, found, x, margin, budget) if verdict == "the data cannot tell" else None,
        reading=(*runs.reading, *case.ends.notes, *case.notes),
        repeat=repeat(
            "slope",
            runs,
            seed,
            {
                "by": by,
                **asked,
                "baseline": baseline,
                "law": law,
                "margin": margin,
                "at": at,
                "date": date,
                "hardware_doubling": hardware_doubling,
                "budget": budget,
                "resamples": resamples,
            },
        ),
    )


def _columns(runs: Runs, x: str, y: str) -> tuple[str, str]:
    """x and y as the table has them. Raises QuestionError when one is not there or both are one."""
    runs.require(*(c for c in (x, y) if c in ("flops", "loss")), purpose="slope")
    x, y = column_of(runs, x, "--x"), column_of(runs, y, "--y")
    if x == y:
        raise QuestionError(f"--x and --y are both '{x}'; name two columns.")
    return x, y


def _check_at(
    runs: Runs, case: Case, found: list[Contrast], multiplied: list[Multiplier], at: float | None, x: str, y: str
) -> None:
    """Raises QuestionError when the place asked about is covered by no pair of groups."""
    if at is None or any(m.asked for m in multiplied):
        return
    both = [shared_y(case.average, case.sample, c.group) for c in found]
    covered = listed(f"{b[0]:.4g} to {b[1]:.4g}" for b in both if b)
    low, high = case.sample.span(0)
    raise QuestionError(
        f"{runs.source}: --at {at:g} is neither a {y} that two groups reach ({covered or 'there is none'}) nor an {x} "
        f"at which the baseline has one ({wording.count(low)} to {wording.count(high)})."
    )


def _years(runs: Runs, case: Case, multiplied: list[Multiplier], date: str, seed: int) -> Progress:
    """Progress over time from each group's multiplier. Raises QuestionError when there is none to be had."""
    dates = group_dates(runs, case.ends, date)
    each = [main_one(multiplied, group) for group in range(1, len(case.sample.names))]
    known = [m for m in each if m is not None]
    found = progress(known, dates, case.sample.names, seed) if known else None
    if found is None:
        raise QuestionError(
            f"{runs.source}: no doubling time can be had: it needs groups of different dates in '{date}' that reach "
            "the same outcome as the baseline."
        )
    return found


def _probability(found: list[Contrast]) -> float | None:
    """That some slope differs, where a test says so; that it does, though all look alike, where equivalence tests do.

    None where neither is shown.
    """
    if any(c.slope_differs for c in found):
        return 1 - min(c.p_holm for c in found)
    if all(c.slope_alike for c in found):
        return max(c.p_alike for c in found)
    return None


def _claim(names: tuple[str, ...], x: str, y: str, case: Case) -> str:
    best = "the best " if case.budgets else ""
    others = names[1] if len(names) == 2 else "some other group"
    return f"against {names[0]}, {others} changes the slope of {best}{y} in {x} and not only its level"


def _interval(e: Estimate) -> str:
    return f"{e.value:.3g} [{e.low:.3g}, {e.high:.3g}]"


def _times(e: Estimate) -> str:
    """0.947x [0.945x, 0.949x], from a log ratio."""
    value, low, high = (wording.times(float(np.exp(v))) for v in (e.value, e.low, e.high))
    return f"{value} [{low}, {high}]"


def _sentence(
    found: list[Contrast], multiplied: list[Multiplier], names: tuple[str, ...], x: str, y: str, case: Case
) -> str:
    """One group: its slope, its level and what it saves. Several: how many differ, and the most different one."""
    count = int(case.far.sum())
    left_out = f" ({count} {'run' if count == 1 else 'runs'} far off the others left out)" if count else ""
    worst = min(found, key=lambda c: c.p)
    name = names[worst.group]
    state = "differs from" if worst.slope_differs else "is like" if worst.slope_alike else "cannot be told from"
    text = f"the slope of {name} {state} that of {names[0]}: its exponent is {_interval(worst.ratio)} times as large"
    if worst.level is not None:
        text += f", and at {x} {wording.count(worst.middle or 0.0)} its {y} is {_times(worst.level)} as large"
    own = main_one(multiplied, worst.group)
    if own and own.times.high < TELLING * own.times.low:
        low, high = wording.times(own.times.low), wording.times(own.times.high)
        text += f"; for {y} {own.y:.4g} {names[0]} needs {wording.times(own.times.value)} [{low}, {high}] its {x}"
    beside = case.average.floors_only
    if worst.slope_differs and beside and beside.weight >= AS_GOOD:
        text += ". Floors of their own with one exponent explain the curves as well"
    if len(found) == 1:
        return f"{text[0].upper()}{text[1:]}{left_out}."
    differing = sum(c.slope_differs for c in found)
    are = "is" if differing == 1 else "are"
    few = f"{differing} of {len(found)} groups {are}" if differing else f"None of {len(found)} groups is"
    return f"{few} shown to differ in slope from {names[0]}; where it is clearest, {text}{left_out}."


def _findings(
    case: Case,
    found: list[Contrast],
    multiplied: list[Multiplier],
    years: Progress | None,
    hardware: float | None,
    x: str,
    y: str,
) -> tuple[Finding, ...]:
    names = case.sample.names
    tables = [findings.overview(found, names), findings.by_law(case.average, names, case.sign)]
    if multiplied:
        tables.append(findings.compute_multipliers(multiplied, names, x, y))
        tables.append(findings.multiplier_changes(multiplied, names, x, y))
    tables.append(findings.crossings(found, names, x))
    if years:
        tables.append(findings.doubling(years, hardware))
    if case.floors:
        tables.append(findings.floors(list(case.floors), names))
    if case.budgets:
        tables.append(findings.budgets(case.budgets, names))
    if case.sizes:
        tables.append(findings.best_sizes(case.sizes, case.lines or {}, names))
    if case.variants:
        tables.append(findings.variants(case.variants, names, f"Exponent of {y} with and without runs far off"))
    if case.far.any():
        tables.append(findings.far_off(case.ends, case.far, case.expected, x, y))
    return tuple(tables)


def _charts(case: Case, found: list[Contrast], x: str, y: str) -> tuple[Chart, ...]:
    names = case.sample.names
    best = "Best " if case.budgets else ""
    drawn = [
        charts.curves(case.average, case.sample, x, y, f"{best}{y} against {x}".capitalize()),
        charts.ratios(case.average, found, names),
    ]
    if case.budgets and case.sizes:
        drawn.append(charts.curves(case.sizes, case.budgets.sizes(names), x, "params", f"Best size against {x}"))
    return tuple(drawn)


def _assumptions(case: Case, x: str, y: str, law: Relation, margin: float) -> tuple[str, ...]:
    if law == "loss-to-loss":
        lines = [f"{y} = E1 + K ({x} - E0)^kappa in every group (Brandfonbrener et al. 2024, arXiv 2411.12925)"]
    else:
        lines = [f"{y} follows a power law in {x}, with no floor, one floor for all groups or one for each"]
        if len(case.average.laws) > 1:
            lines.append("laws count by their Akaike weights; exponents of different laws are compared as shares only")
    if case.budgets:
        lines.append(
            "the optimum of a budget is off by what the scatter of its runs says, budgets from each other alike"
        )
    else:
        lines.append("runs of one group differ in nothing but scale; repeats at one scale are off together")
    lines.append(f"exponents within {wording.share(margin)} of the baseline's count as alike")
    return tuple(lines)


def _next_run(runs: Runs, case: Case, found: list[Contrast], x: str, margin: float, budget: float | None) -> str:
    """For the group whose slope is least known."""
    open_ones = [c for c in found if not c.slope_differs and not c.slope_alike] or found
    hardest = max(open_ones, key=lambda c: c.ratio.high - c.ratio.low)
    points = 1
    if case.budgets:
        points = int(np.median([o.runs for o in case.budgets.optima]))
    return next_run(runs, case.average, case.sample, hardest, x, margin, budget, points)
