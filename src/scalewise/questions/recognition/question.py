"""How many exposures until a model recognises what it studied as well as people do, and by which rule?"""

import numpy as np

from scalewise.errors import QuestionError
from scalewise.questions.answer import Answer, Repeat, judge
from scalewise.questions.recognition import remembering
from scalewise.questions.recognition.curves import Curve, curves_of
from scalewise.questions.recognition.findings import (
    Human,
    accuracies,
    charts,
    retention,
    seeds_differ,
    traces,
    until_human,
    why_they_differ,
)
from scalewise.runs.trials import FEW_PAIRS, Trials
from scalewise.version import VERSION


def recognition(
    trials: Trials,
    human: Human,
    command: str,
    resamples: int = 2000,
    seed: int = 0,
    recalled: Trials | None = None,
    kept: Trials | None = None,
    notes: tuple[str, ...] = (),
) -> Answer:
    """Exposures until the accuracy of people (`human`: condition to level and standard error), under both rules.

    `trials` has columns `rule` (raw or change), `margin`, `reference` and `updates`; `command` repeats this;
    `recalled` and `kept` are what is recalled and what an external memory keeps, where that was measured; `notes` go
    among the assumptions. The claim is that one exposure is enough by raw likelihood, for the model that gets there
    first. Raises QuestionError where no condition has a human level.
    """
    curves = _fewest_first(curves_of(trials, resamples, seed), human)
    if not any(curve.condition in human for curve in curves):
        named = ", ".join(sorted({curve.condition for curve in curves}))
        raise QuestionError(f"{trials.source}: no human level is known for {named}; there are {', '.join(human)}.")
    best = next(curve.label for curve in curves if curve.condition in human)
    probability = _after_one(curves, best, human)
    retained = retention(trials)
    pairs = min(curve.pairs for curve in curves)
    few = (f"a condition has only {pairs} pairs: at chance, its standard error is {0.5 / pairs**0.5:.3f}",)
    return Answer(
        question="recognition",
        claim=f"one exposure is enough for {best} to recognise as people do, by raw likelihood",
        verdict=judge(probability),
        probability=probability,
        sentence=_sentence(curves, best, human, trials) + (f" {remembering.remembered(kept)}" if kept else ""),
        repeat=Repeat(command, VERSION, seed, trials.source, _digest(trials)),
        findings=(
            until_human(curves, human),
            accuracies(curves),
            why_they_differ(trials),
            *((retained,) if retained else ()),
            *((remembering.recall(recalled),) if recalled else ()),
            *((remembering.memory(kept),) if kept else ()),
        ),
        charts=charts(curves, human),
        assumptions=(
            "people were tested after one look at each of 2,500 objects, not on this material",
            _reference(curves),
            "pairs are what was sampled: lists and seeds of one pair err together; people's accuracy is taken as it "
            "stands (its standard error is .016 to .018)",
            *seeds_differ(trials),
            *(few if pairs < FEW_PAIRS else ()),
            *notes,
        ),
    )


def _fewest_first(curves: list[Curve], human: Human) -> list[Curve]:
    """The models that need the fewest exposures by raw likelihood first, over their conditions."""

    def needed(label: str) -> tuple[float, float]:
        own = [c for c in curves if c.label == label and c.rule == "raw"]
        reached = [c.reached(human[c.condition][0])[0] for c in own if c.condition in human]
        return float(np.mean(reached)) if reached else np.inf, -float(np.mean([c.accuracy.mean() for c in own]))

    order = {label: needed(label) for label in dict.fromkeys(c.label for c in curves)}
    return sorted(curves, key=lambda c: (order[c.label], c.label))


def _reference(curves: list[Curve]) -> str:
    """What the change rule measures from."""
    first = min(float(curve.exposures.min()) for curve in curves if curve.rule == "raw")
    if first == 0:
        return "the change rule knows each item's loss before study, which a person does not have in this form"
    return (
        f"there are no losses from before study: the change rule measures from the look after exposure {first:g}, so "
        "it says nothing of that exposure itself; a person has no such reference"
    )


def _after_one(curves: list[Curve], label: str, human: Human) -> float | None:
    """The share of resamples in which one exposure reaches people in every condition."""
    own = [c for c in curves if c.label == label and c.rule == "raw" and c.condition in human]
    if any(1.0 not in c.exposures for c in own):
        return None
    return float(np.mean(np.all([c.crossings(human[c.condition][0]) <= 1 for c in own], axis=0)))


def _sentence(curves: list[Curve], label: str, human: Human, trials: Trials) -> str:
    own = [c for c in curves if c.label == label and c.condition in human]
    condition = "exemplar" if any(c.condition == "exemplar" for c in own) else own[0].condition
    called = (("raw", "raw likelihood"), ("change", "change in likelihood"))
    told = {
        name: _reached(c, human) for rule, name in called for c in own if (c.rule, c.condition) == (rule, condition)
    }
    missed = " or ".join(f"by {name}" for name, after in told.items() if not after)
    within = f"within {max(c.exposures[-1] for c in own):g} exposures {missed}"
    words = " and ".join(f"{after} by {name}" for name, after in told.items() if after)
    reached = f"is as good as people's {words}{f', but not {within}' if missed else ''}"
    level = reached if words else f"is not as good as people's {within}"
    trace = next(((s, t) for name, c, s, t in traces(trials) if (name, c) == (label, condition)), None)
    why = ""
    if trace and trace[1] > 0:
        why = (
            f". Items of a pair differ by {trace[0]:.2g} nat (sd) and one exposure moves them apart by {trace[1]:.2g}, "
            f"{trace[0] / trace[1]:.0f} times less"
        )
    return f"{label}: {condition} recognition {level}{why}.{_of_that_size(curves, own[0], condition, human)}"


def _of_that_size(curves: list[Curve], best: Curve, condition: str, human: Human) -> str:
    """What other models of the best one's size need, such as one that was not pretrained."""
    others = [
        f"{c.label}: {_reached(c, human) or f'not within {c.exposures[-1]:g} exposures'} by raw likelihood."
        for c in curves
        if best.params is not None and c.group != best.group
        if (c.params, c.condition, c.rule) == (best.params, condition, "raw")
    ]
    return "".join(f" {other[:1].upper()}{other[1:]}" for other in others)


def _reached(curve: Curve, human: Human) -> str:
    """`after 9 [8, 10] exposures`; nothing where people's level was not reached."""
    value, low, high = curve.reached(human[curve.condition][0])
    if not np.isfinite(value):
        return ""
    return f"after {value:g} [{low:g}, {f'{high:g}' if np.isfinite(high) else 'never'}] exposures"


def _digest(trials: Trials) -> str:
    from scalewise.runs.table import Runs

    return Runs(trials.table, trials.source).sha256
