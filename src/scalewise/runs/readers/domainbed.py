"""DomainBed: `results.jsonl` of a training run, one line a checkpoint.

The accuracy on a test environment is that of its `in` split, as DomainBed itself reports it; the one for selection is
the mean over the `out` splits of the training environments.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalewise.errors import TableError
from scalewise.runs.readers.bounded import flat, json_object, lines
from scalewise.runs.readers.format import Format
from scalewise.runs.report import ReadingReport

if TYPE_CHECKING:
    import polars as pl

ACCURACY = re.compile(r"env(\d{1,4})_(in|out)_acc")


def unit(path: Path, head: bytes) -> Path | None:
    ours = path.name == "results.jsonl" and b'"args"' in head and b'"env0_' in head
    return path.parent if ours else None


def read(path: Path, name: str, report: ReadingReport) -> "pl.DataFrame":
    import polars as pl

    file = path if path.is_file() else path / "results.jsonl"
    rows = []
    for number, line in lines(file, report):
        if line.strip():
            record = json_object(line.encode(), f"{file}, line {number}")
            rows.append({"run": name} | _row(record, f"{file}, line {number}", report))
    if not rows:
        raise TableError(f"{file}: no whole line is in there.")
    report.add("inferred", "accuracy is the mean over the test environments' 'in' splits, as DomainBed reports it")
    report.add("inferred", "validation_accuracy is the mean over the training environments' 'out' splits")
    return pl.DataFrame(rows, infer_schema_length=None)


def _row(record: dict[str, Any], where: str, report: ReadingReport) -> dict[str, Any]:
    arguments, step = record.get("args"), record.get("step")
    tested = arguments.get("test_envs") if isinstance(arguments, dict) else None
    if not isinstance(arguments, dict) or not isinstance(tested, list) or not isinstance(step, int):
        raise TableError(f"{where}: no 'args' with 'test_envs', or no 'step', so this is not from DomainBed.")
    accuracies = {m.groups(): float(v) for k, v in record.items() if (m := ACCURACY.fullmatch(k)) and _is_number(v)}
    test = [v for (env, split), v in accuracies.items() if split == "in" and int(env) in tested]
    train = [v for (env, split), v in accuracies.items() if split == "out" and int(env) not in tested]
    row: dict[str, Any] = {
        "group": str(arguments.get("algorithm")),
        "dataset": str(arguments.get("dataset")),
        "test_envs": ",".join(str(env) for env in tested),
        "step": float(step),
        "seed": str(arguments.get("trial_seed", arguments.get("seed"))),
    }
    row |= {f"env{env}_{split}_acc": v for (env, split), v in accuracies.items()}
    if test:
        row["accuracy"] = sum(test) / len(test)
    if train:
        row["validation_accuracy"] = sum(train) / len(train)
    if _is_number(record.get("loss")):
        row["train_loss"] = float(record["loss"])
    recipe = record["hparams"] if isinstance(record.get("hparams"), dict) else {}
    return row | {k: v for k, v in flat(recipe, report).items() if k not in row}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


DOMAINBED = Format("DomainBed", unit, read, companions=("done", "out.txt", "err.txt"))
