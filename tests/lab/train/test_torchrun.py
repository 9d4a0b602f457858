"""A model sharded over the two processes that torchrun begins trains to the losses of one that is not, also after it
was stopped."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from tests.lab.train.test_nothing_lost import folder  # noqa: E402, F401

from scalewise.errors import StudyError  # noqa: E402
from scalewise.lab.places import check_place  # noqa: E402
from scalewise.lab.study import load_study  # noqa: E402
from scalewise.lab.suite import train_study  # noqa: E402
from scalewise.runs.store import Store  # noqa: E402

pytestmark = pytest.mark.train
STUDY = """
name = "sharded"
flops = [1e9]
sizes = [{ width = 32, depth = 2 }]
[data]
corpus = "text"
held_out_windows = 33
[training]
precision = "fp32"
[batch]
tokens = 256
exponent = 0
[tuning]
seeds = [0]
"""
PROCESSES = ("-m", "torch.distributed.run", "--nproc-per-node", "2")


def train(folder: Path, *options: str, by: tuple[str, ...] = ()) -> "subprocess.Popen[str]":  # noqa: F811
    command = [sys.executable, *by, "-m", "scalewise", "train", "sharded.toml", *options]
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    _, said = process.communicate()
    return process.returncode, said


@pytest.mark.slow
def test_a_sharded_model_has_the_losses_of_a_whole_one(folder: Path) -> None:  # noqa: F811
    (folder / "sharded.toml").write_text(STUDY)
    whole = train(folder, "--into", "whole", "--workers", "1")
    options = ("--into", "sharded", "--on", "torchrun")
    stopped = train(folder, *options, by=PROCESSES)
    while not list((folder / "sharded").glob("runs/*/metrics.jsonl")):
        assert stopped.poll() is None, ended(stopped)
        time.sleep(0.01)
    stopped.send_signal(signal.SIGINT)
    status, said = ended(stopped)
    assert status != 0
    assert "interrupted; a study or a probe goes on from here" in said
    assert list((folder / "sharded").glob("trunks/*.pt"))
    shutil.copytree(folder / "sharded", folder / "unsharded")
    train_study(folder / "sharded.toml", folder / "unsharded", workers=1)  # a checkpoint is that of a whole model
    status, said = ended(train(folder, *options, by=PROCESSES))
    assert status == 0, said
    status, said = ended(whole)
    assert status == 0, said
    expected = Store(folder / "whole")
    for found, run in ((Store(folder / place), run) for place in ("sharded", "unsharded") for run in expected.runs()):
        ours, theirs = found.run(run.path.name).metrics(), run.metrics()
        assert len(ours) == len(theirs)
        if run.config()["lr"] > 0.02:  # losses jump at such a rate, and so do differences of rounding
            continue
        assert [row["train_loss"] for row in ours] == pytest.approx([row["train_loss"] for row in theirs], rel=1e-4)
        assert ours[-1]["loss"] == pytest.approx(theirs[-1]["loss"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the process in Linux's /proc")
def test_a_killed_process_is_said(folder: Path) -> None:  # noqa: F811
    (folder / "sharded.toml").write_text(STUDY)
    process = train(folder, "--into", "killed", "--on", "torchrun", by=PROCESSES)
    while not list((folder / "killed").glob("runs/*/metrics.jsonl")):
        assert process.poll() is None, ended(process)
        time.sleep(0.01)
    os.kill(helper_of(process), signal.SIGKILL)
    status, said = ended(process)
    assert status != 0
    assert "scalewise: --on torchrun: another process was killed; the same command goes on." in said.splitlines()


def helper_of(torchrun: "subprocess.Popen[str]") -> int:
    """The number of its second process."""
    begun = Path(f"/proc/{torchrun.pid}/task/{torchrun.pid}/children").read_text().split()
    return next(int(pid) for pid in begun if b"\0RANK=1\0" in Path(f"/proc/{pid}/environ").read_bytes())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("", "torchrun has not begun this; give the command as `torchrun --nproc-per-node N -m scalewise train"),
        ("optimizer = 'muon'", "--on torchrun: optimizer muon is not sharded, only adamw is."),
        ("architecture = 'lstm'", "--on torchrun: architecture lstm is not sharded, only llama is."),
        ("init = 'data-dependent'", "--on torchrun: init data-dependent is not sharded; give fan-in or gpt2."),
    ],
)
def test_what_cannot_be_sharded_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, said: str
) -> None:
    (tmp_path / "study.toml").write_text(STUDY.replace("[training]", f"[training]\n{change}"))
    if change:
        monkeypatch.setenv("RANK", "0")
    else:
        monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(StudyError) as raised:
        check_place("torchrun", "cpu", load_study(tmp_path / "study.toml"))
    assert said in str(raised.value)
