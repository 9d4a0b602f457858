"""Withhold the runs with the most compute, predict them from the rest, on every public data set of sizes and tokens.

    python bench/surfaces.py [FOLDER]

FOLDER holds the data sets (see the pages of the questions for their sources). Withheld is all that cost more than a
third, a tenth or a thirtieth of the largest run. Printed: the error of predicted losses against the published
recipe (Huber's loss, Chinchilla's law, all runs alike), the coverage of intervals and the width chosen on random halves
of the sources; then the optimal size of withheld isoFLOP budgets by that recipe and by the methods together. One
thread.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scalewise.laws import CHINCHILLA, fit_law
from scalewise.laws.extrapolate import DEGREES
from scalewise.laws.extrapolate_surface import WIDENING, extrapolate_surface
from scalewise.laws.residual import LOG_HUBER
from scalewise.laws.valley import find_valley
from scalewise.questions.model_size.allocation import TokenCost
from scalewise.questions.model_size.choice import Case, Tolerance
from scalewise.questions.model_size.isoflop import isoflop_optima
from scalewise.questions.model_size.losses import averaged
from scalewise.questions.model_size.methods import by_method
from scalewise.questions.observations import SurfacePoints
from scalewise.runs.levels import compute_levels

Floats = NDArray[np.float64]
FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"
FACTORS = (3.0, 10.0, 30.0)
LEVEL = 0.95
WIDTHS = np.round(np.geomspace(0.4, 3.0, 61), 3)


@dataclass(frozen=True)
class Table:
    source: str
    name: str
    points: SurfacePoints


def tables(folder: Path) -> Iterator[Table]:
    """Every data set, by source: splits of one source say less than as many sources."""

    def table(source: str, name: str, rows: pl.DataFrame, loss: str, flops: str | None = None) -> Table:
        rows = rows.filter(pl.col(loss).is_finite() & (pl.col(loss) > 0))
        n, y = rows["params"].cast(pl.Float64).to_numpy(), rows[loss].to_numpy()
        c = rows[flops].to_numpy() if flops else 6 * n * rows["tokens"].cast(pl.Float64).to_numpy()
        d = rows["tokens"].cast(pl.Float64).to_numpy() if "tokens" in rows.columns else c / (6 * n)
        return Table(source, name, SurfacePoints(n, d, c, y, np.arange(n.size)))

    chinchilla = pl.read_csv(folder / "chinchilla_epoch" / "runs.csv")
    yield table("chinchilla", "all points", chinchilla, "loss", "flops")
    yield table("chinchilla", "published", chinchilla.filter(pl.col("published_fit_uses") == 1), "loss", "flops")
    for name in ("main_runs.csv.gz", "half_lr_runs.csv.gz"):
        runs = pl.read_csv(folder / "gemstones" / name).filter(pl.col("in_10b_sampling") == 1)
        yield table("gemstones", name, runs, "loss")
    yield table("gemstones", "cooldown", pl.read_csv(folder / "gemstones" / "cooldown_runs.csv"), "loss")
    best = pl.read_csv(folder / "steplaw_lr_batch" / "dense_runs.csv.gz").group_by("params", "tokens")
    yield table("steplaw", "best settings", best.agg(pl.col("loss").min()).sort("params", "tokens"), "loss")
    collection = pl.read_csv(folder / "isoflop_collection" / "isoflops.csv")
    for (name,), rows in sorted(collection.group_by("experiment")):
        source = "chinchilla" if "massivetext" in str(name) else str(name).split("_")[0]
        yield table(source, str(name), rows, "loss", "flops_budget")
    porian = pl.read_csv(folder / "porian_isoflop" / "isoflop_points.csv")
    for keys, rows in sorted(porian.group_by("step", "dataset", "warmup", "decay", "hparams", "param_count")):
        yield table("porian", " ".join(map(str, keys)), rows, "loss", "flops")
    gadre = pl.read_csv(folder / "gadre_overtraining" / "runs.csv")
    for (name,), rows in sorted(gadre.group_by("train_data")):
        yield table("gadre", str(name), rows, "loss_c4_val")
    xlstm = pl.read_csv(folder / "xlstm_isoflop" / "runs.csv")
    for keys, rows in sorted(xlstm.group_by("architecture", "context_length")):
        yield table("xlstm", " ".join(map(str, keys)), rows, "val_loss", "flops")
    olmo = pl.read_csv(folder / "olmo_ladder" / "ladder_runs.csv.gz").filter(pl.col("rerun") == 0)
    ends = olmo.sort("run", "step").group_by("run", maintain_order=True).last()
    full = ends.filter(pl.col("tokens") > 18 * pl.col("chinchilla_multiple") * pl.col("params"))
    yield table("olmo", "ends", full, "c4_en_ce")


def splits(points: SurfacePoints) -> Iterator[NDArray[np.bool_]]:
    """Which runs are seen."""
    for factor in FACTORS:
        seen = points.flops < 0.98 * points.flops.max() / factor
        if seen.sum() >= 12 and np.unique(points.params[seen]).size >= 3 and not seen.all():
            yield seen


def losses(all_tables: list[Table]) -> None:
    from scipy.stats import t

    edge = float(t.ppf(0.5 + LEVEL / 2, DEGREES))
    sources, ratios, scores = [], [], []
    for table in all_tables:
        for seen in splits(table.points):
            known, late = table.points.subset(seen), table.points.subset(~seen)
            forecast = extrapolate_surface(known.params, known.tokens, known.loss).forecast(late.inputs)
            recipe = fit_law(CHINCHILLA, known.inputs, known.loss, resamples=0, residual=LOG_HUBER)
            errors = [np.log(y) - np.log(late.loss) for y in (forecast.median, recipe.curves(late.inputs)[0])]
            ours, theirs = (float(np.sqrt(np.mean(e**2))) for e in errors)
            sources.append(table.source)
            ratios.append(np.log(ours / theirs))
            scores.append(np.abs(errors[0]) / (forecast.scale / WIDENING))
    of, ratio = np.array(sources), np.array(ratios)
    names = sorted(set(sources))

    def share(which: list[str], width: float) -> float:
        held = np.array([np.mean(s <= edge * width) for s in scores])
        return float(np.mean([held[of == name].mean() for name in which]))

    print(
        f"losses: {len(ratios)} splits of {len(names)} sources; error over that of the published recipe, geometric mean"
    )
    for name in names:
        mean, held = np.exp(ratio[of == name].mean()), share([name], WIDENING)
        print(f"  {name:12s} {mean:.2f}, {LEVEL:.0%} intervals hold {held:.1%}")
    print(f"  all splits {np.exp(ratio.mean()):.2f}, smaller in {np.mean(ratio < 0):.0%}; ", end="")
    print(f"sources alike {np.exp(np.mean([ratio[of == name].mean() for name in names])):.2f}")
    chosen, elsewhere = [], []
    for half in range(50):
        mixed = np.random.default_rng(half).permutation(names)
        mine, others = list(mixed[: len(names) // 2]), list(mixed[len(names) // 2 :])
        chosen.append(min(WIDTHS, key=lambda w: abs(share(mine, float(w)) - LEVEL)))
        elsewhere.append(share(others, float(chosen[-1])))
    print(f"  width in use {WIDENING}: {share(names, WIDENING):.1%}; chosen on random halves of the sources ", end="")
    print(f"{np.median(chosen):.2f}, which holds {np.mean(elsewhere):.1%} on the other halves")


def optima(all_tables: list[Table]) -> None:
    """The optimum of withheld budgets: surface alone, and together; the truth is what two valleys of the budget say."""
    rows = []
    for table in all_tables:
        points, levels = table.points, compute_levels(table.points.flops)
        for seen in splits(points):
            known = points.subset(seen)
            fit = fit_law(CHINCHILLA, known.inputs, known.loss, resamples=200)
            isoflop, average = isoflop_optima(known), averaged(known, 0)
            if not fit.ok or not isoflop or average is None:
                continue
            cost = TokenCost.of(known.params, known.tokens, known.flops)
            for level in np.unique(levels[~seen]):
                here = (levels == level) & ~seen
                valleys = [find_valley(points.params[here], points.loss[here], m) for m in ("cubic", "akima")]
                flops = float(np.median(points.flops[here]))
                case = Case(fit, cost, known, flops, Tolerance(0.005))
                choice = case.choose()
                _, whole = by_method(case, choice, average, isoflop)
                if whole is None or None in valleys:
                    continue
                truth = float(np.mean([np.log(v.x) for v in valleys if v]))
                low, high = np.percentile(choice.optimum[1:], [2.5, 97.5])
                held = np.log(whole.params.low) <= truth <= np.log(whole.params.high)
                errors = (choice.optimum[0] - truth, np.log(whole.params.value) - truth)
                rows.append((table.source, *errors, low <= truth <= high, held))
    of = np.array([row[0] for row in rows])
    numbers = np.abs(np.array([row[1:] for row in rows], dtype=np.float64))
    print(f"optimal sizes of {len(rows)} withheld budgets; median factor off, and share of 95 % intervals that hold:")
    for name in [*sorted(set(of)), "all"]:
        mine = numbers[of == name] if name != "all" else numbers
        surface, together = np.exp(np.median(mine[:, :2], axis=0))
        alone, both = mine[:, 2:].mean(axis=0)
        of_both = f"surface {surface:.2f} ({alone:.0%}), together {together:.2f} ({both:.0%})"
        print(f"  {name:12s} {of_both}, {len(mine)} budgets")


def main() -> None:
    found = list(tables(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
    losses(found)
    optima(found)


if __name__ == "__main__":
    main()
