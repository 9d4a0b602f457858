"""The engine: resuming, divergence, trunks and branches, and a whole suite killed and continued."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from scalewise.lab.checkpoint import position, trunk_checkpoint  # noqa: E402
from scalewise.lab.compute import Compute  # noqa: E402
from scalewise.lab.data.corpus import Corpus, load_corpus  # noqa: E402
from scalewise.lab.declared import Size  # noqa: E402
from scalewise.lab.engine import Engine  # noqa: E402
from scalewise.lab.recipe import Recipe  # noqa: E402
from scalewise.lab.search import Choice  # noqa: E402
from scalewise.lab.study import load_study  # noqa: E402
from scalewise.lab.weights import has_weights  # noqa: E402
from scalewise.runs.store import Store  # noqa: E402

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
COMPUTE = Compute(precision="bf16")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus("stdlib")


def recipe_for(corpus: Corpus, tmp_path: Path, lr: int = -6, budget: float = 1e9) -> Recipe:
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    study = load_study(path)
    return study.recipe(study.all_arms[0], Size(width=16, depth=2), budget, Choice(lr), 0, corpus)


def rows_of(store: Store, recipe: Recipe) -> list[dict[str, float]]:
    """What was logged, but for the time it took."""
    return [
        {k: v for k, v in row.items() if k not in ("seconds", "optimizer_seconds")}
        for row in store.run(recipe.name).metrics()
    ]


def train_whole(recipes: list[Recipe], corpus: Corpus, folder: Path) -> Store:
    store = Store(folder)
    assert Engine(recipes, corpus, store, COMPUTE).train()
    return store


def test_training_learns_and_writes_its_numbers(corpus: Corpus, tmp_path: Path) -> None:
    recipe = recipe_for(corpus, tmp_path)
    torch.manual_seed(123)
    store = train_whole([recipe], corpus, tmp_path / "store")
    rows = store.run(recipe.name).metrics()
    assert store.run(recipe.name).state() == "finished"
    assert rows[-1]["loss"] < 3.5
    assert rows[-1]["tokens"] == recipe.tokens
    assert rows[-1]["flops"] == pytest.approx(1e9, rel=0.02)
    assert len(rows) >= 25
    assert 0 < rows[-1]["optimizer_seconds"] < rows[-1]["seconds"]
    assert rows[0]["optimizer_seconds"] < rows[-1]["optimizer_seconds"]
    assert [path.name for path in store.run(recipe.name).path.glob("*.pt")] == [f"weights@{recipe.steps}.pt"]


@pytest.mark.parametrize("schedule", ["wsd", "cosine"])
def test_interrupted_runs_end_with_the_same_numbers(corpus: Corpus, tmp_path: Path, schedule: str) -> None:
    """Stopped in warm-up, in the middle, at the branch, just after it; the stack is split after the first stop."""
    first = replace(recipe_for(corpus, tmp_path), schedule=schedule)
    recipes = [first, replace(first, lr=first.lr / 2), replace(first, seed=1)]
    whole = train_whole(recipes, corpus, tmp_path / "whole")
    cut = Store(tmp_path / "cut")
    branch = round(0.8 * first.steps)
    for stack, stops in ((recipes, (7,)), (recipes[:2], (first.steps // 2, branch, branch + 1)), (recipes[2:], ())):
        for stop_at in stops:
            steps: list[int] = []
            engine = Engine(stack, corpus, cut, COMPUTE)
            assert not engine.train(steps.append, lambda: bool(steps) and steps[-1] >= stop_at)  # noqa: B023
            assert position(cut, first) == stop_at
            torch.manual_seed(stop_at)
        if len(stack) < 3:
            assert Engine(stack, corpus, cut, COMPUTE).train()
    assert [rows_of(cut, r) for r in recipes] == [rows_of(whole, r) for r in recipes]


def test_a_branch_of_a_shared_trunk_is_the_run_alone(corpus: Corpus, tmp_path: Path) -> None:
    """A long budget that goes on from a short one's trunk ends with the numbers of the long budget from its start."""
    short = recipe_for(corpus, tmp_path, budget=4e8)
    long = replace(short, flops_budget=1.2e9)
    shared = train_whole([short], corpus, tmp_path / "shared")
    assert position(shared, long) == short.branch_step > 0
    train_whole([long], corpus, tmp_path / "shared")
    alone = train_whole([long], corpus, tmp_path / "alone")
    assert rows_of(shared, long) == rows_of(alone, long)
    assert trunk_checkpoint(shared, long).step() == long.branch_step


