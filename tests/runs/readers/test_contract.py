"""What every reader owes: the same small experiment out of its own tool's files, a report, and no surprise."""

import math
import shutil
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

import scalewise as sw
from scalewise.runs import saved
from scalewise.runs.readers import FORMATS, merge

CURVES = {
    "trainer": "Hugging Face Trainer",
    "wandb_chart": "W&B chart export",
    "wandb_history": "W&B history",
    "tensorboard": "TensorBoard",
    "tensorboard2": "TensorBoard",
    "nanogpt": "nanoGPT log",
    "nanochat": "nanochat log",
    "modded_nanogpt": "modded-nanogpt log",
    "megatron": "Megatron log",
    "mlflow": "MLflow database",
    "mlflow_files": "MLflow file store",
    "lightning": "Lightning CSVLogger",
    "trackio": "Trackio",
    "tidy": "tidy table",
}
"""Fixtures with a held-out loss at four steps, and the format each is of."""
SCORES = {
    "lm_eval": "lm-evaluation-harness results",
    "inspect": "Inspect log",
    "inspect_json": "Inspect log",
    "domainbed": "DomainBed",
    "model_card": "Hugging Face model card",
    "optuna": "Optuna",
    "optuna_journal": "Optuna journal",
}
ELSEWHERE = {"lm-evaluation-harness samples"}
"""Formats with a test of their own below."""
WITH_TOKENS = set(CURVES) - {"trainer", "wandb_chart", "modded_nanogpt"}
"""In the Trainer's logs tokens are its own count."""
WITH_PARAMS = {"nanochat", "megatron", "mlflow", "mlflow_files", "lightning", "trackio", "tidy"}
ALL = sorted(CURVES | SCORES)
NO_SIZES = {"w16_d1": 4848, "w24_d1": 9576, "w32_d2": 28544}
"""Parameters of GPT-2 of these widths and depths, embeddings included, as lm-eval counted them."""


def test_every_format_has_a_fixture() -> None:
    assert {kind.name for kind in FORMATS} == set((CURVES | SCORES).values()) | ELSEWHERE
    assert len({kind.name for kind in FORMATS}) == len(FORMATS)


@pytest.mark.parametrize("name", sorted(CURVES))
def test_the_curves_are_those_of_the_experiment(name: str, logs: Path, experiment: ModuleType) -> None:
    runs = sw.read(logs / name)
    table = runs.table.filter(pl.col("loss").is_not_null()).sort("run", "step")
    assert table["run"].unique().sort().to_list() == list(experiment.RUNS)
    later = 1 if name == "lightning" else 0  # Lightning counts the step before
    assert table["step"].to_list() == [s - later for _ in experiment.RUNS for s in experiment.STEPS]
    wanted = [experiment.held_out(run, step) for run in experiment.RUNS for step in experiment.STEPS]
    assert table["loss"].to_list() == pytest.approx(wanted, rel=2e-6)
    if name in WITH_TOKENS:
        seen = [step * experiment.TOKENS_A_STEP for _ in experiment.RUNS for step in experiment.STEPS]
        assert table["tokens"].to_list() == seen
    if name in WITH_PARAMS:
        assert table["params"].to_list() == [experiment.params(run) for run in experiment.RUNS for _ in range(4)]
    if "train_loss" in table.columns:
        trained = [experiment.training(run, step) for run in experiment.RUNS for step in experiment.STEPS]
        assert table["train_loss"].to_list() == pytest.approx(trained, rel=2e-6)


@pytest.mark.parametrize("name", sorted(set(SCORES) - {"optuna", "optuna_journal", "lm_eval"}))
def test_the_scores_are_those_of_the_experiment(name: str, logs: Path, experiment: ModuleType) -> None:
    ended = sw.read(logs / name).ended.sort("run")
    assert [run.rpartition("/")[2] for run in ended["run"]] == list(experiment.RUNS)
    assert ended["accuracy"].to_list() == pytest.approx([experiment.accuracy(run) for run in experiment.RUNS])


def test_a_trainer_is_read_with_the_size_of_its_model(logs: Path) -> None:
    """The parameters are counted in the header of the weights; total_flos gives those without embeddings."""
    table = sw.read(logs / "trainer").ended
    assert dict(table.select("run", "params").rows()) == NO_SIZES
    assert table["params_no_embed"].to_list() == pytest.approx(
        [size - 64 * width - 32 * width for size, width in zip(NO_SIZES.values(), (16, 24, 32), strict=True)], rel=0.3
    )
    assert table["flops"].to_list() == pytest.approx((6 * table["tokens"] * table["params_no_embed"]).to_list())


