"""Does a chat model answer the same question in the same way, whatever guise it comes in?"""

import math
from collections.abc import Sequence

from scalewise.errors import QuestionError
from scalewise.questions.answer import Answer, Cell, Chart, Finding, Repeat, Row, judge, with_interval
from scalewise.questions.consistency import behaviour
from scalewise.questions.consistency.effects import GUISES, Effect, effects
from scalewise.questions.consistency.variance import (
    MOST_REPEATS,
    SEEN,
    WORDINGS,
    Split,
    repeats_needed,
    split,
    standard_errors,
)
from scalewise.runs.table import Runs
from scalewise.runs.trials import Trials
from scalewise.version import VERSION

PLANNED = (1, 2, 3, 5, 10, 20, MOST_REPEATS)
OPPOSITE = {"yes": "no", "right": "wrong"}
LARGE = 0.1
"""A guise that moves the share of yes, or flips answers, by this much makes a model inconsistent."""


def consistency(
    trials: Trials,
    command: str,
    temperature: float | None = None,
    seed: int = 0,
    guises: Sequence[str] = (),
    outcome: str = "yes",
    notes: Sequence[str] = (),
) -> Answer:
    """Whether any guise changes answers, by how much, and where the variance of answers comes from.

    `trials` are those that `probes.dialogue` makes. The claim is that no guise changes answers; it is answered no when
    the smallest p-value, adjusted for the number of guises, is below 5 %, and cannot be answered yes by a test: then
    intervals show what could have been missed. `guises` are the conditions to contrast with the condition 'baseline'
    (default: those of our batteries), `outcome` is what a value of 1 means. Raises QuestionError where there is nothing
    to compare.
    """
    if trials.table["condition"].n_unique() < 2:
        raise QuestionError(f"{trials.source}: there is one way of asking only; add another guise or task to compare.")
    found = effects(trials, seed, guises or GUISES)
    if not found:
        raise QuestionError(
            f"{trials.source}: fewer than two scenarios were answered {outcome} or {OPPOSITE[outcome]} both plainly "
            f"and in another guise; of {len(trials):,} answers: {_told(trials)}."
        )
    shares = split(trials, ("baseline", *guises) if guises else WORDINGS)
    largest = max(found, key=lambda e: (e.p < 0.05, abs(e.effect[0])))
    probability = _probability(found)
    errors = standard_errors(trials, largest.guise, PLANNED)
    extra = (
        behaviour.persona(trials),
        behaviour.under_pressure(trials),
        behaviour.denied(trials),
        behaviour.contradictions(trials),
        behaviour.places(trials),
        behaviour.law_and_morality(trials),
        behaviour.ladders(trials, seed),
        behaviour.accuracy(trials),
        behaviour.rigidity(trials),
    )
    return Answer(
        question="consistency",
        claim="the model answers a question alike in every guise",
        verdict=judge(probability),
        probability=probability,
        sentence=_sentence(found, largest, shares, outcome),
        repeat=Repeat(command, VERSION, seed, trials.source, Runs(trials.table, trials.source).sha256),
        findings=(
            _guises(found, outcome),
            *((_variance(shares, outcome), _agreement(shares)) if shares else ()),
            *((_repeats(largest.guise, errors),) if errors else ()),
            *(finding for finding in extra if finding),
            _said(trials),
        ),
        charts=(_chart(found, outcome),),
        assumptions=tuple(_assumptions(trials, shares, temperature)) + tuple(notes),
        next_run=_next_run(errors, largest, trials),
    )


def _probability(found: Sequence[Effect]) -> float | None:
    """Small when a guise certainly does something; None otherwise, since a test cannot show that nothing does."""
    least = min(effect.p for effect in found)
    return least if least <= 0.05 else None


def _sentence(found: Sequence[Effect], largest: Effect, shares: Split | None, outcome: str) -> str:
    certain = [effect for effect in found if effect.p < 0.05]
    points = [100 * v for v in largest.effect]
    if certain:
        start = (
            f"{len(certain)} of {len(found)} guises {'changes' if len(certain) == 1 else 'change'} answers; the "
            f"largest effect is of '{largest.guise}': {outcome} "
            f"{100 * largest.plain:.0f} % plainly and {100 * largest.share:.0f} % so, a difference of {points[0]:.0f} "
            f"points [{points[1]:.0f}, {points[2]:.0f}] over {largest.scenarios} scenarios"
        )
    else:
        widest = max(max(abs(effect.effect[1]), abs(effect.effect[2])) for effect in found)
        start = f"no guise of {len(found)} certainly changes answers; up to {100 * widest:.0f} points remain possible"
    if shares is None:
        return f"{start}."
    same, anyhow = 100 * shares.same_wording[0], 100 * shares.any_wording[0]
    return f"{start}. Two answers to one question agree in {same:.0f} % of repeats and in {anyhow:.0f} % across guises."


