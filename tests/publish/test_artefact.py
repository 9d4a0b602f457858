"""The published folder: from a study that was really trained to a model, a card and records that check out."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")
pytest.importorskip("safetensors", reason="needs the export extra: pip install 'scalewise[export]'")

from tests.in_process import scalewise  # noqa: E402

from scalewise.errors import StudyError  # noqa: E402
from scalewise.lab.checkpoint import Checkpoint  # noqa: E402
from scalewise.lab.data.corpus import load_corpus  # noqa: E402
from scalewise.lab.data.windows import held_out_windows  # noqa: E402
from scalewise.lab.objects import Folder  # noqa: E402
from scalewise.lab.suite import train_study  # noqa: E402
from scalewise.lab.weights import has_weights, load_weights  # noqa: E402
from scalewise.publish import publish  # noqa: E402
from scalewise.runs.store import Store  # noqa: E402

pytestmark = pytest.mark.train
STUDY = """
name = "tiny"
flops = [2e8]
sizes = [{ width = 12, depth = 1 }, { width = 16, depth = 1 }]
[data]
held_out_windows = 32
[tuning]
seeds = [0, 1]
[[questions]]
ask = "audit"
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("published")
    (folder / "study.toml").write_text(STUDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        return train_study(folder / "study.toml", folder / "store", workers=1)


@pytest.fixture(scope="module")
def model(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("to") / "model"
    publish(store.path, folder, name="tiny model: 1", license_id="apache-2.0")
    return folder


def test_weights_of_tuned_runs_are_kept(store: Store) -> None:
    kept = {run.path.name for run in store.runs() if has_weights(run)}
    assert kept == {name for cell in store.tuning() for name in cell["runs"]}
    assert len(kept) == 4 < len(store.runs())


def test_kept_weights_have_the_loss_that_was_recorded(store: Store) -> None:
    corpus = load_corpus("stdlib")
    for name in store.tuning()[0]["runs"]:
        model = load_weights(store.run(name))
        windows = torch.from_numpy(held_out_windows(corpus, model.shape.context, 32)).long()
        loss = torch.nn.functional.cross_entropy(model.logits(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())
        assert float(loss) == pytest.approx(store.run(name).metrics()[-1]["loss"], abs=0.01)


def test_a_study_stands_for_its_best_run(store: Store, model: Path) -> None:
    kept = [run for run in store.runs() if has_weights(run)]
    best = min(kept, key=lambda run: run.metrics()[-1]["loss"])
    assert (model / "metrics.jsonl").read_text() == best.metrics_path.read_text()
    assert f"{best.metrics()[-1]['loss']:.4f}" in (model / "README.md").read_text()


def test_the_card_carries_the_results_as_metadata(model: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    _, front, text = (model / "README.md").read_text().split("---\n", 2)
    metadata = yaml.safe_load(front)
    assert metadata["license"] == "apache-2.0"
    assert metadata["model-index"][0]["name"] == "tiny model: 1"
    loss, bits = metadata["model-index"][0]["results"][0]["metrics"]
    assert bits["value"] == pytest.approx(loss["value"] / 0.693147, abs=1e-3)
    assert "best of" in text
    assert "same recipe, other seeds" in text


def test_checksums_cover_every_file(model: Path) -> None:
    lines = [line.split("  ") for line in (model / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in lines} == {path.name for path in model.iterdir()} - {"SHA256SUMS"}
    for digest, name in lines:
        assert hashlib.sha256((model / name).read_bytes()).hexdigest() == digest


def test_records_are_whole_and_name_no_folder_of_this_machine(store: Store, model: Path) -> None:
    assert pl.read_parquet(model / "runs.parquet").height == len(store.runs())
    for path in model.iterdir():
        assert str(store.path).encode() not in path.read_bytes(), path.name
    assert "scalewise ask audit runs.csv" in (model / "report.html").read_text()


def test_the_demo_is_short_and_runs(model: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed, so the demo cannot run")
    assert len((model / "demo.py").read_text().splitlines()) <= 20
    command = [sys.executable, str(model / "demo.py"), "def read("]
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=120)
    assert done.stdout.startswith("def read(")
    assert len(done.stdout.encode()) >= 100


def test_a_study_whose_questions_cannot_be_asked_has_a_card_that_says_so(store: Store, tmp_path: Path) -> None:
    from scalewise.publish.card import model_card

    run = next(run for run in store.runs() if not has_weights(run))
    shape = load_weights(store.run(store.tuning()[0]["runs"][0])).shape
    card = model_card(
        "m", "tiny", run, shape, {"corpus": "c", "sha256": "0" * 64}, license_id=None, without_report="Too few sizes."
    )
    assert "There is no report. Too few sizes." in card
    assert "No licence has been chosen" in card
    assert "not the best of them" in card
    assert "report.html" not in card


def test_a_folder_that_is_there_is_never_written_over(store: Store, model: Path) -> None:
    before = sorted(model.iterdir())
    with pytest.raises(StudyError, match="is there already"):
        publish(store.path, model)
    assert sorted(model.iterdir()) == before


def test_export_to_a_folder_publishes(store: Store, model: Path, tmp_path: Path) -> None:
    done = scalewise("export", str(store.path), "--to", str(tmp_path / "model"))
    assert done.returncode == 0, done.stderr
    weights = "model.safetensors"
    assert (tmp_path / "model" / weights).read_bytes() == (model / weights).read_bytes()


@pytest.mark.parametrize("run", ["absent", "runs"])
def test_what_is_no_run_is_refused(store: Store, tmp_path: Path, run: str) -> None:
    with pytest.raises(StudyError, match="neither the folder of a run"):
        publish(store.path / run, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_weights_is_refused(store: Store, tmp_path: Path) -> None:
    run = next(run for run in store.runs() if not has_weights(run))
    assert Checkpoint(Folder(run.path), "weights").step() == 0
    with pytest.raises(StudyError, match="the weights of this run were not kept"):
        publish(run.path, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_reads_no_bytes_is_refused(store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.path, tmp_path / "store")
    record = tmp_path / "store" / "corpus" / "kept.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"text_bytes": 1}))
    with pytest.raises(StudyError, match="neither the bytes of a text"):
        publish(tmp_path / "store", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_probes_know_what_a_run_has_read_and_ask_it_from_the_command_line(store: Store) -> None:
    from scalewise.lab.reading import reading_of

    run = store.run(store.tuning()[0]["runs"][0])
    reading = reading_of(run)
    assert reading.recipe.tokens == run.metrics()[-1]["tokens"]
    assert set(reading.read) & set(reading.unread) == set()
    for probe in (["memorising", "--count", "20", "--permutations", "99"], ["verbatim", "--count", "20"]):
        command = [sys.executable, "-m", "scalewise", "probe", probe[0], str(run.path), *probe[1:], "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode in (0, 3), done.stderr
        assert json.loads(done.stdout)["question"] == probe[0]


def test_training_again_with_everything_kept_gives_the_same_weights(store: Store) -> None:
    from scalewise.lab.reading import reading_of
    from scalewise.probes.memorising.retrain import trained_without

    torch.set_num_threads(1)
    run = store.run(store.tuning()[0]["runs"][0])
    none, first = np.empty(0, np.int64), reading_of(run).read[:5]
    again, without = trained_without(reading_of(run), [none, first])
    assert torch.equal(again, load_weights(run).row)
    assert not torch.equal(without, again)