def test_lm_eval_gives_scores_sizes_and_items(logs: Path) -> None:
    runs = sw.read(logs / "lm_eval")
    assert dict(runs.table.select("run", "params").rows()) == {f"models/{k}": v for k, v in NO_SIZES.items()}
    assert set(runs.table["items/items"]) == {20}  # the task is called items
    assert any("rows by item" in line for line in runs.report.dropped)
    items = sw.read(str(logs / "lm_eval" / "*" / "samples_*.jsonl"))
    by_item = items.table.group_by("run").agg(pl.col("accuracy").mean(), pl.len()).sort("run")
    assert by_item["len"].to_list() == [20, 20, 20]
    assert by_item["accuracy"].to_list() == runs.table.sort("run")["items/acc"].to_list()


@pytest.mark.parametrize("name", ["optuna", "optuna_journal"])
def test_an_optuna_study_says_what_was_tried(name: str, logs: Path) -> None:
    runs = sw.read(logs / name)
    assert len(runs.ended) == 12
    assert set(runs.table["optimizer"]) <= {"adamw", "muon"}
    assert runs.table["lr"].is_between(1e-4, 1e-2).all()
    assert runs.failed["run"].unique(maintain_order=True).to_list() == [f"{run}, trial 3" for run in NO_SIZES]


@pytest.mark.parametrize("name", ["optuna", "optuna_journal"])
def test_what_optuna_trials_reported_on_their_way_is_a_curve(name: str, logs: Path, experiment: ModuleType) -> None:
    """Each reported the held-out loss at four steps plus its rate, and ended with the last of them."""
    table = sw.read(logs / name).table
    assert len(table) == 12 * len(experiment.STEPS)
    for run, trial in table.group_by("run"):
        wanted = [experiment.held_out(str(run[0]).partition(",")[0], step) for step in experiment.STEPS]
        assert trial["step"].to_list() == list(experiment.STEPS)
        assert (trial["loss"] - trial["lr"]).to_list() == pytest.approx(wanted)


@pytest.mark.parametrize("name", ALL)
def test_the_report_names_files_and_survives_the_disk(name: str, logs: Path, tmp_path: Path) -> None:
    runs = sw.read(logs / name)
    assert set(runs.report.files.values()) == {(CURVES | SCORES)[name]}
    assert all(Path(path).exists() for path in runs.report.files)
    saved.save(runs, tmp_path / "table")
    again = sw.read(tmp_path / "table")
    assert again.table.equals(runs.table)
    assert set(runs.reading) <= set(again.reading)
    assert sw.read(logs / name).table.equals(runs.table)


@pytest.mark.parametrize("name", ALL)
def test_a_file_is_of_one_format(name: str, logs: Path) -> None:
    """The first format that recognises a file is the right one, wherever it stands in the list."""
    for file in (logs / name).rglob("*"):
        if file.is_file():
            head = file.read_bytes()[:4096]
            kinds = {kind.name for kind in FORMATS if not kind.tidy and kind.unit(file, head) is not None}
            assert len(kinds) <= 1, (file, kinds)


def rows_or_sentence(folder: Path) -> int | str:
    try:
        return len(sw.read(folder))
    except sw.ScalewiseError as error:
        return str(error)


@pytest.mark.parametrize("name", ALL)
def test_a_file_cut_short_gives_fewer_rows_or_one_sentence(name: str, logs: Path, tmp_path: Path) -> None:
    """A file that is still being written, or was only half copied."""
    folder = tmp_path / name
    shutil.copytree(logs / name, folder)
    whole = len(sw.read(folder))
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = file.read_bytes()
        for share in (0.999, 0.6, 0.1):
            file.write_bytes(content[: int(len(content) * share)])
            outcome = rows_or_sentence(folder)
            assert (0 < outcome <= whole) if isinstance(outcome, int) else "\n" not in outcome
        file.write_bytes(content)


def test_a_mixed_tree_is_one_table(logs: Path, experiment: ModuleType) -> None:
    """Trackers side by side: every format in one reading, sizes from the runs' names, each run a run of its own."""
    runs = sw.read(
        [logs / "tensorboard", logs / "wandb_history", logs / "modded_nanogpt"],
        from_name="w{width:int}_d{depth:int}",
    )
    assert len(set(runs.report.files.values())) == 3
    assert runs.table["run"].n_unique() == 9
    assert len(runs) == 36
    assert math.isclose(runs.table["loss"].min(), experiment.held_out("w32_d2", 40), rel_tol=1e-6)  # type: ignore[arg-type]
    assert set(runs.table["width"]) == {16.0, 24.0, 32.0}


def test_a_large_tree_shows_how_far_it_is_read_on_a_terminal_only(
    logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(merge, "MANY", 3)
    runs = sw.read(logs / "tensorboard", progress=True)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    assert sw.read(logs / "tensorboard", progress=True).table.equals(runs.table)
    shown = capsys.readouterr()
    assert "looking for logs" in shown.err
    assert "reading" in shown.err
    assert "100%" in shown.err
    assert shown.out == ""
