"""The engine: counts, determinism, resuming, divergence, and a whole suite killed and continued."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from scalewise.lab.data.corpus import Corpus, load_corpus  # noqa: E402
from scalewise.lab.engine import Trainer  # noqa: E402
from scalewise.lab.models.llama import Llama  # noqa: E402
from scalewise.lab.recipe import Recipe  # noqa: E402
from scalewise.lab.study import Size, load_study  # noqa: E402
from scalewise.runs.store import RunFolder, Store  # noqa: E402

pytestmark = pytest.mark.train
STUDY = """
name = "tiny"
flops = [4e8, 8e8]
sizes = [{ width = 12, depth = 1 }, { width = 16, depth = 1 }]
[data]
held_out_windows = 32
[tuning]
seeds = [0, 1]
"""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus("stdlib")


def recipe_for(corpus: Corpus, tmp_path: Path, lr: int = -6, budget: float = 1e9, width: int = 16) -> Recipe:
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return load_study(path).recipe(Size(width=width, depth=2), budget, lr, 0, corpus)


@pytest.mark.parametrize(("width", "depth"), [(12, 1), (48, 3), (128, 5)])
def test_params_are_counted_as_the_model_has_them(width: int, depth: int) -> None:
    shape = Size(width=width, depth=depth).shape(context=128)
    model = Llama(shape)
    assert shape.params == sum(p.numel() for p in model.parameters())
    outside = model.embedding.weight.numel() + model.last_layer.weight.numel()
    assert shape.params_no_embed == shape.params - outside


def test_flops_are_counted_as_pytorch_counts_them() -> None:
    """PyTorch's own counter over forward and backward, all matrices and attention; 6 and 12 are its factors too."""
    from torch.utils.flop_counter import FlopCounterMode

    shape = Size(width=64, depth=3).shape(context=128)
    model = Llama(shape)
    tokens = torch.zeros(2, 128, dtype=torch.long)
    plain_attention = torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)
    with FlopCounterMode(display=False) as counter, plain_attention:
        model(tokens).sum().backward()
    assert counter.get_total_flops() == pytest.approx(shape.flops_per_token * 256, rel=0.01)


