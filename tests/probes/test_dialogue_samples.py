"""Logs of other tools as Trials and as an Answer: values, repeats and guises, and what is neither tool's."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scalewise.cli.probe_dialogue import command
from scalewise.errors import QuestionError, ScalewiseError, TableError
from scalewise.probes.dialogue.samples import read_samples
from scalewise.questions.consistency import consistency
from scalewise.runs.readers.archive import member

FIXTURES = Path(__file__).parents[1] / "runs" / "readers" / "fixtures"
INSPECT, LM_EVAL = FIXTURES / "inspect", FIXTURES / "lm_eval"


def inspect_log(task: str, grades: dict[str, list[str]], scored: bool = True, identity: str | None = None) -> str:
    """A log as Inspect writes it with --log-format json; unscored, its texts are what `grades` says."""
    samples = [
        {
            "id": name,
            "epoch": epoch,
            **({"scores": {"match": {"value": grade}}} if scored else {}),
            "output": {"completion": f"answer {grade}" if scored else grade, "choices": [{"stop_reason": "stop"}]},
        }
        for name, epochs in grades.items()
        for epoch, grade in enumerate(epochs, 1)
    ]
    header = {"task": task, "model": "openai/m", "model_generate_config": {"temperature": 0}}
    if identity:
        header["eval_id"] = identity
    return json.dumps({"version": 2, "status": "success", "eval": header, "samples": samples})


def test_inspect_logs_of_two_wordings_are_contrasted(tmp_path: Path) -> None:
    plain, story = tmp_path / "plain.json", tmp_path / "story.json"
    plain.write_text(inspect_log("plain", {"a": ["C", "C"], "b": ["C", "I"], "c": ["N", "C"]}))
    story.write_text(inspect_log("story", {"a": ["C", "I"], "b": ["I", "I"], "c": ["I", "C"]}))
    samples = read_samples([plain, story])
    assert (samples.guises, samples.outcome, samples.temperature) == (("story",), "right", 0)
    trials = samples.trials
    assert len(trials) == 12
    assert trials.table.filter(~pl.col("parsed"))["said"].to_list() == ["no answer"]
    row = trials.to_runs("effect", by=("condition",), against="baseline").table.row(0, named=True)
    assert row["effect"] == pytest.approx(2 / 6 - 4 / 5)
    assert row["n_clusters_shared"] == 3
    other = read_samples([plain, story], plain="story")
    assert other.guises == ("plain",)


def test_a_real_inspect_log_is_read_sample_by_sample() -> None:
    log = sorted(INSPECT.glob("*.eval"))[0]
    header = json.loads(member(log, "header.json"))
    table = read_samples([log]).trials.table
    assert table.height == header["eval"]["dataset"]["samples"] == 20
    assert table["value"].mean() == pytest.approx(header["results"]["scores"][0]["metrics"]["accuracy"]["value"])
    assert set(table["text"]) == {"yes", "no"}


def test_real_lm_eval_samples_are_read() -> None:
    path = next((LM_EVAL / "w16_d1").glob("samples_*.jsonl"))
    results = json.loads(next((LM_EVAL / "w16_d1").glob("results_*.json")).read_text())["results"]["items"]
    table = read_samples([LM_EVAL / "w16_d1"]).trials.table
    assert table["value"].mean() == pytest.approx(results["acc,none"])
    assert table.select("run", "condition").unique().row(0) == ("w16_d1", "baseline")
    answers = [("even", "odd")[int(item) % 2] for item in table["item"]]
    assert [text == right for text, right in zip(table["text"], answers, strict=True)] == table["value"].to_list()
    by_norm = read_samples([path], score="acc_norm").trials.table
    assert by_norm["value"].mean() == pytest.approx(results["acc_norm,none"])


def test_several_models_need_a_choice() -> None:
    with pytest.raises(TableError, match=r"several models .*w16_d1.*choose one with --model"):
        read_samples([LM_EVAL])
    assert len(read_samples([LM_EVAL], model="w24_d1").trials) == len(read_samples([LM_EVAL / "w24_d1"]).trials)
    with pytest.raises(TableError, match="did you mean 'w24_d1'"):
        read_samples([LM_EVAL], model="w24-d1")


def test_lm_eval_samples_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "my__model"
    folder.mkdir()
    lines = [{"doc_id": i, "acc": float(i % 2), "filtered_resps": [f"r{i}"], "filter": "none"} for i in range(4)]
    lines += [line | {"filter": "strict"} for line in lines]
    path = folder / "samples_arc_easy_2026-01-02T03-04-05.123.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    again = folder / "samples_arc_easy_2026-01-03T03-04-05.123.jsonl"
    again.write_text("\n".join(map(json.dumps, lines)))
    table = read_samples([path, again]).trials.table
    assert table["value"].to_list() == [0, 1, 0, 1] * 2
    assert table["repeat"].to_list() == [0] * 4 + [1] * 4
    assert table.select("run", "text").row(3) == ("my__model", "r3")


@pytest.fixture
def wordings(tmp_path: Path) -> Path:
    """30 items, 6 epochs: right in 80 %, in 80 % of paraphrases, and in 30 % when the options are lettered."""
    rng = random.Random(0)
    for task, chance in (("asked", 0.8), ("lettered", 0.3), ("paraphrased", 0.8)):
        grades = {f"q{i}": ["C" if rng.random() < chance else "I" for _ in range(6)] for i in range(30)}
        (tmp_path / f"{task}.json").write_text(inspect_log(task, grades, identity=task))
    return tmp_path


def test_the_command_finds_what_a_task_changes(wordings: Path) -> None:
    words = ["probe", "dialogue", "--from-logs", str(wordings), "--plain", "asked", "--json"]
    done = subprocess.run([sys.executable, "-m", "scalewise", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["verdict"] == "no"
    assert "1 of 2 guises changes answers; the largest effect is of 'lettered': right " in answer["sentence"]
    guises = {row[0]: row for row in answer["findings"][0]["rows"]}
    assert guises["lettered"][4] < -0.5 < guises["lettered"][5]
    assert guises["paraphrased"][9] > 0.05
    variance = {row[0]: row for row in answer["findings"][1]["rows"]}
    assert list(variance) == ["item", "wording", "repeat"]
    planted = {"item": 0.0, "wording": 0.25 / 3, "repeat": (0.16 + 0.21 + 0.16) / 3}
    for part, truth in planted.items():
        assert variance[part][2] - 0.01 <= truth <= variance[part][3] + 0.01, part


def test_unscored_logs_are_read_by_their_texts(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(
        inspect_log("a", {"x": ["Yes.", "No."], "y": ["I'm sorry, but no."]}, scored=False)
    )
    (tmp_path / "b.json").write_text(inspect_log("b", {"x": ["No.", "No."], "y": ["No."]}, scored=False))
    samples = read_samples([tmp_path])
    assert samples.outcome == "yes"
    assert samples.trials.table["said"].to_list() == ["yes", "no", "refusal", "no", "no", "no"]
    with pytest.raises(
        QuestionError, match="fewer than two scenarios were answered yes or no both plainly"
    ):  # in one scenario only
        consistency(samples.trials, "again", guises=samples.guises)


def test_logs_that_do_not_go_together_are_refused(wordings: Path) -> None:
    (wordings / "copy.json").write_text((wordings / "asked.json").read_text())
    with pytest.raises(TableError, match=r"is the same evaluation as .*asked.json"):
        read_samples([wordings])
    (wordings / "copy.json").write_text(inspect_log("open", {"q1": ["yes"]}, scored=False))
    with pytest.raises(TableError, match="only one of them is scored"):
        read_samples([wordings])
    (wordings / "copy.json").unlink()
    with pytest.raises(TableError, match="did you mean 'asked'"):
        read_samples([wordings], plain="aksed")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "not JSON"),
        ("a.json", "{}", "is no Inspect log"),
        ("a.json", '{"eval": {}, "samples": [3]}', "sample 1: is no sample"),
        ("a.eval", "", "cannot be read as a zip file"),
        ("a.jsonl", '{"acc": 1}', "is no lm-eval sample"),
        ("a.jsonl", '{"doc_id": 1}', "no score acc, exact_match"),
        ("a.jsonl", '{"doc_id": 1, "acc": "right"}', "neither right"),
        ("a.jsonl", '{"doc_id": 1, "acc": 0.3}', "neither right"),
        ("a.jsonl", "", "there are no samples"),
        ("a.json", '{"eval": {}, "samples": []}', "there are no samples"),
        (
            "a.json",
            '{"eval": {}, "samples": [{"store": {"scalewise": [{"said": "yes"}]}}]}',
            "not as our tasks keep it",
        ),
        ("a.txt.json", '{"eval": {}, "samples": [{"scores": {"m": {"value": {"a": 1}}}}]}', "neither right"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(TableError, match=message):
        read_samples([tmp_path / name])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"from_logs": [Path("x")], "into": Path("y")}, "--from-logs reads answers that are there"),
        ({"plain": "x"}, "--plain and --score are for --from-logs"),
        ({}, "give a URL, its --model and --into DIR"),
        ({"from_logs": [Path("absent")]}, "absent: there is no such file"),
        ({"from_logs": [Path(__file__).parent]}, "there are no logs of Inspect"),
    ],
)
def test_slips_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ScalewiseError, match=message):
        command(**options)
