"""What the exponent depends on: how parameters are counted, whether each size was tuned, and the recipe.

Porian et al. 2024 (arXiv 2406.19146) take Kaplan's exponent to Hoffmann's in such steps; Pearce and Song 2024
(arXiv 2406.12907) show what leaving embeddings out does at small scale.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scalewise.errors import ScalewiseError
from scalewise.laws import CHINCHILLA, Estimate, fit_law
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.model_size.choice import triple
from scalewise.questions.model_size.exponents import surface_exponent
from scalewise.questions.model_size.isoflop import isoflop_optima, line_of
from scalewise.questions.model_size.robustness import MOST_RESAMPLES
from scalewise.questions.observations import Points, SurfacePoints, observed, surface_points
from scalewise.runs.table import Runs
from scalewise.runs.tuned import with_cells

if TYPE_CHECKING:
    import polars as pl

MOST_GROUPS = 12


@dataclass(frozen=True)
class Variant:
    """The same runs seen in another way, or other runs."""

    name: str
    points: SurfacePoints


def depends(whole: Runs, runs: Runs, rows: "pl.DataFrame", points: Points, resamples: int, seed: int) -> list[Finding]:
    """One row for each way of counting, tuning and training that the table knows; none when there is only one way."""
    own = "" if whole.table["group"].n_unique() == 1 else f": group {runs.table['group'][0]}"
    variants = [
        Variant(f"as answered{own}", surface_points(rows, runs.source)),
        *_without_embeddings(rows, runs),
        *_one_rate(runs, points),
        *_other_groups(whole, runs, points),
    ]
    if len(variants) == 1:
        return []
    count = min(resamples, MOST_RESAMPLES)
    found = [_exponents(variant, count, seed) for variant in variants]
    return [
        Finding(
            "What the exponent depends on",
            ("runs and counting", *with_interval("surface_exponent", "isoflop_exponent"), "budgets", "points"),
            tuple(found),
            "N_opt grows as C^exponent; by the surface, and by a spline in each isoFLOP budget (akima).",
        )
    ]


def _exponents(variant: Variant, resamples: int, seed: int) -> tuple[Cell, ...]:
    data = variant.points
    fit = fit_law(CHINCHILLA, data.inputs, data.loss, data.clusters, resamples, seed=seed)
    isoflop = isoflop_optima(data)
    line = line_of(isoflop, "akima")
    budgets = line.degrees + 2 if line else 0
    surface = _shown(surface_exponent(fit) if fit.ok else None)
    return (variant.name, *surface, *_shown(line.exponent if line else None), budgets, fit.points)


def _shown(e: Estimate | None) -> tuple[Cell, Cell, Cell]:
    return triple(e) if e else (None, None, None)


def _without_embeddings(rows: "pl.DataFrame", runs: Runs) -> list[Variant]:
    """Kaplan's count: parameters without embeddings and last layer, and compute as 6 times these."""
    import polars as pl

    if "params_no_embed" not in rows.columns or rows["params_no_embed"].null_count():
        return []
    if (rows["params_no_embed"] == rows["params"]).all():
        return []
    counted = pl.col("params_no_embed").alias("params")
    data = surface_points(rows, runs.source)
    fewer = np.asarray(rows.select(counted)["params"].to_numpy(), dtype=np.float64)
    at_same_budgets = replace(data, params=fewer)
    return [
        Variant("params without embeddings", at_same_budgets),
        Variant("params and flops without embeddings", replace(at_same_budgets, flops=6.0 * fewer * data.tokens)),
    ]


def _one_rate(runs: Runs, points: Points) -> list[Variant]:
    """The runs at the one learning rate that most sizes and budgets tried, where each had its own tuned."""
    import polars as pl

    if points != "ended" or not runs.has("lr", "loss") or runs.table["lr"].n_unique() < 2:
        return []
    cells = with_cells(runs.trained.filter(pl.col("lr").is_not_null() & pl.col("loss").is_finite()))
    if cells.height == 0 or not (cells.group_by("cell").agg(pl.col("lr").n_unique())["lr"] > 1).any():
        return []
    tried = cells.group_by("lr").agg(pl.col("cell").n_unique().alias("cells"), pl.col("loss").mean())
    rate = float(tried.sort("cells", "loss", "lr", descending=[True, False, False])["lr"][0])
    at_rate = runs.where(pl.col("lr") == rate, f"learning rate {rate:g}")
    return _variant(f"one learning rate for all ({rate:.3g})", at_rate, points)


def _other_groups(whole: Runs, runs: Runs, points: Points) -> list[Variant]:
    groups = sorted(set(whole.table["group"].unique()) - set(runs.table["group"].unique()))
    return [v for group in groups[:MOST_GROUPS] for v in _variant(f"group {group}", whole.of_group(group), points)]


def _variant(name: str, runs: Runs, points: Points) -> list[Variant]:
    """The variant, unless its runs allow no law."""
    try:
        rows, _ = observed(runs, points)
        return [Variant(name, surface_points(rows, runs.source))]
    except ScalewiseError:
        return []
