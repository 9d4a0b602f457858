"""Several hyperparameters at once: a planted optimum is found, and a search replays."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from scalewise.errors import StudyError
from scalewise.lab.search import Choice, Space, searched
from scalewise.lab.study import load_study

pytest.importorskip("optuna", reason="the search needs the extra 'search'")

SPACE: Space = {"weight_decay": (0.01, 1.0), "beta2": (0.9, 0.999)}


def bowl(choice: Choice) -> float:
    """Lowest at rate 2^-6, decay .1 and beta2 .99."""
    others = dict(choice.others)
    decay, memory = math.log10(others["weight_decay"]) + 1, math.log10(1 - others["beta2"]) + 2
    return 1 + 0.1 * (choice.exponent + 6) ** 2 + decay**2 + memory**2


def run(loss: Callable[[Choice], float], trials: int, seed: int) -> tuple[Choice, list[Choice]]:
    search = searched(SPACE, -7, trials, seed)
    tried: list[Choice] = []
    wanted = next(search)
    while True:
        tried += wanted
        try:
            wanted = search.send({choice: loss(choice) for choice in wanted})
        except StopIteration as end:
            return end.value, tried


def test_a_planted_optimum_is_found() -> None:
    best, tried = run(bowl, trials=60, seed=0)
    assert bowl(best) < 1.15
    assert best == min(tried, key=bowl)
    assert all(0.01 <= dict(c.others)["weight_decay"] <= 1 and 0.9 <= dict(c.others)["beta2"] <= 0.999 for c in tried)


def test_a_search_replays_and_seeds_differ() -> None:
    assert run(bowl, 20, seed=1) == run(bowl, 20, seed=1)
    assert run(bowl, 20, seed=1) != run(bowl, 20, seed=2)


def test_what_diverged_is_never_the_best() -> None:
    best, _ = run(lambda c: math.nan if c.exponent > -7 else bowl(c), trials=24, seed=0)
    assert best.exponent <= -7


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("search = { weight_decay = [1.0, 0.1] }", "give the lowest and the highest value"),
        ("search = { beta2 = [0.9, 1.5] }", "give the lowest and the highest value"),
        ("search = { momentum = [0.1, 0.9] }", "momentum"),
        ("search = { clip = [0.5, 2.0] }\ntransfer = true", "exclude each other"),
    ],
)
def test_wrong_spaces_are_refused(tmp_path: Path, keys: str, message: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(f'name = "s"\nflops = [1e12]\nsizes = [{{ width = 32, depth = 1 }}]\n[tuning]\n{keys}\n')
    with pytest.raises(StudyError, match=message):
        load_study(path)
