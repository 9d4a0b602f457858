"""The answer in one sentence: the shape on the raw axis, and whether that is what was meant by emergent."""

from scalewise.questions import wording
from scalewise.questions.answer import judge
from scalewise.questions.emergence.axes import Axes
from scalewise.questions.emergence.case import Case
from scalewise.questions.emergence.definitions import Definition

MAJORITY = 0.5
EMERGENT: dict[Definition, str] = {
    "threshold": "a threshold",
    "super-linear": "a super-linear change",
    "discontinuity": "a discontinuity",
}

NAMES = {"flat": "no change", "straight": "straight", "steeper": "steeper than straight", "slower": "ever slower"}


def in_words(case: Case, x: str, y: str, definition: Definition) -> str:
    """One sentence without its full stop."""
    if not case.described:
        return (
            f"{y} against {x} is none of the laws of a rise or fall: a curve that may turn describes it better, so "
            "that no definition of emergence can be judged"
        )
    shape, likely = max(case.shapes.items(), key=lambda item: item[1])
    verdict = judge(case.probability(definition))
    if likely < MAJORITY:
        words = ", ".join(f"{NAMES[name]} {wording.probability(p)}" for name, p in case.shapes.items())
        start = f"on the raw axis the shape of {y} against {x} is not settled ({words})"
    else:
        start = _start(case, x, y, shape)
    if verdict == "yes":
        return f"{start}: emergent in the sense of {EMERGENT[definition]}"
    if verdict == "no":
        kind = "linear, not emergent" if shape == "straight" and likely >= MAJORITY else "not emergent"
        return f"{start}: {kind}, if emergent means {EMERGENT[definition]}"
    return f"{start}; whether that is {EMERGENT[definition]} the data cannot tell"


def _start(case: Case, x: str, y: str, shape: str) -> str:
    verb = "falls" if case.falls else "rises"
    power = case.averaged_exponent
    if shape == "flat":
        return f"{y} shows no change with {x}"
    if shape == "straight":
        return f"on the raw axis {y} {verb} in a straight line with {x}"
    if shape == "slower":
        return f"on the raw axis {y} {verb} ever more slowly with {x}"
    if power is None or power.high > 1e6:
        return f"on the raw axis {y} {verb} all at once, as {x} grows"
    return (
        f"on the raw axis {y} at first {verb} as {x} to the power of {power.value:.2f} [{power.low:.2f}, "
        f"{power.high:.2f}]"
    )


def of_metric(main: Case, other: Case, name: str) -> str:
    """Whether the steep start belongs to the metric; nothing where the outcome has none."""
    here, there = main.probability("super-linear"), other.probability("super-linear")
    if here is None or there is None or judge(here) == "no":
        return ""
    if judge(here) != "yes":
        return f"counted by {name} its probability is {wording.probability(there)}, not {wording.probability(here)}"
    if judge(there) == "no":
        return f"counted by {name} it is not super-linear: the jump comes with the metric"
    if judge(there) == "yes":
        return f"counted by {name} it is super-linear too, so the metric alone does not make it"
    return f"whether it is still super-linear counted by {name} the data cannot tell"


def of_axes(axes: Axes, x: str, against: str) -> str:
    """Which scale leaves less to chance."""
    verdict = judge(axes.better)
    spread = f"{axes.ratio.value:.2f} [{axes.ratio.low:.2f}, {axes.ratio.high:.2f}] times the spread"
    if verdict == "yes":
        return f"{against} orders the runs better than {x} ({spread} about the laws)"
    if verdict == "no":
        return f"{x} orders the runs better than {against}, which leaves {spread} about the laws"
    return f"whether {x} or {against} orders the runs better the data cannot tell ({against} leaves {spread})"
