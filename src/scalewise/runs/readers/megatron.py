"""Logs of the Megatron family (Megatron-LM, Megatron-DeepSpeed, GPT-NeoX and forks): cells between bars."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from scalewise.errors import TableError
from scalewise.runs.readers.bounded import lines
from scalewise.runs.readers.format import Format
from scalewise.runs.readers.text_log import LONGEST_MATCHED, NUMBER, Log, line, number, recognises, table_of
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

ROW = re.compile(r"(?:.{0,200}\s)?iteration +(\d{1,15})/ *\d+ \|(.*)")
HELD_OUT = re.compile(rf".{{0,200}}?validation loss at iteration (\d{{1,15}})\D.{{0,100}}?lm loss(?: value)?: {NUMBER}")
SEQUENCE = re.compile(r" *seq(?:uence)?_length[ .:=]{1,100}(\d{1,12})")
PARAMETERS = re.compile(r".{0,100}number of parameters on .{0,80}: (\d{1,15})")
CELLS = {
    "consumed samples": "samples",
    "consumed tokens": "tokens",
    "lm loss": "train_loss",
    "learning rate": "learning_rate",
    "global batch size": "batch_sequences",
    "grad norm": "grad_norm",
    "elapsed time per iteration (ms)": "step_ms",
}
LINES = (line(" iteration 100/ 1000 | lm loss: 2.1E+00 |", r"(?:.{0,200}\s)?iteration +#/ *\d+ \|", "step"),)


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    log, sequence, params = Log(), None, 0
    for _, text in lines(path, report):
        if len(text) > LONGEST_MATCHED:
            continue
        if match := ROW.match(text):
            log.rows.setdefault(int(match[1]), {}).update(_cells(match[2]))
        elif match := HELD_OUT.match(text):
            log.rows.setdefault(int(match[1]), {})["val_loss"] = number(match[2])
        elif match := SEQUENCE.match(text):
            sequence = int(match[1])
        elif match := PARAMETERS.match(text):
            params += int(match[1])
    if not log.rows:
        raise TableError(f"{path}: no line like '{LINES[0].like}'.")
    report.add("columns", f"lines like '{LINES[0].like}' give {', '.join(_names(log))}")
    _with_tokens(log, sequence, report)
    if params:
        report.add("inferred", "params are the sum over the model-parallel ranks that the log names")
        log.header["params"] = float(params)
    return table_of(log, name, report)


def _cells(text: str) -> dict[str, float]:
    found = {}
    for cell in text.split("|"):
        key, colon, value = cell.rpartition(":")
        column = CELLS.get(key.strip())
        if colon and column and re.fullmatch(NUMBER, value.strip()):
            found[column] = number(value.strip())
    return found


def _names(log: Log) -> list[str]:
    return list(dict.fromkeys(["step", *(name for row in log.rows.values() for name in row)]))


def _with_tokens(log: Log, sequence: int | None, report: ReadingReport) -> None:
    if any("tokens" in row for row in log.rows.values()):
        return
    if sequence is None or not any("samples" in row for row in log.rows.values()):
        report.add("gaps", "tokens: no consumed samples and sequence length in the log; give them with --join")
        return
    report.add("inferred", "tokens are consumed samples times the sequence length")
    for row in log.rows.values():
        if "samples" in row:
            row["tokens"] = row["samples"] * sequence


MEGATRON = Format("Megatron log", recognises(LINES), read)
