"""The answer for one scale, group by group."""

from collections.abc import Mapping

import numpy as np

from scalewise.checks import Caution, Evidence, cautions
from scalewise.errors import QuestionError, ScalewiseError
from scalewise.questions import wording
from scalewise.questions.answer import CERTAIN, Answer, Repeat, judge
from scalewise.questions.target import charts, findings, next_run
from scalewise.questions.target.asked import Asked
from scalewise.questions.target.reach import UNTESTED, Reach, reach
from scalewise.runs.table import Runs, listed

MOST_GROUPS = 12


def by_group(runs: Runs, asked: Asked, budget: float | None, resamples: int, seed: int, again: Repeat) -> Answer:
    """Where every group reaches its level along one scale. Raises QuestionError when none of them can be answered."""
    names = sorted(runs.table["group"].unique())
    if len(names) > MOST_GROUPS:
        raise QuestionError(
            f"{runs.source}: {len(names)} groups are more than can be answered at once ({MOST_GROUPS}); choose some "
            "with --where, or one with --group."
        )
    found = {name: _answered(runs.of_group(name), asked, resamples, seed, alone=len(names) == 1) for name in names}
    known = {name: r for name, r in found.items() if isinstance(r, Reach)}
    if not known:
        raise QuestionError("; ".join(str(r) for r in found.values()))
    chances = [None if isinstance(r, str) else r.probability(asked.within) for r in found.values()]
    probability = _all_of(chances)
    undecided = {n: r for n, r in known.items() if judge(r.probability(asked.within)) == "the data cannot tell"}
    return Answer(
        question="target",
        claim=_claim(asked, found),
        verdict=judge(probability),
        probability=probability,
        sentence=_sentence(asked, found),
        findings=(
            findings.reached(asked.x, asked.within, found),
            *findings.measured(asked.x, asked.y, found),
            findings.by_law(asked.within, found),
            findings.by_scale(asked.x, asked.within, found),
            findings.parameters(found),
        ),
        charts=(
            charts.outcomes(asked.x, asked.y, asked.within, found),
            charts.chances(asked.x, asked.within, found),
        ),
        assumptions=_assumptions(asked, known),
        warnings=_warnings(runs, asked, known),
        next_run=_next_run(runs, asked, undecided, budget, seed),
        reading=(*runs.reading, *dict.fromkeys(note for r in known.values() for note in r.curve.notes)),
        repeat=again,
    )


def _answered(runs: Runs, asked: Asked, resamples: int, seed: int, alone: bool) -> Reach | str:
    """Where one group reaches its level, or why that is not known; one that is alone raises instead."""
    try:
        curve, aim = asked.of_group(runs)
        return reach(curve, aim, runs.source, resamples, seed)
    except ScalewiseError as error:
        if alone:
            raise
        return str(error).removeprefix(f"{runs.source}: ").rstrip(".")


def _all_of(chances: list[float | None]) -> float | None:
    """That all of them reach it, if they err independently; one that surely does not settles it."""
    known = [c for c in chances if c is not None]
    if known and min(known) <= 1 - CERTAIN:
        return float(np.prod(known))
    return float(np.prod(known)) if len(known) == len(chances) else None


def _claim(asked: Asked, found: Mapping[str, Reach | str]) -> str:
    start = f"in every one of the {len(found)} groups, " if len(found) > 1 else ""
    level = f"{asked.level:g}" if asked.level is not None else "its level"
    return f"{start}{asked.y} reaches {level} within {wording.times(asked.within)} the largest {asked.x}"


def _sentence(asked: Asked, found: Mapping[str, Reach | str]) -> str:
    if len(found) == 1:
        (only,) = found.values()
        assert isinstance(only, Reach)
        return _told(asked, only)
    shares = [_short(asked, name, r) for name, r in found.items()]
    level = f"{asked.level:g}" if asked.level is not None else "its level"
    return f"{asked.y} is at {level} from this {asked.x} on: {listed(shares, most=6)}."


def _short(asked: Asked, name: str, found: Reach | str) -> str:
    if isinstance(found, str):
        return f"{name} not known"
    at, low, high = found.average.triple()
    if at is None:
        return f"{name} most likely never" + (f", at the earliest {_number(asked, low)}" if low else "")
    return f"{name} {_number(asked, at)} [{_number(asked, low)}, {_number(asked, high)}]"


