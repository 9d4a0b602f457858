"""Trials: the item-level table of probes. A row is one response to one item; its one verb is `to_runs`.

Standard errors are clustered (`clustered.py`): responses of one cluster (a pair, the paraphrases of a question) err
together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.errors import TableError, did_you_mean, first_line
from scalewise.runs.clustered import contrasts, means
from scalewise.runs.files import write_whole
from scalewise.runs.table import Runs, listed

if TYPE_CHECKING:
    import polars as pl

DEFAULTS: dict[str, str | float | bool] = {"group": "all", "condition": "all", "repeat": 0, "parsed": True}
"""What a column is taken to be where it is missing."""
NUMBERS = ("params", "tokens", "flops", "exposure", "turn", "repeat", "value", "reference")
TEXTS = ("run", "seed", "group", "item", "cluster", "condition", "text")
SCALES = ("params", "tokens", "flops")
AXES = ("exposure", "turn")
FEW_PAIRS = 40
"""Fewer clusters than this leave a standard error of .08 at chance."""


@dataclass(frozen=True)
class Trials:
    """An immutable table of responses.

    Columns: `run`, `seed`, `group` (what is compared), `params`, `tokens`, `flops` (as in Runs), `item` (what was
    asked), `cluster` (items that err together; default: the item), `condition` (foil kind, wording), `exposure` or
    `turn` (a second axis), `repeat`, `value` (0 or 1, or a real number), `reference` (the same quantity before study
    or of another model), `text` (the raw answer) and `parsed`. `run`, `item` and `value` must be there; a response that
    was not parsed has no value and stays in the table. Further columns are kept. Make one with `trials_from`.
    """

    table: "pl.DataFrame"
    source: str

    def __len__(self) -> int:
        return self.table.height

    def where(self, condition: "pl.Expr") -> "Trials":
        """The rows that satisfy a Polars expression."""
        return replace(self, table=self.table.filter(condition))

    def to_runs(
        self,
        metric: str = "accuracy",
        by: Sequence[str] = ("group", "condition"),
        chance: float | None = None,
        ceiling: float | None = None,
        against: str | None = None,
    ) -> Runs:
        """One row for every run, value of `by`, and exposure or turn: the mean `metric`, and `se`, clustered.

        Beside them stand `n_items` (responses with a value), `n_clusters`, `parsed` (the share that was parsed),
        `chance` and `ceiling`. What `by` names becomes the group. Where values are 0 or 1 and clusters do not differ at
        all, `se` is `flat_error`, since a finite sample is no certainty; with one cluster there is none.

        With `against`, a condition, `metric` is each other condition minus that one, paired where they share clusters
        (`n_clusters_shared`).

        Raises TableError for columns or conditions that are not there, and a chance that is no outcome.
        """
        import polars as pl

        self._check_call(by, chance, ceiling, against)
        keys = ["run", *(c for c in ("seed", *SCALES, *AXES, *by) if c in self.table.columns and c != "run")]
        keys = list(dict.fromkeys(keys))
        rows = means(self.table, keys) if against is None else contrasts(self.table, keys, against)
        joined = pl.concat_str([pl.col(c).cast(pl.String) for c in by], separator=", ") if by else pl.lit("all")
        varying = [c for c in by if self.table[c].n_unique() > 1]
        own_run = pl.concat_str([pl.col(c).cast(pl.String) for c in ("run", *varying)], separator=", ")
        table = rows.with_columns(joined.alias("group"), own_run.alias("run")).rename({"mean": metric})
        for name, value in (("chance", chance), ("ceiling", ceiling)):
            if value is not None:
                table = table.with_columns(pl.lit(float(value)).alias(name))
        return Runs(table.sort(keys, nulls_last=True), self.source, tuple(self._notes(table, metric, chance, ceiling)))

    def _check_call(self, by: Sequence[str], chance: float | None, ceiling: float | None, against: str | None) -> None:
        for name in by:
            if name not in self.table.columns:
                hint = did_you_mean(name, self.table.columns)
                raise TableError(
                    f"{self.source}: there is no column '{name}'{hint}; there are {', '.join(self.table.columns)}."
                )
        if chance is not None and ceiling is not None and chance >= ceiling:
            raise TableError(f"{self.source}: chance {chance:g} must lie below the ceiling {ceiling:g}.")
        conditions = self.table["condition"].unique().sort().to_list()
        if against is not None and (against not in conditions or len(conditions) < 2):
            raise TableError(
                f"{self.source}: cannot contrast with condition '{against}'; there are {listed(conditions)}."
            )

    def _notes(self, table: "pl.DataFrame", metric: str, chance: float | None, ceiling: float | None) -> list[str]:
        notes = [f"{metric}: means of {len(self):,} responses, standard errors clustered"]
        if unparsed := int((~self.table["parsed"]).sum()):
            notes.append(f"{unparsed:,} responses were not parsed; they count in `parsed`, in no mean")
        if table["n_clusters"].lt(FEW_PAIRS).any():
            notes.append(f"some rows rest on fewer than {FEW_PAIRS} clusters")
        if chance is None:
            notes.append(f"no chance level was given for {metric}")
        for name, edge in (("chance", chance), ("the ceiling", ceiling)):
            at = 0 if edge is None else int((table[metric] - edge).abs().fill_null(1).lt(1e-9).sum())
            if 2 * at > table.height:
                notes.append(f"{at} of {table.height} rows lie at {name}: nothing can be fitted there")
        return notes

    def save(self, path: Path) -> None:
        """Write .csv or .parquet, whole or not at all. Raises TableError for another ending."""
        if path.suffix not in (".csv", ".parquet"):
            raise TableError(f"{path}: trials can be saved as .csv or .parquet.")
        write_whole(path, self.table.write_csv if path.suffix == ".csv" else self.table.write_parquet)


def trials_from(table: "pl.DataFrame", source: str) -> Trials:
    """Check a table of responses and fill in what may be missing.

    Raises TableError (source, column, row counted from 1) for missing columns, values that are no finite numbers,
    responses given twice, and items that belong to several clusters.
    """
    import polars as pl

    missing = [c for c in ("run", "item", "value") if c not in table.columns]
    if missing:
        raise TableError(f"{source}: trials need a column '{missing[0]}'; there are {', '.join(table.columns)}.")
    if table.height == 0:
        raise TableError(f"{source}: the table has no rows.")
    for name, default in DEFAULTS.items():
        if name not in table.columns:
            table = table.with_columns(pl.lit(default).alias(name))
    if "cluster" not in table.columns:
        table = table.with_columns(pl.col("item").alias("cluster"))
    table = _typed(table, source)
    for name in ("run", "item", "cluster", "condition", "group"):
        if table[name].null_count():
            _refuse(source, name, table[name].is_null(), "is empty")
    _check_values(table, source)
    _check_identity(table, source)
    return Trials(table, source)


def read_trials(path: Path) -> Trials:
    """Trials that `save` wrote, or any .csv or .parquet with these columns. Raises TableError."""
    return trials_from(read_rows(path), str(path))


def read_rows(path: Path) -> "pl.DataFrame":
    """A .csv or .parquet as it is. Raises TableError."""
    import polars as pl

    if not path.is_file():
        raise TableError(f"{path}: there is no such file.")
    try:
        return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        raise TableError(f"{path}: cannot be read as a table: {first_line(error)}.") from None


def _typed(table: "pl.DataFrame", source: str) -> "pl.DataFrame":
    import polars as pl

    casts = []
    for name in (c for c in NUMBERS if c in table.columns):
        numbers = table[name].cast(pl.Float64, strict=False)
        wrong = table[name].is_not_null() & numbers.is_null()
        if wrong.any():
            _refuse(source, name, wrong, "is not a number")
        casts.append(numbers)
    casts += [table[name].cast(pl.String) for name in TEXTS if name in table.columns]
    if table["parsed"].dtype != pl.Boolean:
        given = table["parsed"].cast(pl.String).str.to_lowercase()
        parsed = given.replace_strict({"true": True, "1": True, "false": False, "0": False}, default=None)
        if parsed.null_count():
            _refuse(source, "parsed", parsed.is_null(), "must be true or false")
        casts.append(parsed.cast(pl.Boolean))
    return table.with_columns(casts)


def _check_values(table: "pl.DataFrame", source: str) -> None:
    for name in ("value", "reference"):
        if name in table.columns:
            wrong = (table[name].is_not_null() & ~table[name].is_finite()).fill_null(False)
            if wrong.any():
                _refuse(source, name, wrong, "is not a finite number")
    if (wrong := table["parsed"] & table["value"].is_null()).any():
        _refuse(source, "value", wrong, "is empty though the response was parsed")
    if (wrong := ~table["parsed"] & table["value"].is_not_null()).any():
        _refuse(source, "value", wrong, "is given though the response was not parsed")


def _check_identity(table: "pl.DataFrame", source: str) -> None:
    import polars as pl

    of_item = table.group_by("item").agg(pl.col("cluster").n_unique().alias("n")).filter(pl.col("n") > 1)
    if of_item.height:
        name = of_item["item"].sort()[0]
        raise TableError(f"{source}: item '{name}' belongs to several clusters; items of one cluster err together.")
    keys = [c for c in table.columns if c not in ("value", "reference", "text", "parsed", *SCALES)]
    twice = table.select(pl.struct(keys).is_duplicated().alias("twice"))["twice"]
    if twice.any():
        first = table.row(int(twice.arg_true()[0]), named=True)
        raise TableError(
            f"{source}, row {int(twice.arg_true()[0]) + 1}: the response of run '{first['run']}' to item "
            f"'{first['item']}' is there twice; number repeated responses in a column 'repeat'."
        )


def _refuse(source: str, column: str, wrong: "pl.Series", why: str) -> None:
    row = int(wrong.arg_true()[0])
    raise TableError(f"{source}, row {row + 1}, column '{column}': {why} ({int(wrong.sum()):,} such cells).")
