"""modded-nanogpt's logs, which begin with the program's own text; they name no sizes and no tokens."""

from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.runs.readers.format import Format
from scalewise.runs.readers.text_log import line, parsed, recognises, table_of
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

LINES = (
    line(
        "step:125/1375 val_loss:4.12 train_time:12345ms",
        r"step:#/\d+ val_loss:# train_time:#ms",
        *("step", "val_loss", "_ms"),
    ),
    line("step:125/1375 train_loss:4.1", r"step:#/\d+ (?:train_)?loss:#", "step", "train_loss"),
    line("step:125/1375 train_time:12345ms", r"step:#/\d+ train_time:#ms", "step", "_ms"),
)


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    log = parsed(path, LINES, report)
    report.add("converted", "seconds are train_time divided by 1000")
    for row in log.rows.values():
        if "_ms" in row:
            row["seconds"] = row.pop("_ms") / 1000
    report.add("gaps", "params and tokens: such logs hold neither; give them with --from-name or --join")
    return table_of(log, name, report)


MODDED_NANOGPT = Format("modded-nanogpt log", recognises(LINES), read)