def _told(asked: Asked, found: Reach) -> str:
    at, low, high = found.average.triple()
    level, interval = f"{found.aim.level:g}", f"[{_number(asked, low)}, {_number(asked, high)}]"
    within = wording.times(asked.within)
    chance = found.probability(asked.within)
    if found.inside and at is not None:
        first = _first_measured(found)
        where = f" (the first measured there: {_number(asked, first)})" if first is not None else ""
        if at <= found.curve.smallest * (1 + 1e-9):
            return f"{asked.y} is already at {level} or beyond it at the smallest {asked.x}, {_number(asked, at)}."
        return (
            f"{asked.y} has already reached {level}: it is there from {asked.x} = {_number(asked, at)} {interval} "
            f"on{where}, and the largest is {_number(asked, found.curve.largest)}."
        )
    if at is None:
        sooner = "" if low is None else f"; if it does, not before {asked.x} = {_number(asked, low)}"
        text = f"Most likely {asked.y} never reaches {level}, however far {asked.x} grows{sooner}"
    else:
        times = wording.times(at / found.curve.largest)
        text = f"{asked.y} reaches {level} at {asked.x} = {_number(asked, at)} {interval}, {times} the largest measured"
        if at > found.curve.largest * found.span:
            text += ", farther beyond the data than they are wide"
    if chance is None:
        return f"{text}; whether that is within {within} the data cannot tell."
    return f"{text}; within {within} it is reached with probability {wording.probability(chance)}."


def _number(asked: Asked, value: float | None) -> str:
    if value is None:
        return "never"
    return wording.flops(value) if asked.x == "flops" else wording.count(value)


def _first_measured(found: Reach) -> float | None:
    xs, ys = findings.means(found.curve)
    hit = np.flatnonzero(found.aim.reached(ys))
    return float(xs[hit[0]]) if hit.size else None


def _assumptions(asked: Asked, known: Mapping[str, Reach]) -> tuple[str, ...]:
    reaches = list(known.values())
    lines = [f"more {asked.x} goes on doing what it did: nothing else about the runs changes"]
    ahead = [r for r in reaches if not r.inside]
    if ahead:
        lines.append(
            "beyond the data no law is selected: all are averaged by how they did in backtests, and possible curves "
            "drift from each by as much per unit of log x as the average did there"
        )
        if not all(r.tested for r in ahead):
            lines.append(
                f"where too few points leave no backtest, laws drift by {UNTESTED:g} of their slope, as published "
                "training curves do: that interval is not calibrated on these data"
            )
    if any(r.inside for r in reaches):
        lines.append("within the data laws are weighed by how well they fit, and cross the level between the points")
    if any(asked.within > r.span for r in ahead):
        lines.append("no probability is given for more x than the data are wide: nothing tests a law that far out")
    if any(r.curve.along for r in reaches):
        lines.append(
            "points of a run stand for runs that end there; what runs or items share moves a whole curve up or down"
        )
    other = [c for c in ("params", "tokens") if c != asked.x and any(_varies(r, c) for r in reaches)]
    if asked.x in ("params", "tokens", "data_size") and other and asked.points != "frontier":
        lines.append(
            f"the runs differ in {other[0]} too, which counts as scatter here; --also {other[0]} tells them apart"
        )
    if asked.points == "frontier":
        lines.append("the frontier keeps the best run so far at every x, and so favours lucky ones")
    if len(known) > 1:
        lines.append("groups err independently of each other")
    if all(r.aim.error == 0 for r in reaches):
        lines.append("the level itself is exact")
    return tuple(lines)


def _varies(found: Reach, column: str) -> bool:
    return column in found.curve.rows.columns and found.curve.rows[column].drop_nulls().n_unique() > 1


def _warnings(runs: Runs, asked: Asked, known: Mapping[str, Reach]) -> tuple[Caution, ...]:
    import polars as pl

    ahead = [r for r in known.values() if not r.inside]
    rows = pl.concat([r.curve.rows.drop("_of") for r in known.values()])
    if asked.x != "params" and "params" in rows.columns:
        rows = rows.drop("params")  # sizes are not what is compared
    heaviest = tuple(max(r.laws, key=lambda law: law.weight).fit for r in known.values())
    return cautions(
        Evidence(
            runs,
            rows,
            asked.x,
            asked=asked.within if ahead else None,
            seen=1.0 if ahead else None,
            fits=heaviest,
            by_law=True,
        )
    )


def _next_run(runs: Runs, asked: Asked, undecided: Mapping[str, Reach], budget: float | None, seed: int) -> str | None:
    """For the group that is least sure: one step at a time."""
    if not undecided:
        return None
    name = min(undecided, key=lambda n: abs(undecided[n].average.by(undecided[n].curve.largest * asked.within) - 0.5))
    said = next_run.along_one_scale(runs.of_group(name), asked.x, undecided[name], asked.within, budget, seed)
    return said if runs.table["group"].n_unique() == 1 else f"in {name}, {said}"
