"""nanoGPT's standard output. Parameters are printed in millions to two decimals, without position embeddings."""

from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.runs.readers.format import Format
from scalewise.runs.readers.text_log import line, parsed, recognises, table_of, with_tokens
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

LINES = (
    line(
        "step 250: train loss 2.1, val loss 2.2", r"step #: train loss #, val loss #", "step", "train_loss", "val_loss"
    ),
    line("iter 250: loss 2.1, time 9ms, mfu 3%", r"iter #: loss #, time #ms", "step", "batch_loss", "step_ms"),
    line("tokens per iteration will be: 491,520", r"tokens per iteration will be: #", "_per_step"),
    line("number of parameters: 10.65M", r"number of parameters: #M", "_millions"),
)


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    log = parsed(path, LINES, report)
    with_tokens(log, log.header.get("_per_step"), report)
    if log.header.get("_millions"):
        report.add("converted", "params were multiplied by 1e6 (printed in millions, to two decimals)")
        log.header["params"] = log.header["_millions"] * 1e6
    elif "_millions" in log.header:
        report.add("gaps", "params: the log rounds them to 0.00M; give them with --from-name or --join")
    return table_of(log, name, report)


NANOGPT = Format("nanoGPT log", recognises(LINES), read)
