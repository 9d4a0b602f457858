"""What is peculiar to one format: older layouts, resumed runs, names and values that mislead."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

import scalewise as sw


def test_old_lm_eval_files_have_no_filters(tmp_path: Path) -> None:
    """As Pythia's were published: no filter in a metric's name, the checkpoint in the model's arguments."""
    scores = {"arc_easy": {"acc": 0.5, "acc_stderr": 0.01, "acc_norm": 0.4, "acc_norm_stderr": "N/A"}}
    config = {"model": "hf-causal", "model_args": "pretrained=EleutherAI/pythia-70m,revision=step13000", "limit": None}
    document = {"results": scores, "versions": {"arc_easy": 0}, "config": config}
    (tmp_path / "70m_step13000.json").write_text(json.dumps(document))
    row = sw.read(tmp_path).table.row(0, named=True)
    assert row["run"] == "EleutherAI/pythia-70m@step13000"
    assert (row["step"], row["arc_easy/acc"], row["arc_easy/acc_se"]) == (13000, 0.5, 0.01)
    assert "arc_easy/acc_norm_se" not in row


def test_tasks_of_one_model_in_several_files_are_one_row(tmp_path: Path) -> None:
    for task, score in (("a", 0.25), ("b", 0.75)):
        scores = {task: {"alias": task, "sample_len": 4, "acc,none": score, "acc_stderr,none": 0.1}}
        document = {"results": scores, "config": {"model_num_parameters": 1000}, "model_name": "m"}
        (tmp_path / f"results_{task}.json").write_text(json.dumps(document))
    row = sw.read(tmp_path).table.row(0, named=True)
    assert (row["run"], row["params"], row["a/acc"], row["b/acc"]) == ("m", 1000, 0.25, 0.75)


def test_several_event_files_of_a_folder_are_one_resumed_run(logs: Path, tmp_path: Path) -> None:
    """Steps that were logged again count once."""
    first = next((logs / "tensorboard" / "w16_d1").iterdir())
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(first, run / first.name)
    again = next((logs / "tensorboard" / "w24_d1").iterdir())
    shutil.copy(again, run / f"{again.name}.1")
    runs = sw.read(run)
    assert len(runs) == 4
    assert runs.table["loss"].to_list() == sw.read(again.parent).table["loss"].to_list()
    assert any("the last value counts" in line for line in runs.report.thinned)


def test_a_flipped_byte_in_an_event_file_is_noticed(logs: Path, tmp_path: Path) -> None:
    file = next((logs / "tensorboard" / "w16_d1").iterdir())
    content = bytearray(file.read_bytes())
    content[-10] ^= 1
    (tmp_path / file.name).write_bytes(content)
    runs = sw.read(tmp_path / file.name)
    assert any("damaged after" in line for line in runs.report.dropped)


def test_deleted_and_diverged_runs_of_mlflow(logs: Path, tmp_path: Path) -> None:
    shutil.copy(logs / "mlflow" / "mlflow.db", tmp_path)
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("update runs set lifecycle_stage = 'deleted' where name = 'w16_d1'")
        database.execute("update runs set status = 'FAILED' where name = 'w24_d1'")
        lost = "(select run_uuid from runs where name = 'w24_d1')"
        database.execute(f"update metrics set is_nan = 1 where step = 40 and key = 'val_loss' and run_uuid = {lost}")
    database.close()
    runs = sw.read(tmp_path)
    assert runs.table["run"].unique().sort().to_list() == ["w24_d1", "w32_d2"]
    assert runs.failed["run"].unique().to_list() == ["w24_d1"]
    assert any("1 deleted runs" in line for line in runs.report.dropped)


def test_an_older_trainer_state_gives_tokens_by_its_totals(tmp_path: Path) -> None:
    history = [{"step": s, "epoch": 1.0, "loss": 3.0, "learning_rate": 1e-3} for s in (10, 20)]
    history += [{"step": 20, "epoch": 1.0, "eval_loss": 2.5}]
    state = {"global_step": 20, "num_input_tokens_seen": 2000, "total_flos": 6 * 2000 * 50.0, "log_history": history}
    (tmp_path / "trainer_state.json").write_text(json.dumps(state))
    runs = sw.read(tmp_path / "trainer_state.json")
    assert runs.table["tokens"].to_list() == [1000, 2000]
    assert set(runs.table["params_no_embed"]) == {50.0}
    assert runs.table["loss"].to_list() == [None, 2.5]
    assert runs.table["train_loss"].to_list() == [3.0, 3.0]


def test_a_run_of_wandb_may_have_the_separator_in_its_name(tmp_path: Path) -> None:
    columns = ["Step", *(f"big - lr 1e-3 - eval/loss{end}" for end in ("", "__MIN", "__MAX"))]
    text = ",".join(f'"{c}"' for c in columns) + '\n"1","3.0","3.0","3.0"\n"2","","",""\n'
    (tmp_path / "chart.csv").write_text(text)
    runs = sw.read(tmp_path / "chart.csv")
    assert runs.table.select("run", "step", "loss").rows() == [("big - lr 1e-3", 1.0, 3.0)]
    assert any("sample of the points" in line for line in runs.report.thinned)


def test_a_training_loss_is_not_taken_for_a_held_out_one(tmp_path: Path) -> None:
    for name, columns in (("both", "loss,val_loss"), ("one", "loss")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "hparams.yaml").write_text("lr: 0.1\n")
        (folder / "metrics.csv").write_text(f"epoch,step,{columns}\n0,1,{'1.0,2.0' if name == 'both' else '1.0'}\n")
    both, one = sw.read(tmp_path / "both"), sw.read(tmp_path / "one")
    assert both.table.select("loss", "train_loss").rows() == [(2.0, 1.0)]
    assert one.table["loss"].to_list() == [1.0]
    assert any("may be the training loss" in line for line in one.report.inferred)


@pytest.mark.parametrize("note", ["DomainBed", "per cent"])
def test_conversions_are_reported(logs: Path, note: str) -> None:
    report = sw.read([logs / "domainbed", logs / "model_card"]).report
    assert any(note in line for line in (*report.inferred, *report.converted))


def test_an_optuna_journal_may_hold_whole_trials_and_deleted_studies(tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna")
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))
    optuna.create_study(storage=storage, study_name="gone").ask()
    study = optuna.create_study(storage=storage, study_name="kept")
    choices = optuna.distributions.CategoricalDistribution(["adamw", "muon"])
    whole = optuna.trial.create_trial(
        value=2.5,
        params={"optimizer": "muon"},
        distributions={"optimizer": choices},
        intermediate_values={1: 3.0, 2: 2.5},
    )
    study.add_trial(whole)
    study.enqueue_trial({"optimizer": "adamw"})
    optuna.delete_study(storage=storage, study_name="gone")
    runs = sw.read(tmp_path / "journal.log")
    shown = runs.table.select("run", "step", "loss", "optimizer", "state").rows()
    assert shown == [
        ("kept, trial 0", 1, 3.0, "muon", "finished"),
        ("kept, trial 0", 2, 2.5, "muon", "finished"),
        ("kept, trial 1", None, None, None, "waiting"),
    ]
    assert any("deleted studies" in line for line in runs.report.dropped)
