"""The same comparison at equal training time: no count of operations has in it what the optimiser takes."""

from typing import TYPE_CHECKING

import numpy as np

from scalewise.questions import wording
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.equal_compute.contest import Contest, Entrant
from scalewise.questions.equal_compute.measured import READING_DEGREES, Size, Spreads
from scalewise.runs.levels import compute_levels

if TYPE_CHECKING:
    import polars as pl

TIMES = ("seconds", "optimizer_seconds")


def timed(rows: "pl.DataFrame", levels: list[float], spreads: Spreads, seed: int) -> list[Finding]:
    """Every size that ended with the most flops of `levels`, and its loss after the time that the fastest took.

    Nothing unless the runs' seconds, and of these the optimiser's, are known: logs of others may count anything.
    """
    import polars as pl

    if not levels or not set(TIMES) <= set(rows.columns):
        return []
    ends = rows.filter((pl.col("flops") == pl.col("_end")) & pl.all_horizontal(pl.col(*TIMES).is_not_null()))
    budgets = (
        ends.with_columns(pl.Series("level", compute_levels(ends["flops"].to_numpy())), pl.col("loss").log())
        .group_by("group", "params", "level")
        .agg(pl.col("loss", *TIMES).mean(), pl.col("flops").max(), pl.len().alias("runs"))
        .sort("group", "params", "level")
    )
    most = budgets.filter(pl.col("level") == pl.col("level").max())
    if most.height < 2:
        return []
    time = float(most["seconds"].to_numpy().min())
    sizes = [Size(group, params) for group, params in most.select("group", "params").rows()]
    entered = {size: entrant for size in sizes if (entrant := _after(time, budgets, size, spreads))}
    chances = dict(zip(entered, Contest(list(entered.values()), seed).best(), strict=True))
    found: list[tuple[Cell, ...]] = []
    for size, loss, seconds, optimizer in zip(sizes, *(most[name].to_list() for name in ("loss", *TIMES)), strict=True):
        then = entered.get(size)
        after = (then.loss, *then.interval()) if then else (None, None, None)
        share = optimizer / seconds if seconds else None
        found.append((size.group, size.params, float(np.exp(loss)), seconds, share, *after, chances.get(size)))
    return [
        Finding(
            "At equal training time",
            (
                *("group", "params", "loss", "seconds", "optimizer_share"),
                *with_interval("loss_in_equal_time"),
                "P(best in equal time)",
            ),
            tuple(found),
            f"loss, seconds: at {wording.flops(float(most['flops'].to_numpy().max()))} flops, on one worker of the "
            "machine that trained; optimizer_share: of these seconds. loss_in_equal_time: after "
            f"{time:.3g} s, what the fastest took, straight in logs between a size's own budgets; - where the least of "
            "them took longer.",
        )
    ]


def _after(time: float, budgets: "pl.DataFrame", size: Size, spreads: Spreads) -> Entrant | None:
    """A size's loss after so many seconds, between the ends of its runs; None where all took longer."""
    import polars as pl

    own = budgets.filter((pl.col("group") == size.group) & (pl.col("params") == size.params)).sort("seconds")
    seconds = own["seconds"].to_numpy()
    if seconds[0] > time:
        return None
    log_loss = float(np.interp(np.log(time), np.log(seconds), own["loss"].to_numpy()))
    sd, degrees = spreads.get(size, (None, READING_DEGREES))
    fewest = int(own["runs"].to_numpy().min())
    return Entrant(log_loss, None if sd is None else sd / float(np.sqrt(fewest)), degrees)
