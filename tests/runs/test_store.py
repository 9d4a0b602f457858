"""The store: lines that survive kills, and damage that is named."""

import json
from pathlib import Path

import polars as pl
import pytest

import scalewise as sw
from scalewise.errors import ScalewiseError, TableError
from scalewise.runs.files import write_text
from scalewise.runs.store import Store, append_line, read_lines


def store_with(tmp_path: Path, *states: str) -> Store:
    (tmp_path / "study.toml").write_text("")
    store = Store(tmp_path)
    for i, state in enumerate(states):
        folder = store.run(f"r{i}")
        folder.create({"run": f"r{i}", "params": 1e6 * (i + 1), "flops_budget": 1e12})
        folder.append({"step": 10, "tokens": 1e6, "flops": 1e12, "train_loss": 3.0})
        if state == "finished":
            folder.append({"step": 20, "tokens": 2e6, "flops": 2e12, "train_loss": 2.0, "loss": 2.5})
        folder.set_state(state)  # type: ignore[arg-type]
    return store


def test_a_line_cut_short_is_skipped_and_then_removed(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    append_line(path, {"step": 1})
    with path.open("ab") as file:
        file.write(b'{"step": 2, "lo')
    assert list(read_lines(path)) == [{"step": 1}]
    append_line(path, {"step": 2})
    assert list(read_lines(path)) == [{"step": 1}, {"step": 2}]


def test_a_step_logged_twice_counts_once(tmp_path: Path) -> None:
    folder = store_with(tmp_path, "finished").run("r0")
    folder.append({"step": 20, "tokens": 2e6, "flops": 2e12, "train_loss": 2.0, "loss": 2.4})
    assert [row["step"] for row in folder.metrics()] == [10, 20]
    assert folder.metrics()[-1]["loss"] == 2.4


def test_a_store_is_read_with_its_failures_and_without_what_runs(tmp_path: Path) -> None:
    runs = sw.read(store_with(tmp_path, "finished", "diverged", "failed", "running").path)
    assert runs.table["state"].to_list() == ["finished", "diverged", "failed"]
    assert runs.failed.height == 2
    assert runs.trained["run"].to_list() == ["r0"]
    assert "1 runs of the store have not ended; they are left out" in runs.reading


def test_the_summary_is_rebuilt_from_the_lines(tmp_path: Path) -> None:
    store = store_with(tmp_path, "finished", "finished")
    store.save_summary()
    summary = pl.read_parquet(tmp_path / "summary.parquet")
    assert summary["loss"].to_list() == [2.5, 2.5]
    assert summary.equals(store.summary())


def test_an_empty_store_and_a_damaged_one_say_so(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no run of this store has ended"):
        sw.read(store_with(tmp_path, "running").path)
    (tmp_path / "runs" / "r0" / "config.json").write_text("[]")
    (tmp_path / "runs" / "r0" / "status.json").write_text(json.dumps({"state": "finished"}))
    with pytest.raises(TableError, match=r"config.json: not a JSON object; the store is damaged"):
        sw.read(tmp_path)


def test_files_are_written_whole_or_refused(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "a.txt", "α")
    assert (tmp_path / "new" / "a.txt").read_text(encoding="utf-8") == "α"
    for target in (tmp_path, tmp_path / "new" / "a.txt" / "b.txt", Path("/dev/null")):
        with pytest.raises(ScalewiseError):
            write_text(target, "x")
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["a.txt"]
