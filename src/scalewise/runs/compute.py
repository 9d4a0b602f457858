"""Fills in missing compute: operations from shapes or by 6ND, tokens from operations; says which it did."""

from typing import TYPE_CHECKING, Literal

from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

Convention = Literal["given", "full", "6nd"]
"""`given`: the table's own flops where it has them, else the full count where shapes are known, else 6ND."""

SHAPE = ("width", "depth", "context", "vocabulary")


def with_compute(table: "pl.DataFrame", convention: Convention, report: ReadingReport) -> "pl.DataFrame":
    """The table with `flops` and `tokens` where they follow from what is there.

    The full count needs columns width, depth, context and vocabulary, and takes a Llama-style feed-forward of
    8/3 width. Raises TableError when `full` is asked for without them.
    """
    import polars as pl

    has = set(table.columns)
    if "params" not in has and convention != "full":
        return table
    six_nd = 6.0 * pl.col("params") * pl.col("tokens")
    if convention == "full" or (convention == "given" and "flops" not in has and {*SHAPE, "tokens"} <= has):
        _require_shape(has)
        report.add("inferred", "flops counted in full: matrices, attention and last layer (8/3 feed-forward assumed)")
        return table.with_columns((_full_per_token() * pl.col("tokens")).alias("flops"))
    if convention == "6nd" and "tokens" in has:
        report.add("inferred", "flops computed as 6 x params x tokens, as asked")
        return table.with_columns(six_nd.alias("flops"))
    if "tokens" in has:
        table = _filled(table, "flops", six_nd, "flops computed as 6 x params x tokens", report)
    if "flops" in table.columns:
        by_flops = pl.col("flops") / (6.0 * pl.col("params"))
        table = _filled(table, "tokens", by_flops, "tokens computed as flops / (6 x params)", report)
    return table


def _filled(table: "pl.DataFrame", column: str, value: "pl.Expr", what: str, report: ReadingReport) -> "pl.DataFrame":
    """The column, computed where it is empty or missing; the report says for how many rows, if not for all."""
    import polars as pl

    if column not in table.columns:
        report.add("inferred", f"{what} (no {column} column)")
        return table.with_columns(value.alias(column))
    if table[column].null_count() == 0:
        return table
    filled = table.with_columns(pl.coalesce(column, value).alias(column))
    if count := table[column].null_count() - filled[column].null_count():
        report.add("inferred", f"{what} in {count:,} rows where it was empty")
    return filled


def _full_per_token() -> "pl.Expr":
    """The count of `flops.TransformerShape.flops_per_token` over columns."""
    import polars as pl

    width, depth = pl.col("width"), pl.col("depth")
    matrices = depth * (4 * width**2 + 3 * width * (8 * (width / 3).ceil()))
    return 6.0 * (matrices + pl.col("vocabulary") * width) + 12.0 * depth * width * pl.col("context")


def _require_shape(has: set[str]) -> None:
    from scalewise.errors import TableError

    missing = sorted({*SHAPE, "tokens"} - has)
    if missing:
        raise TableError(f"the full flops count needs the columns {', '.join(missing)}; use --flops-by 6nd instead.")
