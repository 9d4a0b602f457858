"""A table of changes: do single gains add, multiply or saturate when all changes are made?"""

import math

from scalewise.errors import QuestionError
from scalewise.questions import wording
from scalewise.questions.gains import tables
from scalewise.questions.gains.design import Model, Table, fitted
from scalewise.questions.gains.scale import Linear, shown
from scalewise.questions.gains.sums import Sums, sums_of
from scalewise.questions.gains.told import UNKNOWN, Noise, Told, interval, power_first, power_sentence, priced
from scalewise.questions.metric import Metric
from scalewise.questions.power import MOST_PAIRS, POWER, VERDICT


def together(
    table: Table,
    metric: Metric,
    effect: float,
    keep: float,
    source: str,
    cost: float | None,
    budget: float | None,
    seed: int,
) -> Told:
    """The answer for a table of changes. Raises QuestionError where two of them are never apart."""
    model, tells = fitted(table)
    gains, kind = _single(model, table, tells, source)
    noise = Noise(model.noise, model.freedom)
    sums = sums_of(model, table, metric, keep, seed) if tells else None
    level = math.exp(metric.sign * float(table.h.mean()))
    order = sorted(range(len(gains)), key=lambda c: -gains[c].value)
    findings = [
        power_first(effect, noise, gains, level, metric),
        tables.single_gains(table, model, metric, gains, kind, order),
    ]
    if sums:
        findings += [tables.sums_and_product(sums, metric, keep), tables.one_by_one(table, model, metric, order)]
    findings += [f for f in (tables.interactions(table, model, metric), tables.winners_curse(metric, gains)) if f]
    share = wording.share(keep)
    return Told(
        f"the gains add up: together the changes keep at least {share} of the product of their single gains",
        sums.chance[2] if sums else None,
        _sentence(table, metric, sums, effect, noise),
        tuple(findings),
        tuple(tables.charts(table, model, metric, gains, sums, order)),
        _assumptions(table, tells),
        _next_run(table, model, keep, tells, cost, budget),
    )


def _single(model: Model, table: Table, tells: bool, source: str) -> tuple[list[Linear], str]:
    """Main effects where the design tells them, else gains alone; and what they are called."""
    changes = range(len(table.names))
    kinds = (
        ("averaged over the others made and not made" if tells else "if changes do not interact", model.average),
        ("with no other change made", model.alone),
    )
    for kind, of in kinds:
        found = [gain for gain in map(of, changes) if gain is not None]
        if len(found) == len(changes):
            return found, kind
    lost = next(table.names[c] for c in changes if model.alone(c) is None)
    raise QuestionError(
        f"{source}: these runs cannot tell the gain of '{lost}' from those of the others: it is never made or left out "
        "on its own; add such a run, or name it together with the others as one change."
    )


def _sentence(table: Table, metric: Metric, sums: Sums | None, effect: float, noise: Noise) -> str:
    start = power_sentence(effect, noise)
    count = len(table.names)
    if sums is None:
        return (
            f"{start}; these runs do not show {count} changes alone, none and all together, so their sum is untested."
        )
    value, low, high = shown(sums.together, metric)
    kept, ends = sums.kept
    share = "" if kept is None else f", of which together {wording.share(kept)}{interval(*ends)} is kept"
    return (
        f"{start}; the {count} changes together gain {wording.share(value or 0.0)}{interval(low, high)}, and the "
        f"product of their single gains is {wording.share(sums.product[0])}{interval(*sums.product[1])}{share}."
    )


def _assumptions(table: Table, tells: bool) -> tuple[str, ...]:
    lines = [
        "gains are relative: they multiply, so logarithms of the outcome add",
        "noise is the same in every row, in logarithms",
    ]
    if int(table.block.max()) > 0:
        lines.append("runs of one seed share its luck and are compared with each other")
    if not tells:
        lines.append("changes do not interact: the design cannot show that they do")
    return tuple(lines)


def _next_run(table: Table, model: Model, keep: float, tells: bool, cost: float | None, budget: float | None) -> str:
    """Seeds of the runs that settle it: none of the changes, each alone, and all together."""
    count = len(table.names)
    cells = count + 2
    runs = f"of {cells} runs (no change, each of {count} alone, all together)"
    if not tells:
        return priced(
            f"2 seeds {runs}", 2 * cells, cost, budget, "they show whether the gains add up, and the seed noise"
        )
    if model.noise is None:
        return priced(f"a second seed {runs}", cells, cost, budget, f"{UNKNOWN}; this shows it")
    single = dict.fromkeys([frozenset([c]) for c in range(count)], 1 - keep)
    beyond = model.effect(dict.fromkeys(model.terms, 1.0) | single)
    if beyond is None or not beyond.error or beyond.value == 0:
        return priced(f"a second seed {runs}", cells, cost, budget, "the interval narrows by about a third")
    from scipy.special import ndtri

    reach = float(ndtri(1 - VERDICT) + ndtri(POWER))
    # one seed of these cells tells what is together beyond the share with this error
    one = model.noise * math.sqrt(1 + count * keep**2 + (count * keep - 1) ** 2)
    missing = (abs(beyond.value) / reach) ** -2 - beyond.error**-2
    seeds = max(1, math.ceil(missing * one**2))
    if seeds > MOST_PAIRS:
        return (
            f"no affordable number of seeds: what is kept is so nearly {wording.share(keep)}; ask with another --keep."
        )
    half = 1.96 * abs(beyond.value) / reach
    promise = f"80 % power, if what is kept is what was seen (interval of +-{half:.2g} in logarithms)"
    return priced(f"{seeds:,} more seeds {runs}", seeds * cells, cost, budget, promise)
