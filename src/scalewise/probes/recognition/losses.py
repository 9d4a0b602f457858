"""Item losses of studied items and foils, judged by two rules.

`raw`: the item of lower loss is the studied one. `change`: the item whose loss fell more since the first look is, which
divides out how hard an item is (difficulty calibration: Watson et al. 2021, arXiv 2111.08440).
"""

from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.errors import TableError, did_you_mean, first_line
from scalewise.runs.table import Runs, listed
from scalewise.runs.trials import Trials, read_rows, trials_from

if TYPE_CHECKING:
    import polars as pl

RULES = ("raw", "change")
HUMAN: dict[str, tuple[float, float]] = {"novel": (0.925, 0.016), "exemplar": (0.876, 0.018), "state": (0.872, 0.018)}
"""Share correct after one look at each of 2,500 objects, and its standard error (Brady et al. 2008, PMC2533687)."""
SEEN = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
COLUMNS = ("condition", "pair", "exposure", "seen", "loss")
ALIASES = {"test": "condition", "model": "group", "stimulus_set": "list", "exposures": "exposure", "item": "pair"}


def read_losses(path: Path, where: str | None = None) -> Trials:
    """Read item losses (.csv or .parquet) and judge them.

    Columns: `condition` (or `test`), `pair` (or `item`; a studied item and a foil share it), `exposure` (or
    `exposures`), `seen` (true for the studied one) and `loss`; and `group` (or `model`), `list` (or `stimulus_set`),
    `run`, `params`, `updates` where they are known. `where` is a condition in SQL's words.

    Raises TableError for what cannot be judged.
    """
    import polars as pl

    table = read_rows(path)
    try:
        table = table.filter(pl.sql_expr(where)) if where else table
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{path}: {first_line(error)}.") from None
    table = table.rename(
        {old: new for old, new in ALIASES.items() if old in table.columns and new not in table.columns}
    )
    missing = [c for c in COLUMNS if c not in table.columns]
    if missing:
        hint = did_you_mean(missing[0], table.columns)
        raise TableError(
            f"{path}: item losses need a column '{missing[0]}'{hint}; there are {', '.join(table.columns)}."
        )
    if not table.height:
        raise TableError(f"{path}: no row is left to judge.")
    named = [c for c in ("experiment", "group", "list", "run") if c in table.columns]
    if "run" in table.columns:
        table = table.with_columns(pl.col("run").cast(pl.String).alias("seed"))
    parts = [pl.col(c).cast(pl.String) for c in named]
    table = table.with_columns(
        pl.concat_str(parts, separator="/").alias("run") if parts else pl.lit("run").alias("run")
    )
    if "list" in table.columns:  # items of other lists are other items
        own = pl.concat_str([pl.col("list").cast(pl.String), pl.col("pair").cast(pl.String)], separator="-")
        table = table.with_columns(own.alias("pair"))
    if "experiment" in table.columns and table["experiment"].n_unique() > 1:
        table = table.with_columns(pl.concat_str(["experiment", "group"], separator=" ").alias("group"))
    return judged(table, str(path))


def judged(table: "pl.DataFrame", source: str) -> Trials:
    """Judge a table of item losses by both rules: Trials with columns `rule`, `margin` (by how many nats the foil's
    loss exceeds the studied item's) and `reference` (the margin at the first look, which is before study if that is
    there).

    A tie counts one half. Under `change` nothing is said of the first look itself. Raises TableError for losses that
    are no finite numbers, studied items without foils, and exposures that are in no order.
    """
    import polars as pl

    table = table.with_columns(pl.lit("all").alias("group") if "group" not in table.columns else pl.col("group"))
    table = table.with_columns(pl.lit(0).alias("updates") if "updates" not in table.columns else pl.col("updates"))
    table = _typed(table, source)
    kept = [c for c in ("seed", "params", "list") if c in table.columns]
    keys = ["run", "group", *kept, "condition", "pair", "exposure", "updates"]
    studied, foil = (table.filter(pl.col("seen") == seen).select(*keys, "loss") for seen in (True, False))
    pairs = studied.join(foil, on=keys, how="inner", suffix="_foil", nulls_equal=True)
    for part, what in ((studied, "studied items"), (foil, "foils")):
        twice = part.filter(part.select(keys).is_duplicated())
        if twice.height:
            raise TableError(
                f"{source}: pair '{twice['pair'][0]}' of condition '{twice['condition'][0]}' has several {what} in run "
                f"'{twice['run'][0]}'; pairs share no item."
            )
    if not pairs.height == studied.height == foil.height:
        raise TableError(
            f"{source}: {studied.height:,} losses of studied items and {foil.height:,} of foils make {pairs.height:,} "
            "pairs; every studied item needs one foil of the same pair."
        )
    _check_looks(pairs, source)
    _check_order(pairs, source)
    pairs = pairs.with_columns((pl.col("loss_foil") - pl.col("loss")).alias("margin"))
    first = pairs.filter(pl.col("exposure") == pl.col("exposure").min().over("run", "condition"))
    first = first.filter(pl.col("updates") == 0).select("run", "condition", "pair", pl.col("margin").alias("reference"))
    pairs = pairs.join(first, on=["run", "condition", "pair"], how="left").with_columns(
        pl.concat_str(["condition", "pair", "run"], separator="/").alias("item"),
        pl.concat_str(["condition", "pair"], separator="/").alias("cluster"),
    )
    looked = pairs.filter(pl.col("exposure") > pl.col("exposure").min().over("run", "condition"))
    both = [
        part.with_columns(pl.lit(rule).alias("rule"), ((evidence.sign() + 1) / 2).alias("value"))
        for rule, part, evidence in (
            ("raw", pairs, pl.col("margin")),
            ("change", looked, pl.col("margin") - pl.col("reference")),
        )
    ]
    return trials_from(pl.concat(both).drop("loss", "loss_foil", "pair"), source)


