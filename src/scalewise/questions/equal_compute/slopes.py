"""Do the losses of all sizes fall at the same rate after a given point of training, per token and per log token?"""

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.laws import fit_law
from scalewise.laws.families import LINEAR, LOGARITHM, Family
from scalewise.laws.residual import PLAIN_SQUARES
from scalewise.questions import wording
from scalewise.questions.answer import Cell, Chart, Finding, Row, Verdict, with_interval
from scalewise.questions.equal_compute.curves import thinned
from scalewise.questions.equal_compute.measured import Size, sizes_of
from scalewise.questions.equal_compute.standings import Standings

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

MOST_POINTS = 60
FEWEST_POINTS = 8
"""Points after the given one that a run needs: its noise is learnt from them too."""
LEAST_STRETCH = 1.5
"""A size is compared if it went on for this many times the tokens of the given point."""
ALIKE = 0.2
"""Slopes that differ by less than this share of their mean are called equal."""


@dataclass(frozen=True)
class Slopes:
    """How fast every size's loss falls between two points, per so many tokens or per doubling (`per`).

    `falls` are nats per unit, the best fit and every refit: (sizes, 1 + resamples); `runs` behind each.
    """

    per: str
    sizes: tuple[Size, ...]
    falls: Floats
    runs: tuple[int, ...]

    @property
    def mean(self) -> float:
        return float(self.falls[:, 0].mean())

    @property
    def differences(self) -> dict[tuple[int, int], Floats]:
        """First minus second of every pair: (1 + resamples,)."""
        return {(i, j): self.falls[i] - self.falls[j] for i, j in combinations(range(len(self.sizes)), 2)}

    def clearest(self) -> tuple[tuple[int, int], Floats]:
        """The pair that differs most for its noise; its difference, with ends that hold for all pairs at once."""
        values, lows, highs = self._together()
        worst = int(np.argmax(np.abs(values) / (highs - lows)))
        return list(self.differences)[worst], np.array([values[worst], lows[worst], highs[worst]])

    def verdict(self) -> Verdict:
        """Yes if all pairs are alike, no if some pair differs, both with 95 % for all pairs together."""
        _, lows, highs = self._together()
        if np.maximum(np.abs(lows), np.abs(highs)).max() <= ALIKE * abs(self.mean):
            return "yes"
        return "no" if np.any((lows > 0) | (highs < 0)) else "the data cannot tell"

    def _together(self) -> tuple[Floats, Floats, Floats]:
        """Differences and their ends, as wide as makes all of them hold at once, each as likely to (Beran 1988)."""
        draws = np.array(list(self.differences.values()))
        values, away = draws[:, 0], np.abs(draws[:, 1:] - draws[:, :1])
        ranks = np.argsort(np.argsort(away, axis=1), axis=1)
        highest = int(np.ceil(np.percentile(ranks.max(axis=0), 95)))
        reach = np.sort(away, axis=1)[:, highest]
        return values, values - reach, values + reach


def slopes_after(
    rows: "pl.DataFrame", source: str, after: float, resamples: int, seed: int
) -> tuple[list[Slopes], float]:
    """The slopes of every size that went on well beyond `after` tokens, and the tokens up to which all of them did.

    Straight lines through medians in even bins of log tokens, against tokens and against their logarithm; refits see
    the line plus noise with the autocorrelation that the residuals show. Raises QuestionError when fewer than two
    sizes have a curve there.
    """
    import polars as pl

    if "tokens" not in rows.columns or rows["tokens"].null_count() == rows.height:
        raise QuestionError(f"{source}: --after counts tokens, and the table has none.")
    ends = pl.col("tokens").max().over("run")
    late = rows.filter((ends >= LEAST_STRETCH * after) & (pl.col("tokens") >= after))
    counts = late.group_by("run").agg(pl.col("tokens").n_unique())
    late = late.filter(pl.col("run").is_in(counts.filter(pl.col("tokens") >= FEWEST_POINTS)["run"].implode()))
    sizes = sizes_of(late)
    if len(sizes) < 2:
        raise QuestionError(
            f"{source}: --after {after:g}: {len(sizes)} of the sizes have a training curve of {FEWEST_POINTS} points "
            f"or more beyond it, up to {LEAST_STRETCH:g} times as many tokens; slopes need two such sizes."
        )
    until = float(late.group_by("run").agg(pl.col("tokens").max())["tokens"].to_numpy().min())
    unit = 10.0 ** np.floor(np.log10(until - after))
    window = late.filter(pl.col("tokens") <= until)
    laws = {f"{wording.count(unit)} tokens": (LINEAR, unit), "doubling": (LOGARITHM, float(np.log(2)))}
    found = []
    for per, (law, scale) in laws.items():
        falls, runs = [], []
        for i, size in enumerate(sizes):
            own = window.filter((pl.col("group") == size.group) & (pl.col("params") == size.params))
            each = [
                _falls(law, run, (after, until), resamples, np.random.default_rng([seed, i, j]))
                for j, run in enumerate(own.partition_by("run", maintain_order=True))
            ]
            falls.append(scale * np.mean(each, axis=0))
            runs.append(len(each))
        found.append(Slopes(per, tuple(sizes), np.array(falls), tuple(runs)))
    return found, until


