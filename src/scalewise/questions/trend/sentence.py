"""The answer in one sentence."""

from scalewise.laws.fit import Estimate
from scalewise.questions import wording
from scalewise.questions.answer import Verdict
from scalewise.questions.trend.level import Level, Stretch
from scalewise.questions.trend.screen import Dependence
from scalewise.questions.trend.vanishing import Vanishing

MOST_LEVELS = 4


def alone(level: Level, stretch: Stretch, x: str, y: str, smallest: float, verdict: Verdict) -> str:
    whole = level.change(stretch)
    law, weight = level.law
    change = f"{_verb(whole)} by {_size(whole)} {_between(stretch, x)} ({_interval(_per(whole, stretch))} per tenfold)"
    if verdict == "no":
        return f"{y} does not change with {x} by as much as {smallest:.3g}: it {change}"
    start = f"{y} {change}; likeliest as {law} ({wording.probability(weight)})"
    return start if verdict == "yes" else f"whether {y} changes with {x} the data cannot tell: it {change}"


def by_level(levels: list[Level], stretch: Stretch, names: tuple[str, str, str], verdict: Verdict) -> str:
    """`names` are those of x, y and the second factor."""
    x, y, by = names
    shown = []
    for level in levels[:MOST_LEVELS]:
        whole = level.change(stretch)
        shown.append(f"{_verb(whole)} by {_size(whole)} at {by} = {level.name}")
    more = len(levels) - len(shown)
    listed = wording.all_of(shown) if not more else f"{', '.join(shown)}, and so on"
    ending = {
        "yes": f"the effect of {x} depends on {by}",
        "no": f"the effect of {x} is the same at every {by}",
        "the data cannot tell": f"whether the effect of {x} depends on {by} the data cannot tell",
    }[verdict]
    return f"{_between(stretch, x)} {y} {listed}: {ending}"


def of_vanishing(found: list[Vanishing], x: str, y: str) -> str:
    """The chance that a single trend reaches its limit."""
    v = found[0]
    if v.probability is None:
        return f"{y} is followed over too few {x} to say whether it ever comes to {v.limit:g}"
    if v.probability == 1.0:
        return f"{y} is at {v.limit:g} already"
    return (
        f"that {y} comes to {v.limit:g} by {x} = {wording.count(v.by)} has probability "
        f"{wording.probability(v.probability)}"
    )


def of_dependences(found: list[Dependence]) -> str:
    first = found[0]
    others = f" (and {', '.join(d.column for d in found[1:])})" if len(found) > 1 else ""
    return f"the trend differs with {first.column}{others}, so ask again with --by {first.column}"


def _verb(whole: Estimate) -> str:
    return "rises" if whole.value >= 0 else "falls"


def _between(stretch: Stretch, x: str) -> str:
    return f"from {x} = {wording.count(stretch.low)} to {wording.count(stretch.high)}"


def _per(whole: Estimate, stretch: Stretch) -> Estimate:
    return Estimate(*(v / stretch.tenfolds for v in (whole.value, whole.low, whole.high)))


def _size(whole: Estimate) -> str:
    """The size of a change, with its interval in the direction of the change."""
    sign = 1.0 if whole.value >= 0 else -1.0
    low, high = sorted((sign * whole.low, sign * whole.high))
    return _interval(Estimate(sign * whole.value, low, high))


def _interval(e: Estimate) -> str:
    return wording.interval(e.value, e.low, e.high)