def _typed(table: "pl.DataFrame", source: str) -> "pl.DataFrame":
    """The columns as what they hold. Raises TableError (source, row, column) for what they cannot hold."""
    import polars as pl

    meant = table.with_columns(
        pl.col("condition", "pair", "run").cast(pl.String),
        pl.col("exposure", "loss").cast(pl.Float64, strict=False),
        pl.col("seen").cast(pl.String).str.to_lowercase().replace_strict(SEEN, default=None, return_dtype=pl.Boolean),
    )
    wanted = {"condition": "is empty", "pair": "is empty", "seen": "must be true or false"}
    for name, why in (wanted | {"exposure": "is not a finite number", "loss": "is not a finite number"}).items():
        wrong = meant[name].is_null() | (~meant[name].is_finite() if meant[name].dtype.is_float() else False)
        if wrong.any():
            row = int(wrong.arg_true()[0])
            raise TableError(f"{source}, row {row + 1}, column '{name}': {why} ({int(wrong.sum()):,} such cells).")
    return meant


def _check_looks(pairs: "pl.DataFrame", source: str) -> None:
    """Every pair was looked at as often as the others."""
    import polars as pl

    looks = pairs.group_by("run", "condition", "pair").agg(pl.len().alias("looks"))
    fewer = looks.filter(pl.col("looks") < pl.col("looks").max().over("run", "condition")).sort(looks.columns)
    if fewer.height:
        row = fewer.row(0, named=True)
        raise TableError(
            f"{source}: pair '{row['pair']}' of condition '{row['condition']}' was looked at fewer times than others "
            f"in run '{row['run']}'; every pair needs the same exposures."
        )


def _check_order(pairs: "pl.DataFrame", source: str) -> None:
    """The loss of what is studied falls; where it rises, files were taken in the order of their names."""
    import polars as pl

    mean = (
        pairs.filter(pl.col("updates") == 0)
        .group_by("run", "condition", "exposure")
        .agg(pl.col("loss").mean())
        .group_by("run", "condition")
        .agg(pl.len().alias("n"), pl.corr("exposure", "loss", method="spearman").alias("order"))
        .filter((pl.col("n") >= 4) & (pl.col("order") > 0.5))
    )
    if mean.height:
        names = listed(mean["run"].unique().sort())
        raise TableError(
            f"{source}: the loss of studied items rises with exposures in {names}; are they in order, and losses "
            "rather than log-likelihoods?"
        )


def human_runs(trials: Trials) -> Runs:
    """Runs for the question `target`: accuracy against exposure, one group for each model, size, condition and rule,
    the human level beside it in the column `human`."""
    import polars as pl

    table = trials.table.filter((pl.col("updates") == 0) & (pl.col("exposure") > 0))
    if "params" in table.columns and table["params"].n_unique() > 1:
        sized = pl.format("{} {} params", "group", pl.col("params").cast(pl.Int64))
        table = table.with_columns(sized.alias("group"))
    runs = Trials(table, trials.source).to_runs(by=("group", "condition", "rule"), chance=0.5, ceiling=1.0)
    levels = {condition: level for condition, (level, _) in HUMAN.items()}
    human = pl.col("condition").replace_strict(levels, default=None, return_dtype=pl.Float64)
    return Runs(runs.table.with_columns(human.alias("human")), runs.source, runs.reading)
