"""Where the variance of answers comes from, how consistent they are, and how many repeats are worth asking.

Components are by the method of moments on unweighted cell means (Searle, Casella and McCulloch 1992, chapter 4): item,
wording within item, order of options within item, both together, and repeats.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.questions.consistency.intervals import mean_share
from scalewise.runs.clustered import ROUNDING, half_width
from scalewise.runs.trials import Trials

Floats = NDArray[np.float64]
PARTS = ("item", "wording", "order", "wording_and_order", "repeat")
"""Without a second order of options: item, wording and repeat."""
WORDINGS = ("baseline", "story", "paraphrase")
MOST_REPEATS = 50
SEEN = 1.96 + 0.84
"""Standard errors that an effect must measure to be seen in 80 % of probes at the 5 % level."""


@dataclass(frozen=True)
class Split:
    """Variance components by part, with 95 % intervals by the jackknife (none where scenarios do not differ in it), and
    how often two answers agree.

    `same_wording` is the chance that two repeats agree, `any_wording` that two answers in random guises do.
    """

    components: dict[str, tuple[float, float | None, float | None]]
    same_wording: tuple[float, float, float]
    any_wording: tuple[float, float, float]
    scenarios: int


@dataclass(frozen=True)
class _Cells:
    """Share of yes and number of answers: (scenarios, wordings, orders)."""

    share: Floats
    n: Floats


def split(trials: Trials, among: Sequence[str] = WORDINGS) -> Split | None:
    """The split over scenarios asked at least twice in every one of these wordings that was asked, and in both orders
    of options where those were asked; None without them.

    Intervals leave one scenario out at a time (Tukey's jackknife, t with scenarios - 1 degrees of freedom). A part that
    comes out negative is called 0 only afterwards.
    """
    cells = _cells(trials, among)
    if cells is None:
        return None
    scenarios = len(cells.share)
    value, margin = _components(cells), _jackknife(cells)
    same, anyhow = _agreements(cells)
    return Split(
        {
            name: (max(0.0, v), max(0.0, v - m), max(0.0, v) + m) if m > ROUNDING else (max(0.0, v), None, None)
            for name, v, m in zip(_parts(cells.share), value.tolist(), margin.tolist(), strict=True)
        },
        mean_share(same),
        mean_share(anyhow),
        scenarios,
    )


def _jackknife(cells: _Cells) -> Floats:
    """Half the width of every component's 95 % interval."""
    count = len(cells.share)
    kept = ~np.eye(count, dtype=bool)
    left_out = np.array([_components(_Cells(cells.share[k], cells.n[k])) for k in kept])
    error = np.sqrt((count - 1) / count * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))
    return np.asarray([half_width(float(e), count) for e in error])


def _parts(share: Floats) -> tuple[str, ...]:
    return PARTS if share.shape[2] > 1 else ("item", "wording", "repeat")


def _cells(trials: Trials, among: Sequence[str]) -> _Cells | None:
    import polars as pl

    crossed = trials.table.filter(pl.col("wording").is_in(list(among)) & (pl.col("turn") == 1) & pl.col("parsed"))
    counted = crossed.group_by("scenario", "wording", "options").agg(pl.col("value").mean(), pl.len().alias("n"))
    wordings = counted["wording"].unique().sort().to_list()
    orders = [o for o in ("usual", "swapped") if o in set(counted["options"])]
    columns = [(w, o) for w in wordings for o in orders]
    whole = counted.filter(pl.col("n") > 1).group_by("scenario").len().filter(pl.col("len") == len(columns))
    names = whole["scenario"].sort().to_list()
    if len(names) < 3 or len(wordings) < 2:
        return None
    table = {(row[0], row[1], row[2]): (row[3], row[4]) for row in counted.iter_rows()}
    both = np.array([[table[name, w, o] for w, o in columns] for name in names], dtype=np.float64)
    shape = (len(names), len(wordings), len(orders))
    return _Cells(both[..., 0].reshape(shape), both[..., 1].reshape(shape))


def _components(cells: _Cells) -> Floats:
    """The components in the order of `_parts`; small ones may come out negative."""
    share, n = cells.share, cells.n
    items, wordings, orders = share.shape
    repeat = float((share * (1 - share) * n / (n - 1)).mean())
    noise = repeat * float((1 / n).mean())
    item_mean = share.mean(axis=(1, 2), keepdims=True)
    by_wording, by_order = share.mean(axis=2, keepdims=True), share.mean(axis=1, keepdims=True)
    if orders == 1:
        wording = float(((by_wording - item_mean) ** 2).sum() / (items * (wordings - 1)))
        item = float(item_mean.var(ddof=1)) - wording / wordings
        return np.asarray([item, wording - noise, repeat])
    rest = share - by_wording - by_order + item_mean
    both = float((rest**2).sum() / (items * (wordings - 1) * (orders - 1)))
    ms_wording = float(((by_wording - item_mean) ** 2).sum() / (items * (wordings - 1))) * orders
    ms_order = float(((by_order - item_mean) ** 2).sum() / (items * (orders - 1))) * wordings
    wording, order = (ms_wording - both) / orders, (ms_order - both) / wordings
    item = float(item_mean.var(ddof=1)) - wording / wordings - order / orders - both / (wordings * orders)
    return np.asarray([item, wording, order, both - noise, repeat])


def _agreements(cells: _Cells) -> tuple[Floats, Floats]:
    """Of every scenario: the chance that two repeats of one guise agree, and that answers in two guises do."""
    p, n = cells.share, cells.n
    same = (1 - 2 * p * (1 - p) * n / (n - 1)).mean(axis=(1, 2))
    flat = p.reshape(len(p), -1)
    total, squares = flat.sum(axis=1), (flat**2).sum(axis=1)
    pairs = flat.shape[1] * (flat.shape[1] - 1)
    both_yes = (total**2 - squares) / pairs
    return same, 1 - 2 * (total / flat.shape[1]) + 2 * both_yes


def standard_errors(trials: Trials, condition: str, repeats: tuple[int, ...]) -> dict[int, float] | None:
    """The standard error of a condition's effect if every question were asked so often, from this table as a pilot.

    It falls with repeats only to what scenarios differ by: sqrt((between + 2 within / repeats) / scenarios).
    """
    import polars as pl

    asked = trials.table.filter(pl.col("condition").is_in(["baseline", condition]) & pl.col("parsed"))
    cells = asked.group_by("scenario", "condition").agg(pl.col("value").mean().alias("p"), pl.len().alias("n"))
    own = cells.filter((pl.col("condition") == condition) & (pl.col("n") > 1))
    plain = cells.filter((pl.col("condition") == "baseline") & (pl.col("n") > 1))
    both = own.join(plain, on="scenario", suffix="_plain")
    if both.height < 3:
        return None
    p, n, q, m = (both[c].to_numpy().astype(float) for c in ("p", "n", "p_plain", "n_plain"))
    within = float((p * (1 - p) * n / (n - 1) + q * (1 - q) * m / (m - 1)).mean())
    noise = float((p * (1 - p) / (n - 1) + q * (1 - q) / (m - 1)).mean())
    between = max(0.0, float((p - q).var(ddof=1)) - noise)
    return {r: float(np.sqrt((between + within / r) / both.height)) for r in repeats}


def repeats_needed(errors: dict[int, float], effect: float) -> int | None:
    """The fewest repeats that show an effect in four of five such probes; None where none of them do."""
    return min((r for r, error in errors.items() if SEEN * error <= effect), default=None)
