"""The tables of a matched-loss answer."""

import numpy as np

from scalewise.laws import fit_law
from scalewise.laws.families import Spline
from scalewise.laws.fit import Estimate
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.matched_loss.effect import MOST_PIECES, Cluster, Effect, Gap, effect_of, pieces_for
from scalewise.questions.matched_loss.overlap import Observed


def rise(effect: Effect, largest_over_smallest: Estimate | float, cluster: Cluster, seed: int) -> Finding:
    """The effect of size at equal loss: per tenfold size, on each half of the losses, and over all sizes."""
    used = effect.points
    ends = used.sizes[[used.size.min(), used.size.max()]]
    rows: list[tuple[Cell, ...]] = [
        ("ten times the size", *_cells(effect.estimate or effect.rise)),
        (f"the largest over the smallest ({ends[1] / ends[0]:.3g} times)", *_cells(largest_over_smallest)),
    ]
    middle = float(np.median(used.loss))
    for where, kept in ((f"below {middle:.4g}", used.loss <= middle), (f"above {middle:.4g}", used.loss > middle)):
        half = used.where(kept)
        found = effect_of(half, cluster, pieces_for(half.loss.size), seed) if np.unique(half.size).size > 1 else ""
        if not isinstance(found, str):
            rows.append((f"ten times the size, at losses {where}", *_cells(found.estimate or found.rise)))
    return Finding("Rise of the outcome with size, at equal loss", ("what", *with_interval("rise")), tuple(rows))


def neighbours(gaps: list[Gap], points: Observed) -> Finding:
    rows = tuple(
        (float(points.sizes[g.smaller]), float(points.sizes[g.larger]), g.low, g.high, g.points, *_cells(g.gap))
        for g in gaps
    )
    return Finding(
        "Gap of neighbouring sizes over the losses they share",
        ("params", "larger_params", "loss_from", "loss_to", "points", *with_interval("gap")),
        rows,
        "gap: how much higher the outcome is for the larger size; intervals take sizes to scatter alike about the law "
        "of all of them.",
    )


def left_over(effect: Effect, seed: int) -> Finding:
    """How much of the outcome loss alone explains, and loss with size."""
    y, residual = effect.points.y, effect.points.residual
    pieces = len(effect.fit.family.parameters) - 1
    alone = fit_law(Spline(pieces), effect.points.loss, y, None, 0, residual, seed=seed)
    rows: list[tuple[Cell, ...]] = []
    for name, fit in (("loss alone", alone), ("loss and size", effect.fit)):
        rms = float(np.sqrt(np.mean(fit.residuals**2)))
        rows.append((name, 1 - rms**2 / float(np.var(y)), rms))
    return Finding(
        "What explains the outcome",
        ("from", "R2", "left_over"),
        tuple(rows),
        "left over: root mean square, in units of the outcome.",
    )


def sensitivity(effect: Effect, cluster: Cluster, seed: int) -> Finding:
    """The rise under curves that bend less and more than the one used."""
    used = len(effect.fit.family.parameters) - 1
    rows: list[tuple[Cell, ...]] = []
    for pieces in sorted({max(2, used // 2), used, min(used + 4, 2 * MOST_PIECES)}):
        found = effect if pieces == used else effect_of(effect.points, cluster, pieces, seed)
        if not isinstance(found, str):
            mark = " (used)" if pieces == used else ""
            rows.append((f"spline of {pieces}{mark}", *_cells(found.estimate or found.rise)))
    return Finding(
        "How much it depends on the curve", ("curve_in_loss", *with_interval("rise")), tuple(rows), "per tenfold size."
    )


def ranges(everything: Observed, kept: Observed) -> Finding:
    """Which losses each size was observed at, and how much of that is used."""
    rows = []
    for i, (low, high) in enumerate(everything.ranges()):
        mine = everything.size == i
        runs = int(np.unique(everything.run[mine]).size)
        rows.append(
            (float(everything.sizes[i]), runs, int(mine.sum()), float(low), float(high), int((kept.size == i).sum()))
        )
    return Finding(
        "Losses of each size",
        ("params", "runs", "points", "loss_from", "loss_to", "points_used"),
        tuple(rows),
        "used: points at a loss that another size was observed at too.",
    )


def _cells(e: Estimate | float) -> tuple[float, float | None, float | None]:
    if not isinstance(e, Estimate):
        return float(e), None, None
    known = np.isfinite(e.low) and np.isfinite(e.high)
    return (e.value, e.low, e.high) if known else (e.value, None, None)
