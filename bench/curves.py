"""Falling curves whose last part is withheld, by collection: what `extrapolate.py` and `drift.py` score forecasts on.

The curves of Alabdulmohsin et al. 2022 come with a split. Training curves of language models are cut to a half, a
quarter and a tenth of their tokens, losses of the best size against compute (Porian et al. 2024) likewise, curves with
a double descent (Nakkiran et al. 2019) in the middle.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
BENCHMARK = DATA / "extrapolation_benchmark" / "curves.csv.gz"
IMAGES, LANGUAGE = "image classification", "language"
CUTS = (2, 4, 10)
MOST_POINTS = 80
"""Digitised curves have thousands; medians over steps of equal length in log x are kept."""
FEWEST_POINTS = 8


@dataclass(frozen=True)
class Curve:
    """x and y are seen, x_new and y_new withheld; curves of one `group` resemble each other."""

    collection: str
    group: str
    name: str
    x: Floats
    y: Floats
    x_new: Floats
    y_new: Floats


def benchmark(path: Path = BENCHMARK) -> Iterator[Curve]:
    """Curves with the columns domain, task, model, seen_examples, loss, training (1 fit on it, 0 predict it)."""
    for (domain, task, model), rows in pl.read_csv(path).group_by("domain", "task", "model", maintain_order=True):
        points = rows.unique(["seen_examples", "loss", "training"]).sort("seen_examples")
        parts = [points.filter(pl.col("training") == kept).select("seen_examples", "loss") for kept in (1, 0)]
        (x, y), (x_new, y_new) = (part.cast(pl.Float64).to_numpy().T for part in parts)
        collection = IMAGES if domain == "IC" else LANGUAGE
        yield Curve(collection, f"{str(task).split('_')[0]} {model}", f"{task} {model}", x, y, x_new, y_new)


def training_curves() -> Iterator[Curve]:
    """GPT-3, LLaMA 1 and 2, Gemstones and OPT."""
    gpt3 = pl.read_csv(DATA / "gpt3_curves" / "curves.csv.gz", infer_schema_length=None).drop_nulls("val_loss")
    yield from _cut("GPT-3", gpt3, "tokens_e9_digitised", "val_loss", "model")
    llama = pl.read_csv(DATA / "llama_curves" / "curves.csv.gz")
    for (family,), rows in llama.group_by("family", maintain_order=True):
        yield from _cut(f"LLaMA {str(family)[-1]}", rows, "tokens_e9_from_axis", "loss", "model")
    gemstones = pl.read_csv(DATA / "gemstones" / "main_runs.csv.gz")
    yield from _cut("Gemstones", gemstones, "tokens", "loss", "run")
    opt = pl.read_csv(DATA / "opt_trajectories" / "perplexity.csv").with_columns(
        tokens=10 ** pl.col("log10_tokens"), loss=pl.col("perplexity").log()
    )
    yield from _cut("OPT", opt, "tokens", "loss", "model_size")


def best_losses() -> Iterator[Curve]:
    """The loss of the best size at each of a dozen budgets, for every recipe of Porian et al. 2024."""
    optima = pl.read_csv(DATA / "porian_isoflop" / "optima.csv")
    recipe = pl.concat_str("step", "source_file", "hparams", "decay", "val", separator=" ").alias("recipe")
    yield from _cut("best losses", optima.with_columns(recipe), "flops", "loss_opt", "recipe")


def double_descents() -> Iterator[Curve]:
    """Test errors and losses; the first half of the points is seen."""
    table = pl.read_csv(DATA / "broken_curves" / "double_descent_collection.csv")
    for (name,), rows in table.group_by("curve", maintain_order=True):
        x, y = rows.select("x", "y").to_numpy().T
        half = x.size // 2
        if half >= FEWEST_POINTS and (x > 0).all() and (y > 0).all():
            yield Curve("double descent", str(name), str(name), x[:half], y[:half], x[half:], y[half:])


def all_curves() -> list[Curve]:
    """Every collection that is beside the checkout."""
    return [*benchmark(), *training_curves(), *best_losses(), *double_descents()]


def _cut(collection: str, table: pl.DataFrame, x: str, y: str, by: str) -> Iterator[Curve]:
    for (name,), rows in table.group_by(by, maintain_order=True):
        points = rows.select(x, y).cast(pl.Float64).drop_nulls().filter(pl.col(x) > 0).sort(x, y).to_numpy()
        xs, ys = _thinned(*points.T)
        for times in CUTS:
            seen = xs <= xs[-1] / times
            if seen.sum() >= FEWEST_POINTS:
                group = f"{collection} {name}"
                yield Curve(collection, group, f"{group} / {times}", xs[seen], ys[seen], xs[~seen], ys[~seen])


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    z = np.log(x)
    step = np.minimum((z - z[0]) / (z[-1] - z[0]) * MOST_POINTS, MOST_POINTS - 1).astype(int)
    steps = np.unique(step)
    return (
        np.exp([z[step == s].mean() for s in steps]),
        np.array([np.median(y[step == s]) for s in steps]),
    )
