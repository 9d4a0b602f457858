"""What a comparison compares: an outcome column, whether more of it is better, and columns as the user calls them."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError, TableError, did_you_mean
from scalewise.questions.option import Option
from scalewise.runs.columns import COLUMNS, normalised
from scalewise.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

Direction = Literal["higher", "lower"]
BETTER = Option("Whether higher or lower outcomes are better. Default: told by the outcome's name, where it tells.")

LOWER = re.compile(
    r"\b(loss|nll|nats|bits|bpb|bpc|perplexity|ppl|errors?|err|r?mse|mae|wer|cer|ter|fid|kl|regret|brier|ece"
    r"|seconds|secs?|minutes|mins?|hours|time|duration|latency|cost|flops|memory)\b"
)
HIGHER = re.compile(
    r"\b(accuracy|acc|scores?|rewards?|returns?|f1|bleu|rouge|meteor|chrf|auc|auroc|auprc|map|em|match|pass|precision"
    r"|recall|success|wins?|solved|correct|iou|dice|psnr|ssim|r2|mcc|throughput|speed|speedup|quality)\b"
)
"""Words in a metric's name that say which way is better."""


@dataclass(frozen=True)
class Metric:
    """An outcome column, and whether higher is better."""

    name: str
    higher: bool

    @property
    def sign(self) -> float:
        """1 where higher is better, otherwise -1: sign times y grows as things get better."""
        return 1.0 if self.higher else -1.0

    @property
    def best(self) -> str:
        """How the better mean is called."""
        return "higher" if self.higher else "lower"


def metric_of(runs: Runs, y: str | None, better: Direction | None) -> Metric:
    """The outcome asked about, as in `outcome_column`, and its direction.

    Raises QuestionError when its name does not tell which way is better.
    """
    name = outcome_column(runs, y)
    if better is not None:
        return Metric(name, better == "higher")
    words = re.sub(r"[\W_]+", " ", name.lower())
    lower, higher = (bool(way.search(words)) for way in (LOWER, HIGHER))
    if lower == higher:
        raise QuestionError(
            f"{runs.source}: the name '{name}' does not tell which way is better; say --better higher or "
            "--better lower."
        )
    return Metric(name, higher)


def outcome_column(runs: Runs, y: str | None) -> str:
    """The column of the outcome asked about: by default loss, else accuracy. Raises as `numeric_column` does."""
    if y is None:
        y = next((name for name in ("loss", "accuracy") if runs.has(name)), None)
        if y is None:
            raise QuestionError(
                f"{runs.source}: there is neither a loss nor an accuracy; name the column of the outcome with --y; "
                f"there are {', '.join(runs.table.columns)}."
            )
    return numeric_column(runs, y, "--y")


def column_of(runs: Runs, name: str, option: str) -> str:
    """The table's column of that name; a name that was read as one of ours (`method` is group) is found as well.

    Raises QuestionError when there is none.
    """
    there = runs.table.columns
    if name in there:
        return name
    for column in COLUMNS:
        aliases = (*column.aliases, *(alias for alias, _, _ in column.converted))
        if normalised(name) in [normalised(alias) for alias in aliases]:
            for candidate in (f"{column.name}_as_given", column.name):
                if candidate in there:
                    return candidate
    hint = did_you_mean(name, there)
    raise QuestionError(f"{runs.source}: {option} {name}: there is no such column{hint}; there are {', '.join(there)}.")


def numeric_column(runs: Runs, name: str, option: str) -> str:
    """As `column_of`; also raises TableError for one that holds no numbers."""
    name = column_of(runs, name, option)
    if not runs.table[name].dtype.is_numeric():
        raise TableError(f"{runs.source}: column '{name}' holds {runs.table[name].dtype}, not numbers.")
    return name


def finite_numbers(rows: "pl.DataFrame", name: str, source: str) -> NDArray[np.float64]:
    """A column without empty cells as floats (rows,). Raises TableError when one is not a finite number."""
    import polars as pl

    values = np.asarray(rows[name].cast(pl.Float64).to_numpy())
    if (wrong := np.flatnonzero(~np.isfinite(values))).size:
        run = rows["run"][int(wrong[0])]
        raise TableError(
            f"{source}: column '{name}' is {values[wrong[0]]:g} for run {run}; leave such rows out with --where, or "
            "mark their runs as diverged in a column 'state'."
        )
    return values
