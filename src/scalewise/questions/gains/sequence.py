"""A sequence of records: does the whole rest on many gains, or on one?"""

import math

import numpy as np
from numpy.typing import NDArray

from scalewise.questions import wording
from scalewise.questions.answer import Cell, Chart, Finding, Row, with_interval
from scalewise.questions.gains.scale import Floats, Linear, relative, shown
from scalewise.questions.gains.shrinkage import shrunk
from scalewise.questions.gains.steps import Sequence
from scalewise.questions.gains.told import UNKNOWN, Told, interval, power_first, power_sentence, priced
from scalewise.questions.metric import Metric
from scalewise.questions.multiplicity import benjamini_hochberg, holm
from scalewise.questions.power import MOST_PAIRS, POWER, VERDICT

BEYOND_NOISE = 0.05
"""Holm's p-value below which a single step stands out."""


def sequence(records: Sequence, metric: Metric, effect: float, cost: float | None, budget: float | None) -> Told:
    """The answer for a sequence: is what is left without the largest step still a gain?"""
    steps = records.steps
    gains = np.array([step.value for step in steps])
    known = [step.p for step in steps if step.p is not None]
    adjusted = np.stack([holm(known), benjamini_hochberg(known)]) if len(known) == len(steps) else None
    clear = adjusted[0] < BEYOND_NOISE if adjusted is not None else np.zeros(gains.size, dtype=bool)
    largest = int(np.argmax(gains))
    rest = records.sum_of(np.arange(gains.size) != largest)
    errors = np.array([step.error for step in steps if step.error])
    off = shrunk(gains, errors, about_zero=True) if errors.size == gains.size else None
    small = records.sum_of(~clear) if adjusted is not None and not clear.all() else None
    return Told(
        "the gains accumulate: without the largest single step, the others together are still a gain",
        _probability(records, rest),
        _sentence(records, metric, effect, clear, small),
        (
            power_first(effect, records.noise, steps, math.exp(metric.sign * float(records.h[-1])), metric),
            _whole(records, metric, gains, clear, adjusted, small, rest, largest, off),
            _steps(records, metric, steps, adjusted, off),
        ),
        (_chart(records, metric, off),),
        (
            "gains are relative: they multiply, so logarithms of the outcome add",
            "each record adds one change to the one before it; what else changed (hardware, rules) is counted as gain",
            "a record that was kept because its run was lucky looks better than it is; shrunk gains allow for that",
        ),
        _next_run(records, rest, largest, cost, budget),
    )


def _probability(records: Sequence, rest: Linear) -> float | None:
    """P(what is left without the largest step is a gain).

    The step was chosen as the largest seen, which takes luck away from the rest: a no is corrected for the number of
    steps. A yes is not, but where most records are single runs, which may have been kept because they were lucky, the
    rest must exceed the luck of the best of so many runs.
    """
    plain = rest.above_zero()
    steps = records.h.size - 1
    if plain is None or steps < 2:
        return None
    after_luck = Linear(rest.value - _luck(records), rest.error, rest.freedom).above_zero() or 0.0
    return after_luck if after_luck >= 0.5 else min(0.5, steps * plain)


def _luck(records: Sequence) -> float:
    """How much the best of as many runs as there are records is expected to stand out by luck alone (Blom 1958)."""
    from scipy.special import ndtri

    if records.noise.size is None or float(np.median(records.runs)) > 1:
        return 0.0
    count = records.h.size
    return records.noise.size * float(ndtri((count - 0.375) / (count + 0.25)))


def _whole(
    records: Sequence,
    metric: Metric,
    gains: Floats,
    clear: NDArray[np.bool_],
    adjusted: Floats | None,
    small: Linear | None,
    rest: Linear,
    largest: int,
    off: Floats | None,
) -> Finding:
    """The sequence as a whole, in parts."""
    all_steps = records.sum_of(np.full(gains.size, True))
    factor = math.exp(abs(all_steps.value))
    rows: list[tuple[Cell, ...]] = [("all steps", gains.size, *shown(all_steps, metric))]
    if adjusted is not None:
        rows.append(("steps beyond noise (Holm)", int(clear.sum()), *shown(records.sum_of(clear), metric)))
        rows.append(
            ("steps within noise", int((~clear).sum()), *(shown(small, metric) if small else (0.0, None, None)))
        )
        found = adjusted[1] < BEYOND_NOISE
        rows.append(
            ("steps beyond noise (Benjamini-Hochberg)", int(found.sum()), *shown(records.sum_of(found), metric))
        )
    rows.append((f"all but the largest ({records.names[largest + 1]})", gains.size - 1, *shown(rest, metric)))
    if off is not None:
        rows.append(("all steps, each shrunk", gains.size, relative(float(off.sum()), metric), None, None))
    first, last = (math.exp(metric.sign * records.h[i]) for i in (0, -1))
    return Finding(
        "What the steps come to",
        ("steps_taken", "steps", *with_interval("gain")),
        tuple(rows),
        f"From {first:.4g} to {last:.4g} in {metric.name}, a factor of {factor:.3g}; the median step is "
        f"{wording.share(relative(float(np.median(gains)), metric))}. The sum of the single gains is "
        f"{wording.share(float(sum(relative(g, metric) for g in gains)))}; the whole is their product.",
    )


