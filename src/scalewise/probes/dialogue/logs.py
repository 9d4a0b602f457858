"""One log of another tool: Inspect's (`.eval`, `.json`) or lm-eval's samples (`samples_*.jsonl`)."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from scalewise.errors import TableError
from scalewise.probes.dialogue.parse import Said, said
from scalewise.runs.readers import inspect_logs, lm_eval_samples
from scalewise.runs.readers.archive import member, members
from scalewise.runs.readers.bounded import json_object, whole

STORED = "scalewise"
"""Under which name in a sample's store our Inspect tasks keep the rows of a conversation."""
INSPECT_GRADES = {"C": 1, "P": 0.5, "I": 0, "N": None}
"""Inspect's letters for correct, partly correct, incorrect and no answer."""
METRICS = ("acc", "exact_match", "acc_norm", "mc1", "pass@1")
"""What lm-eval calls a sample's score, in order of preference; else the first one it names."""
CUT_OFF = ("max_tokens", "model_length", "length")
TEXTS = ("first", "before", "wording", "options", "ladder", "deed", "law", "moral", "utilitarian", "argues", "answer")
Row = dict[str, Any]


@dataclass(frozen=True)
class Log:
    """`rows` are answers; `ours` says that they are conversations of our batteries, `scored` that answers are right or
    wrong, and `failed` how many samples gave none."""

    path: Path
    model: str
    task: str
    rows: list[Row]
    ours: bool = False
    scored: bool = True
    identity: str | None = None
    temperature: float | None = None
    failed: int = 0


def is_log(path: Path) -> bool:
    """Whether a file looks like a log of either tool."""
    with path.open("rb") as file:
        head = file.read(4096)
    return bool(inspect_logs.unit(path, head) or lm_eval_samples.unit(path, head))


def read_log(path: Path, score: str | None) -> Log:
    """Raises TableError (file, sample) for what neither tool writes, and scores other than right and wrong."""
    if path.suffix == ".jsonl":
        return _lm_eval(path, score)
    if path.suffix == ".eval":
        header = json_object(member(path, "header.json"), str(path))
        found = (json_object(content, f"{path}, {name}") for name, content in members(path, "samples/"))
        samples = sorted(found, key=lambda s: (str(s.get("id")), s.get("epoch") or 0))
    else:
        header = json_object(whole(path), str(path))
        samples = header.get("samples") or []
    asked = header.get("eval")
    if not isinstance(asked, dict) or not isinstance(samples, list):
        raise TableError(f"{path}: is no Inspect log; it has no 'eval'.")
    return _inspect(path, asked, samples, score)


def _inspect(path: Path, asked: dict[str, Any], samples: list[Any], score: str | None) -> Log:
    for number, sample in enumerate(samples, 1):
        if not isinstance(sample, dict):
            raise TableError(f"{path}, sample {number}: is no sample of Inspect.")
    config = asked.get("model_generate_config")
    temperature = config.get("temperature") if isinstance(config, dict) else None
    log = Log(
        path,
        str(asked.get("model", "model")),
        str(asked.get("task", path.stem)),
        [],
        identity=str(asked["eval_id"]) if asked.get("eval_id") else None,
        temperature=float(temperature) if isinstance(temperature, int | float) else None,
    )
    conversations = [(sample.get("store") or {}).get(STORED) for sample in samples]
    if any(conversations):
        rows = [
            _told(path, number, row)
            for number, turns in enumerate(conversations, 1)
            for row in (turns if isinstance(turns, list) else [])
        ]
        return replace(log, rows=rows, ours=True, failed=sum(not turns for turns in conversations))
    scored = score is not None or any(sample.get("scores") for sample in samples)
    rows = [_answered(path, number, sample, score, scored) for number, sample in enumerate(samples, 1)]
    return replace(log, rows=rows, scored=scored)


def _told(path: Path, number: int, row: Any) -> Row:
    """A turn of our own battery."""
    names = ("item", "cluster", "scenario", "condition", "turn", "said", "text", "severity", *TEXTS)
    try:
        turn: Row = {name: row[name] for name in names}
    except (KeyError, TypeError):
        turn = {}
    if turn.get("said") not in get_args(Said):
        raise TableError(f"{path}, sample {number}: its conversation is not as our tasks keep it.")
    return turn


def _answered(path: Path, number: int, sample: dict[str, Any], score: str | None, scored: bool) -> Row:
    where, item = f"{path}, sample {number}", str(sample.get("id", number))
    output = sample.get("output") or {}
    text = str(output.get("completion") or "")
    if sample.get("error"):
        return _row(item, text, "error")
    if not scored:
        choices = output.get("choices") or [{}]
        return _row(item, text, said(text, "length" if choices[0].get("stop_reason") in CUT_OFF else None))
    scores = sample.get("scores") or {}
    name = score or next(iter(scores), None)
    if name is not None and name not in scores:
        raise TableError(f"{where}: no score '{name}'; there are {', '.join(scores) or 'none'}.")
    given = scores[name].get("value") if name is not None else None
    return _row(item, text, _grade(where, INSPECT_GRADES.get(given, given) if isinstance(given, str) else given))


def _lm_eval(path: Path, score: str | None) -> Log:
    rows: list[Row] = []
    filters: dict[str, str] = {}
    for number, line in enumerate(whole(path).splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        sample = lm_eval_samples.sample_of(line, where)
        item = str(sample["doc_id"])
        if filters.setdefault(item, str(sample.get("filter"))) != str(sample.get("filter")):
            continue  # the same answer, scored after another filter
        named = sample.get("metrics")
        names = (*METRICS, *(map(str, named) if isinstance(named, list) else ()))
        name = score or next((metric for metric in names if metric in sample), None)
        if name is None or name not in sample:
            raise TableError(f"{where}: no score {name or ', '.join(METRICS)}; name it with --score.")
        rows.append(_row(item, _response(sample), _grade(where, sample[name])))
    task = lm_eval_samples.task_of(path).removeprefix("samples_")
    return Log(path, path.absolute().parent.name, task, rows)


def _response(sample: dict[str, Any]) -> str:
    """What was generated, or the likeliest of the choices that were scored."""
    given = sample.get("filtered_resps") or sample.get("resps") or [""]
    try:
        likelihoods = [float(choice[0]) for choice in given]
        return str(sample["arguments"][f"gen_args_{likelihoods.index(max(likelihoods))}"]["arg_1"]).strip()
    except (TypeError, ValueError, KeyError, IndexError):
        first = given[0] if isinstance(given, list) else given
        return first if isinstance(first, str) else json.dumps(first)


def _grade(where: str, value: object) -> str:
    if value is None:
        return "no answer"
    if value == 0.5:
        return "partly right"
    if not isinstance(value, bool | int | float) or value not in (0, 1):
        raise TableError(f"{where}: the score {value!r} is neither right (1) nor wrong (0); name another with --score.")
    return "right" if value else "wrong"


def _row(item: str, text: str, answer: str) -> Row:
    return {"item": item, "cluster": item, "scenario": item, "turn": 1, "text": text, "said": answer}