def test_attention_is_causal_and_positions_matter() -> None:
    model = Llama(Size(width=32, depth=2).shape(context=16))
    model.initialise(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    tokens = torch.randint(0, 256, (1, 16))
    changed = tokens.clone()
    changed[0, 10] = (changed[0, 10] + 1) % 256
    before, after = model(tokens), model(changed)
    assert torch.equal(before[0, :10], after[0, :10])
    assert not torch.allclose(before[0, 10:], after[0, 10:])
    swapped = tokens.clone()
    swapped[0, [2, 5]] = swapped[0, [5, 2]]
    assert not torch.allclose(model(swapped)[0, -1], before[0, -1], atol=1e-6)


def test_initial_loss_is_that_of_guessing(corpus: Corpus, tmp_path: Path) -> None:
    trainer = Trainer(recipe_for(corpus, tmp_path), corpus, RunFolder(tmp_path / "run"))
    assert trainer.evaluate() == pytest.approx(np.log(256), abs=1e-5)


def test_training_learns_and_writes_its_numbers(corpus: Corpus, tmp_path: Path) -> None:
    recipe = recipe_for(corpus, tmp_path)
    folder = RunFolder(tmp_path / "run")
    torch.manual_seed(123)
    assert Trainer(recipe, corpus, folder).train() == "finished"
    rows = folder.metrics()
    assert rows[-1]["loss"] < 3.5
    assert rows[-1]["tokens"] == recipe.tokens
    assert rows[-1]["flops"] == pytest.approx(1e9, rel=0.01)
    assert len(rows) >= 30
    assert not folder.checkpoint_path.exists()


def test_an_interrupted_run_ends_with_the_same_numbers(corpus: Corpus, tmp_path: Path) -> None:
    recipe = recipe_for(corpus, tmp_path)
    whole = RunFolder(tmp_path / "whole")
    Trainer(recipe, corpus, whole).train()
    cut = RunFolder(tmp_path / "cut")
    for stop_at in (7, recipe.steps // 2):
        steps: list[int] = []
        trainer = Trainer(recipe, corpus, cut)
        assert trainer.train(steps.append, lambda: bool(steps) and steps[-1] >= stop_at) == "running"  # noqa: B023
        torch.manual_seed(stop_at)
    assert Trainer(recipe, corpus, cut).train() == "finished"
    timeless = [[{k: v for k, v in row.items() if k != "seconds"} for row in f.metrics()] for f in (whole, cut)]
    assert timeless[0] == timeless[1]


def test_a_run_that_blows_up_is_recorded_as_diverged(corpus: Corpus, tmp_path: Path) -> None:
    recipe = recipe_for(corpus, tmp_path, lr=120)
    folder = RunFolder(tmp_path / "run")
    assert Trainer(recipe, corpus, folder).train() == "diverged"
    assert folder.state() == "diverged"
    assert np.isnan(folder.metrics()[-1]["loss"])


def numbers(directory: Path) -> dict[str, float]:
    return {folder.path.name: folder.metrics()[-1]["loss"] for folder in Store(directory).runs()}


def start(study: Path, directory: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "scalewise", "train", str(study), "--into", str(directory), "--workers", "2"]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)


@pytest.mark.slow
def test_a_killed_suite_goes_on_to_the_same_numbers(tmp_path: Path) -> None:
    """Its parent process alone is killed, later all of it is interrupted; then it ends as if it had been left alone."""
    import os

    study = tmp_path / "study.toml"
    study.write_text(STUDY)
    alone, cut = tmp_path / "alone", tmp_path / "cut"
    assert start(study, alone).wait() == 0
    process = start(study, cut)
    time.sleep(9)
    process.kill()  # the workers are left without a parent, and must not train on beside the next start's
    process.wait()
    process = start(study, cut)
    time.sleep(8)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait() in (0, 130)
    assert start(study, cut).wait() == 0
    assert numbers(cut) == numbers(alone)
    assert all(folder.state() == "finished" for folder in Store(cut).runs())
    cells = Store(cut).tuning()
    assert len(cells) == 4
    assert all(cell["bracketed"] or len(cell["losses"]) > 3 for cell in cells)
    summary = Store(cut).summary()
    assert summary.height == len(numbers(cut))
    for cell in cells:
        at_best = summary.filter((summary["params"] == cell["params"]) & (summary["lr"] == cell["lr"]))
        assert at_best.filter(at_best["flops_budget"] == cell["flops_budget"])["seed"].n_unique() == 2
    corpus_record = json.loads((cut / "corpus.json").read_text())
    assert corpus_record["sha256"] == summary["data_sha256"][0]


def test_a_folder_of_another_study_is_refused(tmp_path: Path) -> None:
    from scalewise.errors import StudyError
    from scalewise.lab.suite import train_study

    (tmp_path / "first.toml").write_text(STUDY)
    (tmp_path / "into" / "runs").mkdir(parents=True)
    (tmp_path / "into" / "study.toml").write_text(STUDY + "\n# changed\n")
    with pytest.raises(StudyError, match="holds another study"):
        train_study(tmp_path / "first.toml", tmp_path / "into", workers=1)


def test_a_folder_is_trained_into_by_one_process(tmp_path: Path) -> None:
    import fcntl

    from scalewise.errors import StudyError
    from scalewise.lab.suite import train_study

    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "into").mkdir()
    with (tmp_path / "into" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StudyError, match="another process is training"):
            train_study(tmp_path / "study.toml", tmp_path / "into", workers=1)


def test_a_missing_gpu_is_found_at_the_door(tmp_path: Path) -> None:
    from scalewise.errors import StudyError
    from scalewise.lab.suite import train_study

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    (tmp_path / "study.toml").write_text(STUDY)
    with pytest.raises(StudyError, match="finds no GPU"):
        train_study(tmp_path / "study.toml", tmp_path / "into", workers=1, device="cuda")
    assert not (tmp_path / "into").exists()
