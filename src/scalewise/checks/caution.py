"""What a check returns, and what it looks at."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scalewise.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

    from scalewise.laws import Fit


@dataclass(frozen=True)
class Caution:
    """A methodological warning: a stable code with a page in docs/warnings/, and what it is about here."""

    code: str
    message: str


@dataclass(frozen=True)
class Evidence:
    """The whole table, and the rows `compared` that the answer rests on.

    `asked` and `seen` are the compute the question asks about and the largest that was observed, in the unit of
    the column `axis`. `fits` are the laws the answer uses; `by_law` says that losses are compared through a law that
    knows each run's compute, not as they stand. `coverage` is the share of a backtest's losses inside their 95 %
    interval.
    """

    runs: Runs
    compared: "pl.DataFrame"
    axis: str = "flops"
    asked: float | None = None
    seen: float | None = None
    fits: "tuple[Fit, ...]" = ()
    by_law: bool = False
    coverage: float | None = None