def _steps(
    records: Sequence, metric: Metric, steps: list[Linear], adjusted: Floats | None, off: Floats | None
) -> Finding:
    rows = []
    for i, step in enumerate(steps):
        tested = (step.p, float(adjusted[0, i]), float(adjusted[1, i])) if adjusted is not None else (None, None, None)
        level = math.exp(metric.sign * records.h[i + 1])
        kept = None if off is None else relative(float(off[i]), metric)
        rows.append((i + 1, records.names[i + 1], level, *shown(step, metric), *tested, kept))
    return Finding(
        "Steps",
        ("step", "record", "reached", *with_interval("gain"), "p", "p_holm", "p_bh", "shrunk_gain"),
        tuple(rows),
        "p_holm and p_bh: corrected for the number of steps. shrunk_gain: less the luck that made it a record "
        "(empirical Bayes about no gain).",
    )


def _sentence(records: Sequence, metric: Metric, effect: float, clear: NDArray[np.bool_], small: Linear | None) -> str:
    first, last = (math.exp(metric.sign * records.h[i]) for i in (0, -1))
    count = records.h.size - 1
    factor = math.exp(abs(float(records.h[-1] - records.h[0])))
    start = power_sentence(effect, records.noise)
    if count == 1:
        return f"{start}; one step took {metric.name} from {first:.4g} to {last:.4g}, which does not accumulate."
    whole = f"{count} steps took {metric.name} from {first:.4g} to {last:.4g}, a factor of {factor:.3g}"
    if records.noise.size is None:
        return f"{start}; {whole}."
    if small is None:
        return f"{start}; {whole}: every step is beyond noise on its own."
    value, low, high = shown(small, metric)
    gain = f"{wording.share(value or 0.0)}{interval(low, high)}"
    if not clear.any():
        return f"{start}; {whole}: no step is beyond noise on its own, and together they gain {gain}."
    alone = int(clear.sum())
    return (
        f"{start}; {whole}: {alone} are beyond noise on their own, and the other {count - alone} together gain {gain}."
    )


def _chart(records: Sequence, metric: Metric, off: Floats | None) -> Chart:
    """The cumulative curve: how many times better than the first every record is."""
    times = np.exp(records.h - records.h[0]).tolist()
    points: list[Row] = [{"x": i, "y": y, "label": "as measured"} for i, y in enumerate(times, start=1)]
    curves: list[Row] = []
    if off is not None:
        path = np.exp(np.concatenate([[0.0], np.cumsum(off)])).tolist()
        label = "every step shrunk"
        curves = [{"x": i, "y": y, "low": None, "high": None, "label": label} for i, y in enumerate(path, start=1)]
    title = f"times the first in {metric.name}" if metric.higher else f"first {metric.name} / this one's"
    return Chart(
        "outcome_curves",
        "The gains of the sequence, one on top of the other",
        f"How many times better in {metric.name} each of {len(points)} records is than the first, on a linear and on a "
        f"log axis{', with the path that is left when every step is shrunk' if curves else ''}.",
        {"axes": [{"x": "record", "y": title}], "points": points, "curves": curves, "levels": []},
    )


def _next_run(records: Sequence, rest: Linear, largest: int, cost: float | None, budget: float | None) -> str:
    """Fresh seeds of the records between which the rest lies: the ends, and the two about the largest step."""
    ends = np.flatnonzero(records.weights(np.arange(records.h.size - 1) != largest))
    names = ", ".join(f"'{records.names[place]}'" for place in ends)
    if records.noise.size is None:
        return priced("a second run of every record", records.h.size, cost, budget, f"{UNKNOWN}; this shows it")
    if not ends.size:
        return "a further record: one step does not accumulate."
    from scipy.special import ndtri

    reach = float(ndtri(1 - VERDICT) + ndtri(POWER))
    missing = (reach / max(abs(rest.value), 1e-12)) ** 2 - (rest.error or 1.0) ** -2
    seeds = max(1, math.ceil(missing * records.noise.size**2 * ends.size))
    if seeds > MOST_PAIRS:
        return "no affordable number of seeds: without the largest step next to nothing is left."
    half = 1.96 / math.sqrt((rest.error or 1.0) ** -2 + seeds / ends.size / records.noise.size**2)
    promise = (
        f"80 % power if the rest is the {abs(rest.value):.2g} (in logarithms) that it looks, and an interval of "
        f"+-{half:.2g}, free of the luck by which records were kept"
    )
    return priced(f"{seeds:,} fresh seeds of each of {names}", seeds * int(ends.size), cost, budget, promise)