def _guises(found: Sequence[Effect], outcome: str) -> Finding:
    rows = tuple(
        (e.guise, e.plain, e.share, *e.effect, *(e.flips or (None,) * 3), e.p, e.scenarios, e.parsed) for e in found
    )
    return Finding(
        "What each guise changes",
        (
            "guise",
            f"{outcome}_plainly",
            f"{outcome}_in_guise",
            *with_interval("difference"),
            *with_interval("flips_beyond_repeats"),
            "p_holm",
            "scenarios",
            "parsed",
        ),
        rows,
        "differences are paired by scenario and clustered; flips beyond repeats: the chance that a plain answer and "
        "one in the guise differ, minus that two repeats do, estimated without bias; p by shuffling within scenarios, "
        "adjusted for the number of guises.",
    )


def _variance(shares: Split, outcome: str) -> Finding:
    total = sum(value for value, _, _ in shares.components.values()) or 1.0
    rows = tuple(
        (name.replace("_", " "), *ends, f"{100 * ends[0] / total:.0f} %") for name, ends in shares.components.items()
    )
    return Finding(
        "Where the variance of answers comes from",
        ("part", *with_interval("variance"), "of_all"),
        rows,
        f"answers are 1 for {outcome} and 0 for {OPPOSITE[outcome]}; {shares.scenarios} scenarios in all wordings"
        f"{' and both orders of options' if 'order' in shares.components else ''}; a part without an interval "
        "differs in no scenario.",
    )


def _agreement(shares: Split) -> Finding:
    return Finding(
        "Consistency",
        ("two_answers", *with_interval("agree")),
        (("same guise, another repeat", *shares.same_wording), ("another wording or order", *shares.any_wording)),
        "the chance that two answers to one scenario agree; intervals are over scenarios.",
    )


def _repeats(guise: str, errors: dict[int, float]) -> Finding:
    needed = repeats_needed(errors, LARGE)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (repeats, error, SEEN * error, "enough" if repeats == needed else "") for repeats, error in errors.items()
    )
    return Finding(
        "How many repeats are worth asking",
        ("repeats", "standard_error", "smallest_effect_seen", "note"),
        rows,
        f"for the effect of '{guise}', with these scenarios, from these answers as a pilot; seen: in 80 % of probes at "
        f"the 5 % level; enough: for {100 * LARGE:.0f} points.",
    )


def _counted(trials: Trials) -> list[tuple[str, int]]:
    counts = trials.table.group_by("said").len().sort("len", "said", descending=[True, False])
    return [(str(said), int(n)) for said, n in counts.iter_rows()]


def _told(trials: Trials) -> str:
    """What was answered instead, and what helps."""
    counts = _counted(trials)
    told = ", ".join(f"{n:,} '{said}'" for said, n in counts)
    return told + (" (a larger --max-tokens may let them end)" if dict(counts).get("truncated") else "")


def _said(trials: Trials) -> Finding:
    rows = tuple((said, n, f"{100 * n / len(trials):.1f} %") for said, n in _counted(trials))
    return Finding(
        "What was answered",
        ("answer", "count", "share"),
        rows,
        "a refusal, an answer that was cut off, and one that says neither are classes of their own, and no 'no'.",
    )


def _next_run(errors: dict[int, float] | None, largest: Effect, trials: Trials) -> str:
    if not errors and trials.table["repeat"].n_unique() > 1:
        return f"ask more scenarios: {largest.scenarios} of them are too few to plan by"
    if not errors:
        return "ask every question at least twice (--repeats 2), without which repeats cannot be told from guises"
    points = f"{100 * LARGE:.0f} points of '{largest.guise}'"
    if needed := repeats_needed(errors, LARGE):
        return f"{needed} repeats with these scenarios show an effect of {points}"
    scenarios = math.ceil(largest.scenarios * (SEEN * errors[MOST_REPEATS] / LARGE) ** 2)
    return (
        f"ask more scenarios: with these {largest.scenarios} not even {MOST_REPEATS} repeats show an effect of "
        f"{points}; {scenarios} scenarios with so many repeats would"
    )


def _assumptions(trials: Trials, shares: Split | None, temperature: float | None) -> list[str]:
    notes = ["scenarios are a sample of what might be asked; those of one ladder or deed err together"]
    several = trials.table["repeat"].n_unique() > 1
    if several and temperature == 0:
        notes.append("at temperature 0 repeats are copies, no evidence: intervals rest on the scenarios alone")
    elif several and shares and shares.components["repeat"][0] == 0:
        notes.append("repeats never differed: the server may ignore seeds, or answer from a cache")
    return notes


def _chart(found: Sequence[Effect], outcome: str) -> Chart:
    rows: list[Row] = [
        {"label": e.guise, "value": 100 * e.effect[0], "low": 100 * e.effect[1], "high": 100 * e.effect[2]}
        for e in found
    ]
    return Chart(
        "intervals",
        "What each guise changes",
        f"The change of the share of {outcome} by every guise of a question, in points, with 95 % intervals.",
        {"axes": [{"x": f"points more {outcome} than plainly asked"}], "rows": rows, "reference": [{"value": 0.0}]},
    )
