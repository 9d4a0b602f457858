"""nanochat's standard output: bits per byte, CORE, and compute from the header's own estimate."""

from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.runs.readers.format import Format
from scalewise.runs.readers.text_log import line, parsed, recognises, table_of, with_tokens
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

LINES = (
    line("Step 00250 | Validation bpb: 0.91", r"Step # \| Validation bpb: #", "step", "val_bpb"),
    line("Step 02000 | CORE metric: 0.20", r"Step # \| CORE metric: #", "step", "core_metric"),
    line(
        "step 00010/20000 (0.05%) | loss: 6.1 | lrm: 1.0 | dt: 123ms",
        r"step #/\d+ \([\d.]+%\) \| loss: # \| lrm: # \| dt: #ms",
        *("step", "train_loss", "lr_multiplier", "step_ms"),
    ),
    line("Estimated FLOPs per token: 1.2e+09", r"Estimated FLOPs per token: #", "_flops_per_token"),
    line("Total batch size 524,288 => ...", r"Total batch size #", "_per_step"),
    line("total                   : 25,165,824", r"total +: #", "params"),
    line("Number of parameters: 25,165,824", r"Number of parameters: #", "params"),
)


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    log = parsed(path, LINES, report)
    with_tokens(log, log.header.get("_per_step"), report)
    per_token = log.header.get("_flops_per_token")
    if per_token and "_per_step" in log.header:
        report.add("inferred", "flops are tokens times the operations per token that the header estimates")
        for row in log.rows.values():
            row["flops"] = row["tokens"] * per_token
    return table_of(log, name, report)


NANOCHAT = Format("nanochat log", recognises(LINES), read)
