"""A small table for every question, so that each can be asked: what holds for all of them is tested on these."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl


@dataclass(frozen=True)
class World:
    """Where the runs are (the embedded suite by default) and the options to ask with."""

    options: dict[str, Any] = field(default_factory=dict)
    table: Callable[[], pl.DataFrame] | None = None


def _architectures() -> pl.DataFrame:
    """Two architectures at six amounts of compute; the later one needs half of it for the same loss."""
    rows = []
    for arch, year, gain in (("lstm", 2016.0, 1.0), ("transformer", 2018.5, 2.0)):
        for i in range(6):
            flops = 10 ** (18 + 0.4 * i)
            loss = 1.7 + 1.6 * (gain * flops / 1e18) ** -0.15 + (7 * i + 3 * gain) % 5 / 1000
            rows.append((f"{arch}-{i}", arch, year, 1e7 * 2.0**i, flops, loss))
    return pl.DataFrame(rows, ["run", "arch", "year", "params", "flops", "loss"], orient="row")


def _changes() -> pl.DataFrame:
    """Two changes made and not made, with two seeds of each."""
    rows = [(a, b, seed) for seed in (0, 1) for a in (0, 1) for b in (0, 1)]
    losses = [3.0, 2.94, 2.97, 2.9, 3.01, 2.96, 2.97, 2.92]
    columns = dict(zip(("warmup", "ema", "seed"), zip(*rows, strict=True), strict=True))
    return pl.DataFrame({**columns, "loss": losses})


def _methods() -> pl.DataFrame:
    """Two methods on the same five seeds."""
    losses = [3.0, 3.1, 3.2, 3.0, 3.1, 2.9, 3.1, 3.0, 3.0, 2.9]
    return pl.DataFrame({"method": ["adam"] * 5 + ["muon"] * 5, "seed": [*range(5)] * 2, "loss": losses})


def _scores() -> pl.DataFrame:
    """Forty models of eight families on four tasks that rise with compute, one of them unevenly."""
    flops = [10 ** (18 + i / 8) for i in range(40)]
    odd = [(7 * i) % 11 / 40 for i in range(40)]
    return pl.DataFrame(
        {
            "model": [f"m{i}" for i in range(40)],
            "family": [f"f{i % 8}" for i in range(40)],
            "flops": flops,
            "arc": [0.25 + i / 80 + odd[i] / 10 for i in range(40)],
            "piqa": [0.5 + i / 120 + odd[39 - i] / 8 for i in range(40)],
            "copa": [0.5 + i / 150 + odd[(3 * i) % 40] / 4 for i in range(40)],
            "sciq": [0.4 + i / 100 + odd[(9 * i) % 40] for i in range(40)],
        }
    )


def _checkpoints() -> pl.DataFrame:
    """Four sizes on their way down in loss; accuracy is a curve in loss, and a little higher for larger ones."""
    rows = []
    for i, params in enumerate((1e7, 3e7, 1e8, 3e8)):
        for step in range(1, 16):
            loss = 4.4 - 0.25 * i - 0.5 * math.log10(step)
            wobble = (5 * step + 3 * i) % 7 / 2000
            rows.append((f"s{i}", params, step, 1e9 * step, loss, 1.6 - loss / 3 + 0.004 * i + wobble))
    return pl.DataFrame(rows, ["run", "params", "step", "tokens", "loss", "accuracy"], orient="row")


def _accuracies() -> pl.DataFrame:
    """Twelve sizes whose accuracy is at chance and then rises, with some noise."""
    sizes = [1e6 * 2**i for i in range(12)]
    accuracy = [0.25 + 0.7 / (1 + (3e8 / n) ** 1.3) + ((7 * i) % 5 - 2) / 100 for i, n in enumerate(sizes)]
    return pl.DataFrame({"params": sizes, "tokens": [1e10] * 12, "accuracy": accuracy})


WORLDS: dict[str, World] = {
    "equal-compute": World({"at": 1.23456789e12}),
    "model-size": World({"flops": 1.23456789e12, "tolerance": 0.01}),
    "target": World({"level": 1.3, "x": "flops", "points": "frontier"}),
    "slope": World({"at": 1.23456789e19, "date": "year", "hardware_doubling": 2.0}, _architectures),
    "emergence": World({"chance": 0.25, "steeper_than": 1.123456789}, _accuracies),
    "gains": World({"change": ["warmup", "ema"], "effect": 0.00123456789}, _changes),
    "beats": World({"a": "muon", "by": "method", "pair": ["seed"], "margin": 0.01}, _methods),
    "general-factor": World({"by": "family", "task": ["arc", "piqa", "sciq", "copa"]}, _scores),
    "matched-loss": World({"least": 0.00123456789}, _checkpoints),
    "trend": World({"by": "flops_budget", "smallest": 0.0123456789}),
    "audit": World(),
}
