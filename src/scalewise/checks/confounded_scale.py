"""What else changes from one size to the next? Its effect cannot be told from that of size."""

from typing import TYPE_CHECKING

from scalewise.checks.caution import Caution, Evidence
from scalewise.runs.table import listed

if TYPE_CHECKING:
    import polars as pl

FOLLOWS = (
    "run",
    "group",
    "seed",
    "params",
    "params_no_embed",
    "flops",
    "flops_budget",
    "warmup_steps",
    "seconds",
    "optimizer_seconds",
    "gpu_hours",
    "width",
    "depth",
    "lr",
    "loss",
    "accuracy",
    "state",
)
"""Columns that belong to a size, are tuned for it, or come of it."""
RECIPE = ("tokens", "step", "data_size", "batch_tokens", "schedule_tokens", "context", "vocabulary", "epochs")
"""Counts of a recipe: one value for each x is a confounder here, and elsewhere another name of x."""
ROUNDING = 0.01
"""Values at one x that differ by less than this share of the whole range are one value."""
IN_STEP = 0.95
"""Two columns with this rank correlation change together."""


def confounded_scale(evidence: Evidence) -> Caution | None:
    """Looks for columns with one value at each x, and different ones at different x; at each level of the factor."""
    scale, factor, rows = evidence.scale, evidence.factor, evidence.compared
    if scale is None:
        return None
    parts = {f" at {factor} = {p[factor][0]}": p for p in rows.partition_by(factor)} if factor else {"": rows}
    found = []
    for column in rows.columns:
        if column in (scale, factor, *FOLLOWS):
            continue
        where = next((w for w, part in parts.items() if _moves(part, scale, column)), None)
        if where is not None:
            found.append(f"{column} ({listed(_values(parts[where], scale, column))}{where})")
    if not found:
        return None
    return Caution(
        "confounded-scale",
        f"not only {scale} changes from run to run. From small to large so do {'; '.join(found)}; the effect "
        "of one cannot be told from that of the other.",
    )


def _moves(rows: "pl.DataFrame", scale: str, column: str) -> bool:
    import polars as pl

    if rows[column].null_count() or rows[column].n_unique() < 2 or rows[scale].n_unique() < 2:
        return False
    sizes, values = rows[scale].n_unique(), rows[column].n_unique()
    if 2 * sizes > rows.height:  # most x stand alone, so that everything has one value at each
        return column in RECIPE and abs(rows.select(pl.corr(scale, column, method="spearman")).item()) >= IN_STEP
    by = rows.group_by(scale)
    if not rows[column].dtype.is_numeric():
        return by.agg(pl.col(column).n_unique())[column].max() == 1 and values < sizes
    spread = by.agg((pl.col(column).max() - pl.col(column).min()).alias("spread"))["spread"].max()
    whole = rows.select(pl.col(column).max() - pl.col(column).min()).item()
    return bool(spread <= ROUNDING * whole) and (column in RECIPE or values < sizes)


def _values(rows: "pl.DataFrame", scale: str, column: str) -> list[str]:
    """One value for each x, from the smallest x on."""
    import polars as pl

    first = rows.group_by(scale).agg(pl.col(column).first()).sort(scale)[column]
    return [f"{v:.4g}" if isinstance(v, int | float) else str(v) for v in first]
