"""What a check returns, and what it looks at."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scalewise.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

    from scalewise.laws import Estimate, Fit


@dataclass(frozen=True)
class Caution:
    """A methodological warning: a stable code with a page in docs/warnings/, and what it is about here.

    `runs` names the runs concerned, where it is about some of them.
    """

    code: str
    message: str
    runs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """The whole table, and the rows `compared` that the answer rests on.

    `asked` is the compute the answer reaches to and `seen` the compute of the runs it is drawn from, in the unit of
    the column `axis`. `fits` are the laws the answer uses; `by_law` says that losses are compared through a law that
    knows each run's compute, not as they stand. `backtest` counts the losses of a backtest that were
    inside their 95 % intervals, and all that were predicted. `tasks` are the columns of scores, where tasks are what is
    compared. `exponents` are of one quantity by several methods, that of the answer first. `far_off` are runs
    that the answer leaves out because they lie far off the others. `scale` is the column whose effect is claimed,
    and `factor` the one at whose levels it is.
    """

    runs: Runs
    compared: "pl.DataFrame"
    axis: str = "flops"
    asked: float | None = None
    seen: float | None = None
    fits: "tuple[Fit, ...]" = ()
    by_law: bool = False
    backtest: tuple[int, int] | None = None
    tasks: tuple[str, ...] = ()
    exponents: "tuple[tuple[str, Estimate], ...]" = ()
    far_off: tuple[str, ...] = ()
    scale: str | None = None
    factor: str | None = None
