"""Rows by item: the samples that evaluations log, each with its score, and sums that agree with the tools' own."""

import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

import scalewise as sw
from scalewise.errors import TableError
from scalewise.runs.readers.archive import member, names


def unpacked(path: Path) -> dict[str, bytes]:
    return {name: member(path, name) for name in names(path)}


def by_run(runs: sw.Runs) -> dict[str, float]:
    means = runs.table.group_by("run").agg(pl.col("accuracy").mean())
    return dict(means.rows())


def test_samples_of_inspect_give_the_scores_that_inspect_gives(logs: Path) -> None:
    items, sums = sw.read(logs / "inspect", by_item=True), sw.read(logs / "inspect")
    assert len(items) == 60
    assert items.table["item"].n_unique() == 20
    assert set(items.table["repeat"]) == {0}
    assert by_run(items) == pytest.approx(dict(sums.table.select("run", "accuracy").rows()))
    assert any("only scorer, 'match'" in line for line in items.report.columns)
    assert items.read_with == ("--by-item",)


def test_a_json_log_gives_the_same_samples(logs: Path, tmp_path: Path) -> None:
    """In JSON a log is its header with the samples inside."""
    for path in (logs / "inspect").iterdir():
        parts = unpacked(path)
        samples = [json.loads(content) for name, content in parts.items() if name.startswith("samples/")]
        log = json.loads(parts["header.json"]) | {"samples": samples}
        (tmp_path / path.with_suffix(".json").name).write_text(json.dumps(log))
    kept = ["run", "task", "item", "repeat", "accuracy"]
    alike = [sw.read(at, by_item=True).table.select(kept).sort("run", "item") for at in (tmp_path, logs / "inspect")]
    assert alike[0].equals(alike[1])


def test_an_archive_that_is_still_being_written_gives_the_samples_so_far(logs: Path, tmp_path: Path) -> None:
    path = next((logs / "inspect").iterdir())
    with zipfile.ZipFile(tmp_path / "live.eval", "w") as live:
        for name, content in unpacked(path).items():
            if name not in ("header.json", "summaries.json", "reductions.json", "_journal/summaries/4.json"):
                live.writestr(name, content)
    so_far = sw.read(tmp_path, by_item=True)
    assert len(so_far) == 18
    assert any("the samples so far" in line for line in so_far.report.dropped)
    whole = sw.read(tmp_path)
    assert whole.table["state"].to_list() == ["running"]
    assert any("no score yet" in line for line in whole.report.dropped)


def graded(tmp_path: Path, *scores: Mapping[str, object]) -> sw.Runs:
    samples = [{"id": f"q{i}", "epoch": 1 + i % 2, "scores": score} for i, score in enumerate(scores)]
    log = {"version": 2, "status": "success", "eval": {"model": "m", "task": "t"}, "samples": samples}
    (tmp_path / "log.json").write_text(json.dumps(log))
    return sw.read(tmp_path / "log.json", by_item=True)


def test_grades_are_numbers_as_inspect_counts_them(tmp_path: Path) -> None:
    letters = graded(tmp_path, *[{"s": {"value": v}} for v in ("C", "I", "P", "N", True, "yes", "0.25", float("nan"))])
    assert letters.table["accuracy"].to_list() == [1, 0, 0.5, 0, 1, 1, 0.25, None]
    assert letters.table["repeat"].to_list() == [0, 1] * 4
    assert any("1 samples" in line for line in letters.report.dropped)
    several = graded(tmp_path, {"a": {"value": "C"}, "b": {"value": {"style": 7, "truth": 3}}})
    assert several.table.select("a", "b/style", "b/truth").rows() == [(1, 7, 3)]
    wide = graded(tmp_path, {"judge": {"value": 8}})
    assert wide.table["judge"].to_list() == [8]


def test_a_limit_on_samples_is_said(tmp_path: Path) -> None:
    log = {"version": 2, "status": "success", "eval": {"model": "m", "task": "t", "config": {"limit": 10}}}
    (tmp_path / "log.json").write_text(json.dumps(log))
    assert any("within the limit 10" in line for line in sw.read(tmp_path / "log.json").report.thinned)


def test_samples_of_lm_eval_stand_for_their_sums_when_asked_for(logs: Path, tmp_path: Path) -> None:
    items = sw.read(logs / "lm_eval", by_item=True)
    assert len(items) == 60
    assert any("without rows by item" in line for line in items.report.dropped)
    folder = tmp_path / "w16_d1"
    shutil.copytree(logs / "lm_eval" / "w16_d1", folder)
    one = next(folder.glob("samples_*"))
    shutil.copy(one, folder / one.name.replace("samples_items", "samples_others"))
    both = sw.read(folder, by_item=True).table
    assert both["run"].unique().to_list() == ["w16_d1"]
    one.rename(tmp_path / "early.jsonl")
    assert sw.read(tmp_path / "early.jsonl").table["task"].unique().to_list() == ["early"]
    assert both.group_by("task").len().sort("task").rows() == [("items", 20), ("others", 20)]


def test_logs_without_items_say_what_has_them(logs: Path) -> None:
    with pytest.raises(TableError, match=r"lm-evaluation-harness .* and logs of Inspect have them"):
        sw.read(logs / "tensorboard", by_item=True)
