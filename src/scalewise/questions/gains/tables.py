"""The tables and figures of the answer for a table of changes."""

from itertools import combinations

import numpy as np

from scalewise.questions import wording
from scalewise.questions.answer import Cell, Chart, Finding, Row, with_interval
from scalewise.questions.gains.design import Model, Table
from scalewise.questions.gains.scale import Floats, Linear, relative, shown
from scalewise.questions.gains.shrinkage import FEWEST, shrunk
from scalewise.questions.gains.sums import Number, Sums
from scalewise.questions.metric import Metric
from scalewise.questions.multiplicity import benjamini_hochberg, holm


def single_gains(
    table: Table, model: Model, metric: Metric, gains: list[Linear], kind: str, order: list[int]
) -> Finding:
    known = [gain.p for gain in gains]
    ps = [p for p in known if p is not None]
    adjusted = (holm(ps), benjamini_hochberg(ps)) if len(ps) == len(gains) else None
    off = _shrunk(gains)
    rows: list[tuple[Cell, ...]] = []
    for c in order:
        row: tuple[Cell, ...] = (table.names[c], *shown(gains[c], metric), *shown(model.on_top(c), metric))
        tested = (known[c], *(float(a[c]) for a in adjusted)) if adjusted else (None, None, None)
        rows.append((*row, *tested, None if off is None else relative(float(off[c]), metric)))
    columns = ("change", *with_interval("gain", "gain_on_top"), "p", "p_holm", "p_bh", "shrunk_gain")
    what = "adds to" if metric.higher else "takes off"
    return Finding(
        "Single gains",
        columns,
        tuple(rows),
        f"gain: the share that a change {what} {metric.name}, {kind}. gain_on_top: when all others are made. p_holm "
        "and p_bh: corrected for the number of changes. shrunk_gain: less what luck adds to the best of several "
        f"(from {FEWEST} changes on).",
    )


def _shrunk(gains: list[Linear]) -> Floats | None:
    errors = [gain.error for gain in gains if gain.error]
    if len(gains) < FEWEST or len(errors) < len(gains):
        return None
    return shrunk(np.array([gain.value for gain in gains]), np.array(errors), about_zero=False)


def sums_and_product(sums: Sums, metric: Metric, keep: float) -> Finding:
    rows: list[tuple[Cell, ...]] = [
        ("sum of the single gains", sums.sum[0], *sums.sum[1], sums.chance[0]),
        ("product of the single gains", sums.product[0], *sums.product[1], sums.chance[1]),
        ("all changes together", *shown(sums.together, metric), None),
        (f"kept of the product ({wording.share(keep)} asked)", sums.kept[0], *sums.kept[1], sums.chance[2]),
    ]
    return Finding(
        "Sum, product and all together",
        ("what", *with_interval("gain"), "P(together at least)"),
        tuple(rows),
        "The share kept is of logarithms. All together below the product: the changes do some of the same work; above "
        "it: they help each other.",
    )


def interactions(table: Table, model: Model, metric: Metric) -> Finding | None:
    two = list(combinations(range(len(table.names)), 2))
    found = [(pair, model.effect({frozenset(pair): 1.0})) for pair in two]
    known = [(pair, effect) for pair, effect in found if effect is not None and frozenset(pair) in model.terms]
    if not known:
        return None
    ps = [effect.p for _, effect in known]
    adjusted = holm([p for p in ps if p is not None]).tolist() if None not in ps else [None] * len(ps)
    rows = [
        (table.names[a], table.names[b], *shown(effect, metric), p, after)
        for ((a, b), effect), p, after in zip(known, ps, adjusted, strict=True)
    ]
    rows.sort(key=lambda row: (row[5] if row[5] is not None else 1.0, row[0], row[1]))
    return Finding(
        "Interactions of two changes",
        ("first", "second", *with_interval("gain"), "p", "p_holm"),
        tuple(rows),
        "What both together add to the product of their gains, with nothing else made; below 0, they do the same work.",
    )


def one_by_one(table: Table, model: Model, metric: Metric, order: list[int]) -> Finding:
    """The cumulative gain, the largest single gain first."""
    rows = []
    for count, change in enumerate(order, start=1):
        made = frozenset(order[:count])
        product = model.effect(dict.fromkeys([frozenset([c]) for c in order[:count]], 1.0))
        rows.append((count, table.names[change], *shown(product, metric), *shown(model.of(made), metric)))
    return Finding(
        "One change after another",
        ("changes", "added", *with_interval("gain_as_product", "gain_together")),
        tuple(rows),
        "Largest first, chosen by looking: the first few are flattered. A - where no run shows it.",
    )


def winners_curse(metric: Metric, gains: list[Linear]) -> Finding | None:
    """What is kept because it looked good is worth less than it looked."""
    off = _shrunk(gains)
    if off is None:
        return None
    seen = np.array([gain.value for gain in gains])
    ps = np.array([gain.p for gain in gains], dtype=np.float64)
    rows: list[tuple[Cell, ...]] = []
    for what, kept in (
        ("every change", np.full(seen.size, True)),
        ("every gain above 0", seen > 0),
        ("gains with p below 5 %", (seen > 0) & (ps < 0.05)),
        ("gains with Holm's p below 5 %", (seen > 0) & (holm(ps) < 0.05)),
    ):
        rows.append((what, int(kept.sum()), *(relative(float(g[kept].sum()), metric) for g in (seen, off))))
    return Finding(
        "Winner's curse",
        ("kept", "changes", "gain_as_seen", "gain_expected"),
        tuple(rows),
        "Products of single gains, as seen and after shrinking (empirical Bayes about the mean gain): what keeping "
        "these changes should be expected to bring in fresh runs, if gains multiply.",
    )


def charts(
    table: Table, model: Model, metric: Metric, gains: list[Linear], sums: Sums | None, order: list[int]
) -> list[Chart]:
    rows: list[Row] = []

    def add(label: str, value: Number, low: Number, high: Number) -> None:
        if value is not None:
            rows.append({"label": label, "value": value, "low": low, "high": high})

    for c in order:
        add(table.names[c], *shown(gains[c], metric))
    if sums:
        add("sum of single gains", sums.sum[0], *sums.sum[1])
        add("product of single gains", sums.product[0], *sums.product[1])
        add("all together", *shown(sums.together, metric))
    forest = Chart(
        "intervals",
        "Single gains, and all together",
        f"Relative gains in {metric.name} of {len(order)} changes with 95 % intervals"
        + (", below them their sum, their product, and all changes together." if sums else "."),
        {"axes": [{"x": f"relative gain in {metric.name}"}], "rows": rows, "reference": [{"value": 0.0}]},
    )
    if not sums:
        return [forest]
    curves: list[Row] = []
    for count in range(1, len(order) + 1):
        made = frozenset(order[:count])
        product = model.effect(dict.fromkeys([frozenset([c]) for c in made], 1.0))
        for label, found in (("product of single gains", product), ("together", model.of(made))):
            value, low, high = shown(found, metric)
            if value is not None:
                curves.append({"x": count, "y": value, "low": low, "high": high, "label": label})
    cumulative = Chart(
        "outcome_curves",
        "Gain as changes are added, largest first",
        "The product of single gains, and the gain of the changes together, against the number of changes, on a linear "
        "and on a log axis.",
        {
            "axes": [{"x": "changes", "y": f"relative gain in {metric.name}"}],
            "points": [],
            "curves": curves,
            "levels": [],
        },
    )
    return [forest, cumulative]
