"""The sum and the product of single gains against all changes together, with what the design can tell of each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.questions.gains.design import Model, Table, Term
from scalewise.questions.gains.scale import Ends, Floats, Linear, relative
from scalewise.questions.metric import Metric

DRAWS = 20_000
"""From the joint sampling distribution of the effects; no refits, so many are cheap."""
Number = float | None


@dataclass(frozen=True)
class Sums:
    """Relative gains: the sum and the product of single gains, and all changes together, with intervals.

    `kept` is the share that all together have of the product, in logarithms. `chance` are the probabilities that all
    together are at least the sum, the product, and the asked share of the product.
    """

    sum: tuple[float, Ends]
    product: tuple[float, Ends]
    together: Linear
    kept: tuple[Number, Ends]
    chance: tuple[Number, Number, Number]


def sums_of(model: Model, table: Table, metric: Metric, keep: float, seed: int) -> Sums | None:
    changes = range(len(table.names))
    singles: list[dict[Term, float]] = [{frozenset([c]): 1.0} for c in changes]
    all_made = dict.fromkeys(model.terms, 1.0)
    whole = model.of(table.together)
    product = model.effect(dict.fromkeys([frozenset([c]) for c in changes], 1.0))
    if whole is None or product is None:
        return None
    alone = np.array([(model.alone(c) or Linear(0, None, None)).value for c in changes])
    total = float(np.sum(_relative(alone, metric)))
    multiplied = relative(product.value, metric)
    if model.noise is None:
        kept = whole.value / product.value if product.value > 0 else None
        return Sums((total, (None, None)), (multiplied, (None, None)), whole, (kept, (None, None)), (None, None, None))
    drawn = model.draws([*singles, all_made], DRAWS, np.random.default_rng(seed))
    alone_drawn, whole_drawn = drawn[:, :-1], drawn[:, -1]
    product_drawn = alone_drawn.sum(axis=1)
    sum_drawn = _relative(alone_drawn, metric).sum(axis=1)
    gain = product_drawn > 0
    ratio = whole_drawn / np.where(gain, product_drawn, np.nan)
    clear = product.value > 0 and bool(gain.mean() > 0.975)
    enough = whole_drawn >= keep * product_drawn
    chance = (
        float(np.mean(_relative(whole_drawn, metric) >= sum_drawn)),
        float(np.mean(whole_drawn >= product_drawn)),
        _both(gain, enough),
    )
    low, high = product.interval()
    ends = (None, None) if low is None or high is None else (relative(low, metric), relative(high, metric))
    return Sums(
        (total, _percentiles(sum_drawn)),
        (multiplied, ends),
        whole,
        (whole.value / product.value, _percentiles(ratio)) if clear else (None, (None, None)),
        chance,
    )


def _relative(log_gains: Floats, metric: Metric) -> Floats:
    return np.expm1(log_gains) if metric.higher else -np.expm1(-log_gains)


def _percentiles(draws: Floats) -> Ends:
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return float(low), float(high)


def _both(gain: NDArray[np.bool_], enough: NDArray[np.bool_]) -> float:
    """P(there is a gain, and enough of it is kept). Where that is unlikely, one of the two must be so by itself: that
    noise leaves both open makes neither false."""
    both = float(np.mean(gain & enough))
    return both if both >= 0.5 else min(0.5, 2 * float(min(gain.mean(), enough.mean())))