def test_a_member_that_blows_up_stops_and_its_stack_goes_on(corpus: Corpus, tmp_path: Path) -> None:
    good = recipe_for(corpus, tmp_path)
    bad = replace(good, lr=2.0**120)
    together = train_whole([bad, good], corpus, tmp_path / "together")
    alone = train_whole([good], corpus, tmp_path / "alone")
    assert together.run(bad.name).state() == "diverged"
    assert "not finite at step" in together.run(bad.name).message()
    assert np.isnan(together.run(bad.name).metrics()[-1]["loss"])
    assert rows_of(together, good) == rows_of(alone, good)
    longer = [replace(recipe, flops_budget=2e9) for recipe in (bad, good)]
    assert Engine(longer[:1], corpus, together, COMPUTE).train()  # its trunk is known to have diverged
    assert together.run(longer[0].name).state() == "diverged"


def numbers(directory: Path) -> dict[str, float]:
    return {folder.path.name: folder.metrics()[-1]["loss"] for folder in Store(directory).runs()}


def start(study: Path, directory: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "scalewise", "train", str(study), "--into", str(directory), "--workers", "2"]
    command += options
    environment = os.environ | {"XDG_CACHE_HOME": str(study.parent / "cache")}
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True, env=environment)


def finished(directory: Path) -> int:
    return sum(run.state() == "finished" for run in Store(directory).runs())


def wait_for(process: subprocess.Popen[bytes], true: Callable[[], bool]) -> None:
    while not true():
        assert process.poll() is None
        time.sleep(0.05)


@pytest.mark.slow
def test_a_killed_suite_goes_on_to_the_same_numbers(tmp_path: Path) -> None:
    """Its parent process alone is killed, later all of it is interrupted; then it ends as if it had been left alone.
    Its checkpoints are elsewhere, at an address that only the first start is told."""
    study = tmp_path / "study.toml"
    study.write_text(STUDY)
    alone, cut = tmp_path / "alone", tmp_path / "cut"
    assert start(study, alone).wait() == 0
    elsewhere = tmp_path / "elsewhere"
    process = start(study, cut, "--checkpoints", elsewhere.as_uri())
    wait_for(process, lambda: any(elsewhere.glob("tiny-*/*@*")))
    process.kill()  # the workers are left without a parent, and must not train on beside the next start's
    process.wait()
    before = finished(cut)
    process = start(study, cut)
    wait_for(process, lambda: finished(cut) > before)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait() == 130
    assert any(elsewhere.glob("tiny-*/*@*"))
    assert not list(cut.rglob("*cooling@*")) + list(cut.glob("trunks/*"))
    assert start(study, cut).wait() == 0
    assert numbers(cut) == numbers(alone)
    assert all(folder.state() == "finished" for folder in Store(cut).runs())
    assert not list(elsewhere.iterdir())
    cells = Store(cut).tuning()
    assert len(cells) == 4
    assert all(cell["bracketed"] or len(cell["losses"]) > 3 for cell in cells)
    summary = Store(cut).summary()
    assert summary.height == len(numbers(cut))
    for cell in cells:
        at_best = summary.filter((summary["params"] == cell["params"]) & (summary["lr"] == cell["lr"]))
        assert at_best.filter(at_best["flops_budget"] == cell["flops_budget"])["seed"].n_unique() == 2
    kept = {run.path.name for run in Store(cut).runs() if has_weights(run)}
    assert kept == {name for cell in cells for name in cell["runs"]}
    corpus_record = json.loads((cut / "corpus.json").read_text())
    assert corpus_record["sha256"] == summary["data_sha256"][0]


def test_a_plan_says_what_a_study_costs(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    command = [sys.executable, "-m", "scalewise", "plan", str(tmp_path / "study.toml"), "--workers", "1", "--json"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    plan = json.loads(done.stdout)
    assert [size["width"] for size in plan["sizes"]] == [12, 16]
    assert plan["total"]["runs"] == 2 * ((5 + 1) + (3 + 1))
    trunk, cooled = 0.8 * (6 * 4e8 + 4 * 4e8), 0.2 * (6 * 4e8 + 4 * 8e8)
    assert plan["flops_per_arm"]["llama"] == pytest.approx(2 * (trunk + cooled), rel=0.03)
    assert 0 < plan["total"]["minutes"] < 10
    unique = plan["total"]["unique_bytes"]
    assert unique == plan["total"]["unique_tokens"] > 1e7
    for size in plan["sizes"]:
        assert [cell["flops"] for cell in size["cells"]] == [4e8, 8e8]
        for cell in size["cells"]:
            assert cell["epochs"] == pytest.approx(cell["tokens"] / unique)
    assert plan["total"]["minutes"] == pytest.approx(sum(size["minutes"] for size in plan["sizes"]))


def test_a_size_is_not_done_sooner_than_its_searches_allow() -> None:
    from scalewise.lab.forecast import Forecast, minutes_on

    def sizes(*minutes: float, stacks: int) -> list[Forecast]:
        return [Forecast(None, each, 0.0, stacks) for each in minutes]  # type: ignore[arg-type]

    assert minutes_on(4, sizes(1, 1, 1, 1, stacks=1)) == 1
    assert minutes_on(4, sizes(3, 1, stacks=1)) == 3
    assert minutes_on(4, sizes(3, 1, stacks=3)) == 1


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
