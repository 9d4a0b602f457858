"""Nothing lost: `scalewise train` killed at any moment, or without room to write, goes on to the same numbers."""

import os
import random
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from scalewise.lab.checkpoint import position  # noqa: E402
from scalewise.lab.compute import Compute  # noqa: E402
from scalewise.lab.data.kept import kept  # noqa: E402
from scalewise.lab.engine import Engine  # noqa: E402
from scalewise.lab.plan import cells_of  # noqa: E402
from scalewise.lab.study import load_study  # noqa: E402
from scalewise.runs.store import Store  # noqa: E402

pytestmark = pytest.mark.train
KILLS = 50
CHAINS = 2
"""Studies killed side by side by processes of `kills.py`, one worker each."""
STUDY = """
name = "tiny"
flops = [5e8, 1e9]
sizes = [{ width = 12, depth = 1 }, { width = 16, depth = 1 }]
[data]
corpus = "text"
held_out_windows = 32
[tuning]
seeds = [0, 1]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of generated text; the probe is asked once for all of the module."""
    folder = tmp_path_factory.mktemp("lost")
    words = [bytes(random.Random(word).choices(b"abcdefghij", k=5)) for word in range(500)]
    (folder / "text").write_bytes(b" ".join(random.Random(0).choices(words, k=40_000)))
    (folder / "study.toml").write_text(STUDY)
    return folder


@pytest.fixture(scope="module")
def alone(folder: Path) -> Store:
    """The study left alone."""
    assert ended(start(folder, "alone")) == (0, "")
    return Store(folder / "alone")


def start(folder: Path, into: str, **options: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "scalewise", "train", "study.toml", "--into", into, "--workers", "1"]
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True, **options
    )


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Exit status, and what was said about it: the last line where there is one."""
    _, said = process.communicate()
    assert "Traceback" not in said
    return process.returncode, said.splitlines()[-1] if process.returncode > 0 else ""


def numbers(store: Store) -> dict[str, Any]:
    """All that a study has found out, but for the time it took."""
    found: dict[str, Any] = {f"{c['params']} {c['flops_budget']}": c for c in store.tuning()}
    for run in store.runs():
        found[run.path.name] = [
            {k: v for k, v in row.items() if k not in ("seconds", "optimizer_seconds")} for row in run.metrics()
        ]
    return found


def start_kills(folder: Path, chain: int) -> "subprocess.Popen[str]":
    command = [sys.executable, str(Path(__file__).with_name("kills.py")), str(chain), str(KILLS // CHAINS)]
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_fifty_kills_change_no_number(folder: Path, alone: Store) -> None:
    for process in [start_kills(folder, chain) for chain in range(CHAINS)]:
        assert ended(process) == (0, "")
    for store in map(Store, folder.glob("killed-*")):
        assert numbers(store) == numbers(alone)
        assert all(run.state() == "finished" for run in store.runs())
        left = [
            p.name for p in store.path.rglob("*") if re.search(r"cooling@|\.new$", p.name) or p.parent.name == "trunks"
        ]
        assert left == []


def test_a_kill_repeats_at_most_a_twentieth_of_the_work(folder: Path, alone: Store) -> None:
    """Of all steps of a study of half a minute, those that no checkpoint holds yet, at the worst moment of a stack."""
    torch.set_num_threads(1)
    (folder / "longer.toml").write_text(STUDY.replace("[5e8, 1e9]", "[5e9, 1e10]"))
    corpus = kept(alone.path)
    recipes = [recipe for cells in cells_of(load_study(folder / "longer.toml"), corpus) for recipe in cells.recipes]
    stack = [r for r in recipes if (r.shape.width, r.flops_budget, r.seed) == (16, 5e9, 0)]
    store, unsaved = Store(folder / "watched"), [0]
    Engine(stack, corpus, store, Compute()).train(
        lambda step: unsaved.append(step - position(store, stack[0])), lambda: len(unsaved) > 500
    )
    assert len(stack) == 5
    assert 0 < max(unsaved) * len(stack) < 0.05 * sum(recipe.steps for recipe in recipes)


def test_no_size_is_left_behind(alone: Store) -> None:
    """All come to the end together, so that the last of them does not leave workers with nothing to do."""
    budgets = [cell["flops_budget"] for cell in alone.tuning()]
    assert budgets == sorted(budgets)


def test_a_folder_begun_with_other_code_is_refused(folder: Path, alone: Store) -> None:
    record = alone.path / "environment.json"
    before = record.read_text()
    record.write_text(re.sub(r'"code": "\w+"', '"code": "0ld0ld00"', before))
    status, said = ended(start(folder, "alone"))
    record.write_text(before)
    assert status == 2
    assert re.fullmatch(r"scalewise: alone was begun with other training code .*", said)


def test_a_study_goes_on_with_the_text_it_was_begun_on(folder: Path, alone: Store) -> None:
    before = (folder / "text").read_bytes()
    (folder / "text").write_bytes(b"short now")
    status, said = ended(start(folder, "alone"))
    (folder / "text").write_bytes(before)
    assert status == 0, said


@pytest.mark.slow
def test_two_processes_do_not_train_into_one_folder(folder: Path, alone: Store) -> None:
    (first, _), (second, said) = sorted(map(ended, [start(folder, "shared") for _ in range(2)]))
    assert (first, second) == (0, 2)
    assert said == "scalewise: shared: another process is training into this folder; wait for it."
    assert numbers(Store(folder / "shared")) == numbers(alone)


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 8 MiB, of which the study needs less than half."""
    (folder / "small").mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder / "small")], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield folder / "small"
    subprocess.run(["umount", str(folder / "small")], check=True)


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_loses_nothing(folder: Path, alone: Store, small_disk: Path) -> None:
    """Filled up while the study is being trained; then there is room again."""
    process = start(folder, "small/study")
    while not list(small_disk.rglob("metrics.jsonl")):
        time.sleep(0.01)
    with (small_disk / "ballast").open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4096))
        except OSError:
            pass
    status, said = ended(process)
    assert status == 2
    assert re.fullmatch(r"scalewise: small/study/.*: the disk is full \(No space left on device\); .*", said)
    (small_disk / "ballast").unlink()
    assert ended(start(folder, "small/study")) == (0, "")
    assert numbers(Store(small_disk / "study")) == numbers(alone)


def test_a_file_that_may_not_grow_is_a_full_disk(folder: Path) -> None:
    """Where nobody may mount a disk: a limit on the size of files ends the study as a full disk does."""
    limit = (100_000, resource.RLIM_INFINITY)
    status, said = ended(start(folder, "limited", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)))
    assert status == 2
    assert re.fullmatch(r"scalewise: limited/.*: the disk is full \(File too large\); .*", said)
    assert ended(start(folder, "limited")) == (0, "")
