"""Accuracy against exposures, with the pairs resampled, and where it first is at the level of people."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.questions import wording
from scalewise.runs.trials import Trials

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Accuracy (exposures,) of one model, condition and rule; `resampled` is (resamples, exposures)."""

    group: str
    params: float | None
    condition: str
    rule: str
    exposures: Floats
    accuracy: Floats
    resampled: Floats
    pairs: int

    @property
    def label(self) -> str:
        return label_of(self.group, self.params)

    def at(self, exposure: float) -> float | None:
        """Accuracy after so many exposures, where it was measured."""
        places = np.flatnonzero(self.exposures == exposure)
        return float(self.accuracy[places[0]]) if places.size else None

    def reached(self, level: float) -> tuple[float, float, float]:
        """The first exposure at or above a level, with its 95 % interval; infinite where it never is."""
        low, high = np.quantile(self.crossings(level), (0.025, 0.975), method="inverted_cdf")
        return float(self._first(self.accuracy[None], level)[0]), float(low), float(high)

    def crossings(self, level: float) -> Floats:
        """The first exposure at or above a level in every resample: (resamples,)."""
        return self._first(self.resampled, level)

    def _first(self, curves: Floats, level: float) -> Floats:
        above = (curves >= level - 1e-12) & (self.exposures > 0)
        return np.where(above.any(axis=1), self.exposures[above.argmax(axis=1)], np.inf)


def label_of(group: str, params: float | None) -> str:
    """What a model is called in tables: its group, and its size where that is known."""
    return group if params is None else f"{group}, {wording.count(params)} params"


def curves_of(trials: Trials, resamples: int, seed: int) -> list[Curve]:
    """A curve for every group, size, condition and rule of Trials.

    What is resampled are pairs: lists, seeds and rules of one pair stay together.
    """
    import polars as pl

    table = trials.table.filter(pl.col("updates") == 0)
    if "params" not in table.columns:
        table = table.with_columns(pl.lit(None).cast(pl.Float64).alias("params"))
    keys = ["group", "params", "condition", "rule"]
    found = []
    for (group, params, condition, rule), part in sorted(
        table.group_by(keys, maintain_order=True), key=lambda named: [str(v) for v in named[0]]
    ):
        found.append(_curve(part, str(group), params, str(condition), str(rule), resamples, seed))
    return sorted(found, key=lambda c: (c.group, -(c.params or 0), c.condition, c.rule == "change"))


def _curve(
    part: "pl.DataFrame", group: str, params: object, condition: str, rule: str, resamples: int, seed: int
) -> Curve:
    import polars as pl

    wide = (
        part.group_by("cluster", "exposure")
        .agg(pl.col("value").mean())
        .pivot(on="exposure", index="cluster", values="value")
        .sort("cluster")
    )
    exposures = np.sort(part["exposure"].unique().to_numpy())
    values = np.stack([wide[str(e)].to_numpy() for e in exposures], axis=1)
    rng = np.random.default_rng(seed)  # the same pairs are drawn under both rules, and for every model
    drawn = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=resamples)
    return Curve(
        group=group,
        params=None if params is None else float(str(params)),
        condition=condition,
        rule=rule,
        exposures=exposures,
        accuracy=values.mean(axis=0),
        resampled=drawn @ values / len(values),
        pairs=len(values),
    )
