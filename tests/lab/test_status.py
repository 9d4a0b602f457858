"""Where a study stands, read from a folder that was written by hand: search, cost, and the time left."""

import json
import time
from pathlib import Path

import pytest
from tests.lab.test_parts import small_corpus
from tests.lab.test_transfer import STUDY

from scalewise.lab.locks import only_trainer
from scalewise.lab.plan import cells_of
from scalewise.lab.status import BEGAN, Watched
from scalewise.lab.study import load_study
from scalewise.runs.store import Store

STEP_FLOPS, STEP_SECONDS = 1e6, 0.5


def run(
    store: Store, name: str, lr: float, steps: int, seed: int = 0, of: int | None = None, loss: float = 2.0
) -> None:
    """A run of `of` steps that has done `steps`, and has ended when it has done all."""
    of = of or steps
    folder = store.run(name)
    config = {"run": name, "group": "llama", "params": 1000, "width": 8, "depth": 1, "lr": lr, "seed": seed}
    plan = {"flops_budget": of * STEP_FLOPS, "schedule": "wsd", "schedule_tokens": of * 10, "batch_tokens": 10}
    folder.create(config | plan)
    row = {"step": steps, "flops": steps * STEP_FLOPS, "seconds": steps * STEP_SECONDS, "train_loss": loss}
    folder.append(row | ({"loss": loss} if steps == of else {}))
    folder.set_state("finished" if steps == of else "running")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "study.toml").write_text("")
    return Store(tmp_path)


@pytest.mark.parametrize(
    ("losses", "search"),
    [
        ({0.01: 2.0, 0.02: 2.1}, "searching"),
        ({0.01: 2.0, 0.02: 2.1, 0.04: 2.2}, "edge"),
        ({0.01: 2.2, 0.02: 2.1, 0.04: 2.2}, "bracketed"),
        ({0.01: 2.2, 0.02: 2.1, 0.04: float("nan")}, "bracketed"),
    ],
)
def test_the_search_of_a_budget(store: Store, losses: dict[float, float], search: str) -> None:
    for lr, loss in losses.items():
        run(store, f"r{lr}", lr, 100, loss=loss)
    (size,) = Watched(store.path).look().sizes
    assert (size.search, size.budget) == (search, 1e8)


def test_the_end_of_training_says_what_is_not_bracketed_and_what_diverged(store: Store) -> None:
    from scalewise.cli.training import _shortcomings
    from scalewise.runs import read

    run(store, "whole", 0.01, 100)
    run(store, "broken", 0.02, 100)
    cell = {"group": "llama", "params": 1000, "lr": 0.01, "losses": {"0.01": 2.0, "0.02": float("nan")}}
    store.append_tuning(cell | {"flops_budget": 1e8, "bracketed": True, "transferred": False})
    assert list(_shortcomings(store, read(store.path))) == []
    store.run("broken").set_state("diverged")
    store.append_tuning(cell | {"flops_budget": 2e8, "bracketed": False, "transferred": True})
    store.append_tuning(cell | {"flops_budget": 4e8, "bracketed": False, "transferred": False})
    edge, diverged = _shortcomings(store, read(store.path))
    assert edge.startswith("1 of 3 cells are not bracketed")
    assert "llama, 1,000 params, 4e+08 flops, rate 0.01" in edge
    assert diverged.startswith("1 of 2 runs diverged")


def test_a_tuned_budget_is_not_searched_any_more(store: Store) -> None:
    losses = {"0.01": 2.0, "0.02": float("nan")}
    run(store, "short", 0.01, 100)
    store.append_tuning(
        {"group": "llama", "params": 1000, "flops_budget": 1e8, "lr": 0.01, "losses": losses, "bracketed": False}
    )
    watched = Watched(store.path)
    (size,) = watched.look().sizes
    assert (size.search, size.budget, size.loss, size.at_edge) == ("tuned", None, 2.0, 1)
    run(store, "long", 0.01, 150, of=200)
    (size,) = watched.look().sizes
    assert (size.search, size.budget) == ("searching", 2e8)


def test_a_shared_trunk_costs_once(store: Store) -> None:
    run(store, "short", 0.01, 100)
    run(store, "long", 0.01, 200)
    run(store, "other seed", 0.01, 100, seed=1)
    (size,) = Watched(store.path).look().sizes
    steps = 100 + (200 - 80) + 100  # the first 80 steps of the long one are those of the short one
    assert (size.flops, size.worker_seconds) == pytest.approx((steps * STEP_FLOPS, steps * STEP_SECONDS))


def test_what_a_run_tells_between_two_rows_counts(store: Store) -> None:
    run(store, "long", 0.01, 100, of=200)
    watched = Watched(store.path)
    with only_trainer(store.path):
        assert watched.look().sizes[0].train_loss == 2.0
        told = {"step": 150, "flops": 150 * STEP_FLOPS, "seconds": 75.0, "train_loss": 1.5}
        store.run("long").set_state("running", reached=told)
        (size,) = watched.look().sizes
        assert (size.train_loss, size.flops, size.training) == (1.5, 150 * STEP_FLOPS, 1)
    assert watched.look().training == 0  # nobody trains any more


def test_what_has_ended_is_read_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run(store, "short", 0.01, 100)
    watched = Watched(store.path)
    before = watched.look()
    monkeypatch.setattr("scalewise.runs.store.RunFolder.state", lambda folder: pytest.fail("read again"))
    assert watched.look() == before


def test_a_beginning_that_another_version_wrote_says_nothing_of_the_time_left(store: Store) -> None:
    run(store, "long", 0.01, 100, of=200)
    (store.path / BEGAN).write_text(json.dumps({"share": 0.5, "seconds_left": 3.0}))
    with only_trainer(store.path):
        assert Watched(store.path).look().seconds_left is None
    assert json.loads((store.path / BEGAN).read_text())["share"] == 0.5


def test_the_time_left_counts_workers(store: Store) -> None:
    """Two workers, who did 50 seconds of work in 25 of the clock, halve what is left of it."""
    study = store.path / "study.toml"
    study.write_text(STUDY)
    cells = cells_of(load_study(study), small_corpus())
    recipe = cells[1].longest
    watched = Watched(store.path, cells)
    (store.path / "runs").mkdir()
    watched.begin()
    began = json.loads((store.path / BEGAN).read_text())
    store.run(recipe.name).create(recipe.columns)
    half = {"step": recipe.steps // 2, "flops": recipe.flops / 2, "seconds": 50.0, "train_loss": 2.0}
    store.run(recipe.name).append(half)
    store.run(recipe.name).set_state("running")
    (store.path / BEGAN).write_text(json.dumps(began | {"began": time.time() - 25.0}))
    with only_trainer(store.path):
        seen = watched.look()
    planned = sum(size.flops for size in cells)
    assert seen.done == pytest.approx(recipe.flops / 2 / planned)
    left = 100.0 * (planned - recipe.flops / 2) / recipe.flops  # sizes that have not begun are taken to be as fast
    assert sum(size.seconds_left or 0.0 for size in seen.sizes) == pytest.approx(left)
    assert seen.seconds_left == pytest.approx(left / 2, rel=0.05)