def _falls(
    law: Family, run: "pl.DataFrame", ends: tuple[float, float], resamples: int, rng: np.random.Generator
) -> Floats:
    """Minus the slope of one run, under the best fit and every refit."""
    ordered = run.sort("tokens")
    x, y = thinned(ordered["tokens"].to_numpy(), ordered["loss"].to_numpy(), MOST_POINTS, ends)
    own_seed = int(rng.integers(2**31))
    fit = fit_law(law, x, y, None, resamples, PLAIN_SQUARES, "parametric", seed=own_seed)
    return np.asarray(-fit.parameter_draws()["b"])


def equal_slopes(found: list[Slopes], standings: Standings, after: float, until: float) -> list[Finding]:
    """The verdict, each size's slope, and the difference of every pair."""
    verdicts: list[tuple[Cell, ...]] = []
    each: list[tuple[Cell, ...]] = []
    between: list[tuple[Cell, ...]] = []
    for slopes in found:
        (i, j), clearest = slopes.clearest()
        names = [standings.label(size) for size in slopes.sizes]
        shares = (float(x / slopes.mean) for x in clearest)
        verdicts.append((slopes.per, slopes.verdict(), len(names), slopes.mean, f"{names[i]} - {names[j]}", *shares))
        for size, draws, runs in zip(slopes.sizes, slopes.falls, slopes.runs, strict=True):
            each.append((slopes.per, size.group, size.params, *_interval(draws), runs))
        for (i, j), draws in slopes.differences.items():
            between.append((slopes.per, names[i], names[j], *_interval(draws)))
    where = f"after {wording.count(after)} tokens"
    return [
        Finding(
            f"Do losses fall equally fast {where}",
            ("per", "equal", "sizes", "mean_slope", "pair", *with_interval("clearest_difference")),
            tuple(verdicts),
            f"up to {wording.count(until)} tokens, which all of these sizes read. clearest_difference: as a share "
            "of the mean slope, with an interval for all pairs at once. Equal: every pair within "
            f"{wording.share(ALIKE)}; not equal: some pair's interval leaves out 0.",
        ),
        Finding(
            f"Slopes {where}",
            ("per", "group", "params", *with_interval("slope"), "runs"),
            tuple(each),
            "nats by which the loss falls; intervals hold the autocorrelated scatter of each curve, not a new seed's.",
        ),
        Finding(
            f"Differences of slopes {where}",
            ("per", "first", "second", *with_interval("difference")),
            tuple(between),
            "first minus second; each pair's own 95 % interval.",
        ),
    ]


def _interval(draws: Floats) -> tuple[float, float, float]:
    low, high = np.percentile(draws[1:], [2.5, 97.5])
    return float(draws[0]), float(low), float(high)


def slope_charts(found: list[Slopes], standings: Standings, after: float) -> tuple[Chart, ...]:
    charts = []
    for slopes in found:
        rows: list[Row] = []
        for size, draws in zip(slopes.sizes, slopes.falls, strict=True):
            value, low, high = _interval(draws)
            rows.append({"label": standings.label(size), "value": value, "low": low, "high": high})
        title = f"Slopes after {wording.count(after)} tokens, per {slopes.per}"
        told = (
            f"Nats per {slopes.per} by which the loss of {len(rows)} sizes falls, with 95 % intervals and their mean."
        )
        layers: dict[str, list[Row]] = {
            "axes": [{"x": f"nats per {slopes.per}"}],
            "rows": rows,
            "reference": [{"value": slopes.mean}],
        }
        charts.append(Chart("intervals", title, told, layers))
    return tuple(charts)


def in_words(found: list[Slopes], after: float) -> str:
    said = " and ".join(f"per {slopes.per}: {slopes.verdict()}" for slopes in found)
    return f"Do all sizes fall equally fast after {wording.count(after)} tokens? {said[0].upper()}{said[1:]}."
