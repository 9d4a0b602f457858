"""Lightning's CSVLogger: `metrics.csv` beside `hparams.yaml`; rows of one step are put together."""

from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.errors import TableError
from scalewise.runs.readers.bounded import flat, whole, yaml_object
from scalewise.runs.readers.curves import run_table
from scalewise.runs.readers.format import Format
from scalewise.runs.readers.tidy import read_tidy
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

METRICS, CONFIG = "metrics.csv", "hparams.yaml"


def unit(path: Path, head: bytes) -> Path | None:
    columns = head.partition(b"\n")[0].strip().split(b",")
    ours = path.name == METRICS and b"step" in columns and (path.parent / CONFIG).is_file()
    return path.parent if ours else None


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    import polars as pl

    file = path if path.is_file() else path / METRICS
    table = read_tidy(file, report)
    if "step" not in table.columns:
        raise TableError(f"{file}: no column 'step', so this is not from Lightning's CSVLogger.")
    numbers = table.select(pl.all().cast(pl.Float64, strict=False)).filter(pl.col("step").is_not_null())
    curve = numbers.group_by("step", maintain_order=True).agg(pl.all().drop_nulls().last()).sort("step")
    if curve.height < table.height:
        report.add("inferred", "rows of one step are one row: training and validation values are logged apart")
    config = yaml_object(whole(file.parent / CONFIG, 2**22), str(file.parent / CONFIG)) if _has_config(file) else {}
    return run_table(curve, name, flat(config, report), report)


def _has_config(file: Path) -> bool:
    """The file may be empty, when a model has no hyperparameters."""
    config = file.parent / CONFIG
    return config.is_file() and config.stat().st_size > 3


LIGHTNING = Format("Lightning CSVLogger", unit, read, companions=(CONFIG,))
