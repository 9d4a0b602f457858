"""What logs do not hold, from runs' names or a second table; gaps are named with what fills them."""

import io
from pathlib import Path

import polars as pl
import pytest

import scalewise as sw
from scalewise.errors import TableError
from scalewise.runs import saved
from scalewise.runs.readers.sizes import from_names
from scalewise.runs.report import ReadingReport


def named(*names: str) -> pl.DataFrame:
    return pl.DataFrame({"run": list(names), "group": ["all"] * len(names)})


@pytest.mark.parametrize(
    ("pattern", "name", "values"),
    [
        ("d={width:int}_l={depth:int}", "exp/d=512_l=8", {"width": 512.0, "depth": 8.0}),
        ("{params:size}-", "gpt-70M-a", {"params": 7e7}),
        ("_{params:size}", "llama_1.3B", {"params": 1.3e9}),
        ("lr{lr:float}_", "a_lr3e-4_b", {"lr": 3e-4}),
        ("{group}_{params:size}", "mamba_70M", {"params": 7e7}),
        ("{optimizer}_", "muon_x", {"optimizer": "muon"}),
    ],
)
def test_columns_come_from_names(pattern: str, name: str, values: dict[str, object]) -> None:
    row = from_names(named(name), pattern, ReadingReport()).row(0, named=True)
    assert {key: row[key] for key in values} == values


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("d={width:integer}", "is none of"),
        ("width", "no {column:int} in it"),
        ("{run}", "cannot stand there"),
        ("x{width:int}", "fits no run's name"),
    ],
)
def test_patterns_that_cannot_be_used(pattern: str, why: str) -> None:
    with pytest.raises(TableError) as caught:
        from_names(named("w16"), pattern, ReadingReport())
    assert why in str(caught.value)


def test_a_run_that_does_not_fit_is_a_gap() -> None:
    report = ReadingReport()
    from_names(named("w16", "baseline"), "w{width:int}", report)
    assert list(report.gaps) == ["1 runs whose name does not fit --from-name: baseline"]


def test_a_second_table_is_joined_on_the_run(logs: Path, tmp_path: Path) -> None:
    sizes = tmp_path / "sizes.csv"
    sizes.write_text("name,n_params,optimizer\nw16_d1,1e6,muon\nw24_d1,2e6,muon\n")
    runs = sw.read(logs / "tensorboard", join=sizes)
    assert dict(runs.ended.select("run", "params").rows()) == {"w16_d1": 1e6, "w24_d1": 2e6}
    assert runs.has("flops", "optimizer")
    gap = next(line for line in runs.report.gaps if "left out" in line)
    assert "w32_d2" in gap
    assert "--join sizes.csv" in gap
    assert runs.read_with == ("--join", str(sizes))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("size\n1\n", "no column 'run'"),
        ("run,params\na,1e6\na,2e6\n", "more than one row for a"),
        ("run,params\nother,1e6\n", "names no run of the logs"),
    ],
)
def test_second_tables_that_cannot_be_used(logs: Path, tmp_path: Path, content: str, why: str) -> None:
    (tmp_path / "sizes.csv").write_text(content)
    with pytest.raises(TableError, match=why):
        sw.read(logs / "tensorboard", join=tmp_path / "sizes.csv")


def test_a_gap_says_which_option_fills_it(logs: Path) -> None:
    assert any("--join sizes.csv" in line for line in sw.read(logs / "wandb_chart").report.gaps)


def test_a_tidy_file_of_steps_is_one_run_named_after_it(tmp_path: Path) -> None:
    """As OLMo's ladder is published: the size stands in the file's name only."""
    for size in ("190M", "370M"):
        (tmp_path / f"{size}-5xC.csv").write_text("_step,throughput/total_tokens,val_loss\n1,100,5.0\n2,200,4.0\n")
    runs = sw.read(tmp_path, from_name="{params:size}-")
    assert dict(runs.ended.select("run", "params").rows()) == {"190M-5xC": 1.9e8, "370M-5xC": 3.7e8}


def test_a_bad_file_in_a_tree_does_not_spoil_the_others(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("run,params,loss\na,1e6,3\n")
    (tmp_path / "bad.csv").write_text("run,params,loss\nb,many,3\n")
    (tmp_path / "notes.docx").write_text("not a log")
    runs = sw.read(tmp_path)
    assert runs.table["run"].to_list() == ["a"]
    assert any("'many' is not a number" in line for line in runs.report.dropped)
    assert any("1 files of no known format: notes.docx" in line for line in runs.report.dropped)


def test_a_store_among_logs_is_refused(tmp_path: Path, logs: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "study.toml").write_text("")
    with pytest.raises(TableError, match="a store is read alone"):
        sw.read([tmp_path, logs / "tidy"])
    with pytest.raises(TableError, match="smol: is read alone"):
        sw.read(["smol", logs / "tidy"])


def test_one_name_in_two_files_is_two_runs(tmp_path: Path) -> None:
    for folder, params in (("x", "1e6"), ("y", "2e6")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "runs.csv").write_text(f"run,params,loss\na,{params},3\n")
    assert sw.read(tmp_path).table["run"].sort().to_list() == ["x/runs/a", "y/runs/a"]


@pytest.mark.parametrize(
    ("name", "text", "added"),
    [
        ("a.log", "step 1: train loss 1.0, val loss 2.5\n", "step 2: train loss 0.9, val lo"),
        ("a.csv", "run,params,step,loss\na,1e6,1,2.5\n", "a,1e6,2"),
        ("a.jsonl", '{"run":"a","params":1e6,"step":1,"loss":2.5}\n', '{"run":"a","params":1e6,"st'),
    ],
)
def test_a_line_being_written_is_left_for_later(tmp_path: Path, name: str, text: str, added: str) -> None:
    path = tmp_path / name
    path.write_text(text + added)
    runs = sw.read(path)
    assert runs.table["loss"].to_list() == [2.5]
    assert any("left for later" in line for line in runs.report.dropped)
    path.write_text(text)
    assert not sw.read(path).report.dropped


def test_a_saved_reading_is_replaced_and_damage_is_named(tmp_path: Path) -> None:
    table = pl.read_csv(io.StringIO("run,N,loss\na,1e6,3\n"))
    folder = tmp_path / "table"
    saved.save(sw.read(table), folder)
    saved.save(sw.read(table.with_columns(loss=pl.lit(2.0))), folder)
    assert sw.read(folder).table["loss"].to_list() == [2.0]
    assert any("is column 'N'" in line for line in sw.read(folder).reading)
    (folder / "reading.json").write_text("{}")
    with pytest.raises(TableError, match="not a reading report"):
        sw.read(folder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(TableError, match="holds other files"):
        saved.save(sw.read(table), tmp_path / "mine")
