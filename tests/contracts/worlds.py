"""A small table for every question, so that each can be asked: what holds for all of them is tested on these."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl


@dataclass(frozen=True)
class World:
    """Where the runs are (the embedded suite by default) and the options to ask with."""

    options: dict[str, Any] = field(default_factory=dict)
    table: Callable[[], pl.DataFrame] | None = None


WORLDS: dict[str, World] = {
    "equal-compute": World({"at": 1.23456789e12}),
    "model-size": World({"flops": 1.23456789e12, "tolerance": 0.01}),
    "audit": World(),
}
