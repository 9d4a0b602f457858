"""Logs of other tools as Trials: values, repeats and conditions, and what is neither tool's."""

import json
from pathlib import Path

import pytest

from scalewise.errors import TableError
from scalewise.probes.dialogue.samples import read_samples


def inspect_log(task: str, grades: dict[str, list[str]]) -> str:
    """A log as Inspect writes it with --log-format json."""
    samples = [
        {"id": name, "epoch": epoch, "scores": {"match": {"value": grade}}, "output": {"completion": f"answer {grade}"}}
        for name, epochs in grades.items()
        for epoch, grade in enumerate(epochs, 1)
    ]
    return json.dumps({"version": 2, "eval": {"task": task, "model": "openai/m"}, "samples": samples})


def test_inspect_logs_of_two_wordings_are_contrasted(tmp_path: Path) -> None:
    plain, story = tmp_path / "plain.json", tmp_path / "story.json"
    plain.write_text(inspect_log("plain", {"a": ["C", "C"], "b": ["C", "I"], "c": ["N", "C"]}))
    story.write_text(inspect_log("story", {"a": ["C", "I"], "b": ["I", "I"], "c": ["I", "C"]}))
    trials = read_samples([plain, story])
    assert len(trials) == 12
    assert (~trials.table["parsed"]).sum() == 1
    row = trials.to_runs("effect", by=("condition",), against="plain").table.row(0, named=True)
    assert row["effect"] == pytest.approx(2 / 6 - 4 / 5)
    assert row["n_clusters_shared"] == 3


def test_lm_eval_samples_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "my__model"
    folder.mkdir()
    lines = [{"doc_id": i, "acc": float(i % 2), "filtered_resps": [f"r{i}"], "filter": "none"} for i in range(4)]
    lines += [line | {"filter": "strict"} for line in lines]
    path = folder / "samples_arc_easy_2026-01-02T03-04-05.123.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    trials = read_samples([path])
    assert trials.table["value"].to_list() == [0, 1, 0, 1]
    assert trials.table.select("run", "condition", "text").row(3) == ("my__model", "arc_easy", "r3")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "is not JSON"),
        ("a.json", "{}", "is no Inspect log"),
        ("a.eval", "", "inspect log convert"),
        ("a.jsonl", '{"acc": 1}', "is no lm-eval sample"),
        ("a.jsonl", '{"doc_id": 1}', "no score acc, exact_match"),
        ("a.jsonl", '{"doc_id": 1, "acc": "right"}', "is not a number"),
        ("a.jsonl", "", "there are no samples"),
        ("a.json", '{"eval": {}, "samples": []}', "there are no samples"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(TableError, match=message):
        read_samples([tmp_path / name])
