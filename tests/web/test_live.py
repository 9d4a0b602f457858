"""What a store tells of a suite in training, and who may stop it."""

import json
from pathlib import Path

import pytest

import scalewise as sw
from scalewise.runs.store import Store
from scalewise.web import training
from scalewise.web.live import Watched


def config(name: str, tokens: int) -> dict[str, object]:
    return {
        "run": name,
        "group": "llama",
        "params": 1000,
        "lr": 0.01,
        "seed": 0,
        "flops_budget": 6.0 * 1000 * tokens,
        "schedule": "wsd",
        "schedule_tokens": tokens,
        "batch_tokens": 10,
    }


def logged(tokens: int, **more: float) -> dict[str, float]:
    return {"step": tokens // 10, "tokens": tokens, "flops": 6000.0 * tokens, "seconds": 1.0, "train_loss": 3.0, **more}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two budgets of one trunk: one has ended, the other is half way."""
    (tmp_path / "study.toml").write_text("")
    store = Store(tmp_path)
    for name, tokens in (("short", 1000), ("long", 2000)):
        store.run(name).create(config(name, tokens))
    store.run("short").append(logged(500))
    store.run("short").append(logged(1000, loss=2.5))
    store.run("short").set_state("finished")
    store.run("long").append(logged(1500))
    store.run("long").set_state("running")
    cell = {
        "group": "llama",
        "params": 1000,
        "flops_budget": 6e6,
        "lr": 0.01,
        "losses": {"0.01": 2.5},
        "bracketed": True,
    }
    store.append_tuning(cell)
    return store


def test_a_snapshot_says_how_far_it_is(store: Store) -> None:
    seen = Watched(store.path).snapshot()
    assert (seen["ended"], seen["running"], seen["training"]) == (1, 0, False)
    # 1000 tokens of the short run, and 1500 - 800 of the long one, which shares the trunk up to 80 % of the short
    assert seen["cost"] == "1.02e7"
    assert [point["kind"] for point in seen["curves"] if point["run"] == "short"] == [
        "training",
        "training",
        "held out",
    ]
    assert seen["sizes"][0]["tuned"] == ["6e6: lr 0.01 of 1 tried, bracketed"]
    json.dumps(seen, allow_nan=False)


def test_only_what_changed_is_read_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(store.path)
    before = watched.snapshot()
    monkeypatch.setattr(
        "scalewise.runs.store.RunFolder.metrics", lambda folder: pytest.fail(f"read {folder.path.name}")
    )
    assert watched.snapshot() == before


def test_a_diverged_run_has_no_number_that_json_lacks(store: Store) -> None:
    store.run("long").append(logged(1600, loss=float("nan"), train_loss=float("nan")))
    store.run("long").set_state("diverged", "the training loss was not finite")
    seen = Watched(store.path).snapshot()
    assert seen["diverged"] == 1
    json.dumps(seen, allow_nan=False)


def test_nothing_is_stopped_that_does_not_train(store: Store) -> None:
    (store.path / "lock").write_text("1")  # left by a process that has ended
    with pytest.raises(sw.ScalewiseError, match="nothing is being trained"):
        training.stop(store.path)
