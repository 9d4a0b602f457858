"""The answer for several scales that grow alone or together."""

from scalewise.checks import Evidence, cautions
from scalewise.errors import QuestionError
from scalewise.questions import wording
from scalewise.questions.answer import Answer, Repeat, judge
from scalewise.questions.target import charts, findings, next_run
from scalewise.questions.target.asked import Asked
from scalewise.questions.target.several import Several, reach_together
from scalewise.runs.table import Runs, listed


def together(runs: Runs, asked: Asked, budget: float | None, resamples: int, seed: int, again: Repeat) -> Answer:
    """How much of each scale, and of all. Raises QuestionError for several groups, or when no law can be fitted."""
    groups = sorted(runs.table["group"].unique())
    if len(groups) > 1:
        raise QuestionError(
            f"{runs.source}: several scales are asked of one group of runs, and there are {listed(groups)}; choose one "
            "with --group, or give no column as group."
        )
    curve, aim = asked.of_group(runs)
    found = reach_together(curve, aim, asked.scales, runs.source, resamples, seed)
    probability = found.probability(asked.within)
    verdict = judge(probability)
    names = wording.all_of(asked.scales)
    undecided = verdict == "the data cannot tell"
    rows = curve.rows.drop("_of")
    if "params" in rows.columns and "params" not in asked.scales:
        rows = rows.drop("params")
    beyond = not found.inside
    return Answer(
        question="target",
        claim=f"{asked.y} reaches {aim.level:g} when {names} all grow to {wording.times(asked.within)} their largest",
        verdict=verdict,
        probability=probability,
        sentence=_sentence(asked, found, names),
        findings=(
            findings.routes(found, asked.within),
            findings.laws_together(found),
            findings.parameters_together(found),
        ),
        charts=(charts.routes(found, asked.y, asked.within),),
        assumptions=_assumptions(asked, found),
        warnings=cautions(
            Evidence(
                runs,
                rows,
                asked.x,
                asked=asked.within if beyond else None,
                seen=1.0 if beyond else None,
                fits=found.fits[:1],
                by_law=True,
            )
        ),
        next_run=next_run.along_all_scales(found, asked.within, budget, seed) if undecided else None,
        reading=(*runs.reading, *curve.notes),
        repeat=again,
    )


def _sentence(asked: Asked, found: Several, names: str) -> str:
    level = f"{found.aim.level:g}"
    times = found.together.crossing.quantile(0.5)
    if times is None:
        text = f"Most likely {asked.y} never reaches {level}, however much {names} grow together"
    else:
        text = f"{asked.y} reaches {level} when {names} all grow to {_times(found, -1)} their largest"
    alone = "; ".join(f"{name} {_times(found, i)}" for i, name in enumerate(asked.scales))
    return f"{text}; alone each must grow to this many times: {alone}."


def _times(found: Several, route: int) -> str:
    value, low, high = found.routes[route].crossing.triple()
    ends = ", ".join("never" if e is None else wording.times(e) for e in (low, high))
    return f"{'never' if value is None else wording.times(value)} [{ends}]"


def _assumptions(asked: Asked, found: Several) -> tuple[str, ...]:
    lines = [
        "the scales act on the outcome as the laws say, and growth starts at the largest of every scale, whether or "
        "not one run had them all",
        "laws are averaged, and possible outcomes drift from each by as much per unit of log scale as backtests show",
    ]
    if found.backtest is None:
        lines.append("too few runs leave no backtest: laws drift as published training curves do, not as these runs")
    if asked.within > found.span:
        lines.append(
            "no probability is given for more growth than the runs differ in: nothing tests a law that far out"
        )
    if found.aim.error == 0:
        lines.append("the level itself is exact")
    return tuple(lines)
