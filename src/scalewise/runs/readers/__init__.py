"""Readers: from the logs people have to the Runs table. `read` is the door; each format is one file here."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.compute import Convention
from scalewise.runs.embedded import EMBEDDED, read_embedded
from scalewise.runs.progress import going_on
from scalewise.runs.readers.domainbed import DOMAINBED
from scalewise.runs.readers.find import find, no_items
from scalewise.runs.readers.format import Format
from scalewise.runs.readers.frames import read_frame
from scalewise.runs.readers.inspect_logs import INSPECT
from scalewise.runs.readers.lightning import LIGHTNING
from scalewise.runs.readers.lm_eval import LM_EVAL
from scalewise.runs.readers.lm_eval_samples import LM_EVAL_SAMPLES
from scalewise.runs.readers.megatron import MEGATRON
from scalewise.runs.readers.merge import merged
from scalewise.runs.readers.mlflow import MLFLOW
from scalewise.runs.readers.mlflow_files import MLFLOW_FILES
from scalewise.runs.readers.modded_nanogpt import MODDED_NANOGPT
from scalewise.runs.readers.model_card import MODEL_CARD
from scalewise.runs.readers.nanochat import NANOCHAT
from scalewise.runs.readers.nanogpt import NANOGPT
from scalewise.runs.readers.optuna import OPTUNA
from scalewise.runs.readers.optuna_journal import OPTUNA_JOURNAL
from scalewise.runs.readers.sizes import from_names, joined
from scalewise.runs.readers.tensorboard import TENSORBOARD
from scalewise.runs.readers.tidy import TIDY, read_standard_input
from scalewise.runs.readers.trackio import TRACKIO
from scalewise.runs.readers.trainer import TRAINER
from scalewise.runs.readers.wandb import WANDB_CHART, WANDB_HISTORY
from scalewise.runs.recognise import no_params
from scalewise.runs.report import ReadingReport
from scalewise.runs.saved import is_saved, read_saved
from scalewise.runs.store import Store
from scalewise.runs.table import Runs, listed
from scalewise.runs.validate import checked, recognised

if TYPE_CHECKING:
    import polars as pl

STANDARD_INPUT = "standard input"
FORMATS: tuple[Format, ...] = (
    TRAINER,
    LM_EVAL,
    LM_EVAL_SAMPLES,
    WANDB_CHART,
    WANDB_HISTORY,
    TENSORBOARD,
    NANOGPT,
    NANOCHAT,
    MODDED_NANOGPT,
    MEGATRON,
    MLFLOW,
    MLFLOW_FILES,
    LIGHTNING,
    INSPECT,
    OPTUNA,
    OPTUNA_JOURNAL,
    TRACKIO,
    DOMAINBED,
    MODEL_CARD,
    TIDY,
)
"""Every format, those with an unmistakable mark first; the first one that recognises a file reads it."""


UNSIZED = (
    "no run has params (trainable parameters); add --join sizes.csv (columns run, params), "
    "or --from-name 'PATTERN' with {params:size} in it where the runs' names say it"
)


def read(
    source: "str | Path | Sequence[str | Path] | Any",
    columns: Mapping[str, str] | None = None,
    nan_means_diverged: bool = False,
    flops_by: Convention = "given",
    from_name: str | None = None,
    join: str | Path | None = None,
    by_item: bool = False,
    progress: bool = False,
) -> Runs:
    """Read runs from files, folder trees or patterns of many formats, a store, the embedded suite (`"smol"`), standard
    input (`"-"`), a data frame (Polars, pandas, Arrow) or an open file.

    `columns` names columns that aliases cannot know, as {our name: the table's name}. `flops_by` is `given`, `full`
    (attention and last layer counted, from the model's shape) or `6nd`. `from_name` is a pattern of the runs' names,
    such as `d={width:int}_l={depth:int}`, and `join` a table with one row a run: both fill in what logs do not hold.
    `by_item` asks for a row an item where evaluations logged their samples. `progress` shows a bar on a terminal.
    `Runs.report` says what was taken as what. Raises TableError in one sentence that names file, row and column.
    """
    report = ReadingReport()
    if isinstance(source, str | Path) and is_saved(Path(source)):
        table, name, one_tidy = read_saved(Path(source), report), str(source), True
        said = ReadingReport()  # all there is to say of it was said when it was made
        table = recognised(table, name, dict(columns or {}), said)
    else:
        said = report
        table, name, one_tidy = _table(source, dict(columns or {}), by_item, progress, report)
    words = ["--by-item"] if by_item else []
    if from_name is not None:
        table = from_names(table, from_name, report)
        words += ["--from-name", from_name]
    if join is not None:
        table = joined(table, Path(join), report)
        words += ["--join", str(join)]
    if "params" not in table.columns:
        said.add("gaps", no_params(table) if one_tidy else UNSIZED)
    elif not one_tidy:
        table = _without_unsized(table, name, report)
    runs = checked(table, name, columns, nan_means_diverged, flops_by, said)
    several = tuple(map(str, source)) if isinstance(source, list | tuple) else ()
    return replace(runs, read_with=(*runs.read_with, *words), reading=report.lines(), report=report, paths=several)


def _table(
    source: Any, named: dict[str, str], by_item: bool, progress: bool, report: ReadingReport
) -> "tuple[pl.DataFrame, str, bool]":
    """The recognised table, the name of its source, and whether it is one tidy table, of which every row must do."""
    if isinstance(source, list | tuple) and source and all(isinstance(path, str | Path) for path in source):
        paths = [str(path) for path in source]
    elif isinstance(source, str | Path):
        paths = [str(source)]
    else:
        paths = []
    name = STANDARD_INPUT if paths == ["-"] else listed(paths)
    plain = _plain_table(paths[0], report) if len(paths) == 1 else None
    if not paths:
        plain, name = read_frame(source, report)
    if plain is not None:
        if by_item:
            raise no_items(name)
        return recognised(plain, name, named, report), name, True
    for path in paths:
        if path in ("-", *EMBEDDED) and not Path(path).exists():
            raise TableError(f"{path}: is read alone, not beside others.")
        if Store.is_store(Path(path)):
            raise TableError(
                f"{path}: a store is read alone; to mix it with others: scalewise export {path} --to parquet."
            )
    trees = progress and any(Path(path).is_dir() for path in paths)
    with going_on("looking for logs") if trees else nullcontext():
        found = find(paths, FORMATS, report, by_item)
    return merged(found, named, report, progress), name, len(found) == 1 and found[0].format.tidy


def _plain_table(source: str, report: ReadingReport) -> "pl.DataFrame | None":
    """A table that is not made of logs: standard input, the embedded suite or a store."""
    path = Path(source)
    if source == "-":
        return read_standard_input(STANDARD_INPUT, report)
    if source in EMBEDDED and not path.exists():
        return read_embedded(source)
    if Store.is_store(path):
        if unfinished := Store(path).unfinished():
            report.add("dropped", f"{unfinished:,} runs of the store have not ended; they are left out")
        return Store(path).summary()
    return None


def _without_unsized(table: "pl.DataFrame", source: str, report: ReadingReport) -> "pl.DataFrame":
    """Questions need every run's size where sizes are known at all: runs without one are left out and named."""
    import polars as pl

    table = table.with_columns(pl.col("params").fill_null(pl.col("params").max().over("run")))
    unsized = table.filter(pl.col("params").is_null())["run"].unique(maintain_order=True)
    if unsized.len() == 0:
        return table
    if unsized.len() == table["run"].n_unique():
        raise TableError(f"{source}: no run has params; give them with --from-name or --join (a table of run, params).")
    report.add(
        "gaps",
        f"{unsized.len():,} runs have no params and are left out: {listed(unsized)}; give them with "
        "--from-name 'NAME_{params:size}' or --join sizes.csv (columns run, params)",
    )
    return table.filter(pl.col("params").is_not_null())
