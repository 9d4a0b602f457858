"""The parts of the lab that need no PyTorch: schedule, search, reading order, recipes, study files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalewise.errors import StudyError
from scalewise.lab.data.corpus import Corpus, load_corpus
from scalewise.lab.data.windows import WindowOrder, held_out_windows
from scalewise.lab.plan import cells_of, check_budgets
from scalewise.lab.recipe import batch_windows
from scalewise.lab.schedule import WARMUP, Schedule, branch_step, rate_fraction
from scalewise.lab.study import load_study
from scalewise.lab.tuning import MOST_STEPS, Tuned, bracket

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("schedule", ["wsd", "cosine"])
@pytest.mark.parametrize("steps", [50, 1000, 12345])
def test_schedules_rise_touch_the_peak_and_end_low(schedule: Schedule, steps: int) -> None:
    warm = round(WARMUP * steps)
    rates = np.array([rate_fraction(schedule, step, steps, warm) for step in range(steps)])
    assert (np.diff(rates[:warm]) > 0).all()
    assert rates.max() == pytest.approx(1.0, abs=0.01)
    assert rates.max() <= 1.0
    assert (np.diff(rates[warm + 1 :]) <= 1e-12).all()
    assert 0.0 < rates[-1] < 0.15


@given(short=st.integers(10, 500), times=st.integers(2, 16))
def test_budgets_share_their_trunk_up_to_the_branch(short: int, times: int) -> None:
    branch = branch_step("wsd", short)
    rates = [[rate_fraction("wsd", step, steps, 3) for step in range(branch)] for steps in (short, short * times)]
    assert rates[0] == rates[1]
    assert rate_fraction("wsd", branch + 1, short, 3) < 1.0
    assert branch_step("cosine", short) == 0


def search(centre: int, loss_of: dict[int, float], reach: int = 1) -> Tuned:
    generator = bracket(centre, reach)
    wanted = next(generator)
    while True:
        try:
            wanted = generator.send({e: loss_of[e] for e in wanted})
        except StopIteration as end:
            return end.value


@given(best=st.integers(-6, 6), reach=st.integers(1, 2))
def test_a_valley_is_bracketed_wherever_it_lies(best: int, reach: int) -> None:
    found = search(0, {e: abs(e - best) + 1.0 for e in range(-20, 21)}, reach)
    assert found.best == best
    assert found.bracketed
    assert {best - 1, best, best + 1} <= set(found.losses)


def test_a_slope_is_never_called_bracketed() -> None:
    found = search(0, {e: float(e) for e in range(-20, 21)})
    assert not found.bracketed
    assert len(found.losses) == 3 + MOST_STEPS


def test_where_every_rate_diverged_nothing_is_bracketed() -> None:
    found = search(0, dict.fromkeys(range(-20, 21), float("nan")))
    assert not found.bracketed
    assert found.best == min(found.losses) == -1 - MOST_STEPS  # lower rates are tried, where there may be hope


def test_a_diverged_rate_is_the_worst_of_all() -> None:
    found = search(0, {-1: 2.0, 0: 1.5, 1: float("nan")})
    assert found.best == 0
    assert found.bracketed


def small_corpus() -> Corpus:
    text = np.arange(1000, dtype=np.int64).astype(np.uint8)
    return Corpus("test", text, text[:500], 1, "0", "")


def test_every_epoch_reads_each_window_once() -> None:
    order = WindowOrder(small_corpus().train, context=10, seed=3)
    first = order.read(0, 99)
    assert first.shape == (99, 11)
    starts = sorted(int(w[0]) for w in first)
    assert starts == sorted(int(small_corpus().train[i]) for i in range(0, 990, 10))
    assert not np.array_equal(first, order.read(99, 99))


@given(start=st.integers(0, 500), count=st.integers(1, 40), batch=st.integers(1, 7))
def test_reading_order_does_not_depend_on_batches(start: int, count: int, batch: int) -> None:
    whole = WindowOrder(small_corpus().train, 10, seed=1).read(start, count)
    order = WindowOrder(small_corpus().train, 10, seed=1)
    pieces = [order.read(start + i, min(batch, count - i)) for i in range(0, count, batch)]
    assert np.array_equal(whole, np.concatenate(pieces))


def test_seeds_read_in_different_orders() -> None:
    first, second = (WindowOrder(small_corpus().train, 10, seed).read(0, 50) for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_held_out_windows_are_fixed() -> None:
    windows = held_out_windows(small_corpus(), context=10, count=16)
    assert windows.shape == (16, 11)
    assert np.array_equal(windows, held_out_windows(small_corpus(), context=10, count=16))


def test_the_standard_library_is_a_corpus_with_a_record() -> None:
    corpus = load_corpus("stdlib")
    assert corpus.record["train_bytes"] >= 8_000_000
    assert corpus.record["held_out_bytes"] >= 50_000
    assert len(str(corpus.record["sha256"])) == 64
    assert load_corpus("stdlib").sha256 == corpus.sha256


def test_no_text_is_on_both_sides_under_two_names(tmp_path: Path) -> None:
    texts = [f"{number} " * 1000 for number in range(256)]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.txt").write_text(text)
        (tmp_path / f"copy of {number}.txt").write_text(text)
    corpus = load_corpus(str(tmp_path))
    train, held_out = corpus.train.tobytes().decode(), corpus.held_out.tobytes().decode()
    assert all(train.split("\n").count(text) + held_out.split("\n").count(text) == 1 for text in texts)
    assert corpus.file_list.count(",duplicate\n") == len(texts)


def test_a_text_file_is_a_corpus(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(bytes(range(256)) * 800)
    corpus = load_corpus(str(tmp_path / "text.txt"))
    assert corpus.held_out.size == 256 * 800 // 32
    (tmp_path / "short.txt").write_text("too short")
    with pytest.raises(StudyError, match="at least 100,000"):
        load_corpus(str(tmp_path / "short.txt"))
    with pytest.raises(StudyError, match="neither 'stdlib'"):
        load_corpus("nowhere")


def test_batches_are_powers_of_two_that_grow_with_the_run() -> None:
    batches = [batch_windows(t, 128, at=(2.5e6, 1024), exponent=0.383) for t in (3e4, 1.5e5, 2.5e6, 8e7)]
    assert batches == [2, 2, 8, 32]


@pytest.mark.parametrize("name", ["smol", "lab"])
def test_the_studies_of_the_repository_are_valid(name: str) -> None:
    study = load_study(ROOT / "studies" / f"{name}.toml")
    corpus = replace(small_corpus(), train=np.zeros(100_000, np.uint8))
    check_budgets(study, corpus)
    for cells in cells_of(study, corpus):
        for recipe in cells.recipes:
            assert recipe.flops == pytest.approx(recipe.flops_budget, rel=0.02)  # equal compute across sizes
            assert recipe.warmup_steps <= recipe.steps / 2


ARMS = """
name = "arms"
flops = [1e9, 4e9]
sizes = [{ width = 16, depth = 1 }, { width = 32, depth = 2 }]
[[arms]]
name = "plain"
architecture = "gpt2"
init = "gpt2"
[[arms]]
name = "cosine"
schedule = "cosine"
[[arms]]
name = "recurrent"
architecture = "lstm"
sizes = [{ width = 24, depth = 1 }]
"""


def test_a_plan_charges_trunks_once_and_tuning_in_full(tmp_path: Path) -> None:
    """Of one rate, seed and size: cosine pays every budget whole; wsd pays the trunk once and a fifth of each."""
    (tmp_path / "study.toml").write_text(ARMS)
    study = load_study(tmp_path / "study.toml")
    cells = cells_of(study, small_corpus())
    assert [(c.arm.name, c.size.width) for c in cells] == [
        ("plain", 16), ("plain", 32), ("cosine", 16), ("cosine", 32), ("recurrent", 24)
    ]  # fmt: skip
    by_arm = {c.arm.name: c.flops for c in cells}
    assert all(len(c.recipes) == (5 + 2) + (3 + 2) for c in cells)
    assert by_arm["cosine"] == pytest.approx(7 * 1e9 + 5 * 4e9, rel=0.02)
    trunks = 5 * (0.8 * 4e9) + 2 * (0.8 * 1e9)  # three rates and two seeds go on to the second budget
    assert by_arm["plain"] == pytest.approx(trunks + 0.2 * (7 * 1e9 + 5 * 4e9), rel=0.02)


TOKENS = """
name = "tokens"
tokens = [1e5, 4e5]
sizes = [{ width = 16, depth = 1 }, { width = 32, depth = 2, batch = 300 }]
[[arms]]
name = "by length"
[[arms]]
name = "one batch"
optimizer = "adam"
batch = { tokens = 512, exponent = 0 }
"""


def test_runs_may_be_as_long_as_tokens_say_and_batches_as_an_arm_says(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(TOKENS)
    study = load_study(tmp_path / "study.toml")
    check_budgets(study, small_corpus())
    batches = {}
    for cells in cells_of(study, small_corpus()):
        assert len(cells.by_budget()) == 2
        for tokens, (budget, recipe) in zip((1e5, 4e5), sorted(cells.by_budget().items()), strict=True):
            assert recipe.tokens == pytest.approx(tokens, abs=recipe.batch_tokens)
            assert budget == pytest.approx(tokens * recipe.shape.flops_per_token)
            assert recipe.weight_decay == (0.1 if cells.arm.name == "by length" else 0.0)
        batches[cells.arm.name, cells.size.width] = cells.longest.batch_tokens
    assert batches == {("by length", 16): 512, ("by length", 32): 256, ("one batch", 16): 512, ("one batch", 32): 256}
    (tmp_path / "study.toml").write_text(TOKENS + "weight_decay = 0.1\n")
    with pytest.raises(StudyError, match="adam is adamw without weight_decay"):
        load_study(tmp_path / "study.toml")
    for wrong in (TOKENS.replace("tokens = [", "flops = [1e9]\ntokens = ["), TOKENS.replace("tokens = [1e5, 4e5]", "")):
        (tmp_path / "study.toml").write_text(wrong)
        with pytest.raises(StudyError, match=r"either by `flops`, the same for every size, or by `tokens`"):
            load_study(tmp_path / "study.toml")


def test_data_are_paired_across_sizes_rates_and_arms(tmp_path: Path) -> None:
    """What decides the reading order is text, context and seed; only those are in common, and they are."""
    (tmp_path / "study.toml").write_text(ARMS)
    cells = cells_of(load_study(tmp_path / "study.toml"), small_corpus())
    orders = {(r.shape.context, r.data_sha256) for c in cells for r in c.recipes}
    assert len(orders) == 1
    assert all({r.seed for r in c.recipes} == {0, 1, 2} for c in cells)


def test_runs_without_arms_are_called_after_their_architecture(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    declared = (ROOT / "studies" / "lab.toml").read_text()
    assert "[training]" not in declared
    assert "[[arms]]" not in declared
    for written, name in (("", "llama"), ('\n[training]\narchitecture = "gpt2"\n', "gpt2")):
        file.write_text(declared + written)
        assert [arm.name for arm in load_study(file).all_arms] == [name]


def test_a_budget_of_hardly_a_step_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(ARMS.replace("[1e9, 4e9]", "[1e7, 4e9]"))
    with pytest.raises(StudyError, match="at least 10 are needed"):
        check_budgets(load_study(tmp_path / "study.toml"), small_corpus())


def test_all_errors_of_a_study_are_listed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        'name = "Bad Name"\nflops = [1e9, -1]\nsizes = [{ width = 33, depth = 1 }]\n'
        "[tuning]\nsedes = [1]\nseeds = [1, 1]\n[data]\ncontext = 0\n"
    )
    with pytest.raises(StudyError) as caught:
        load_study(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 6
    text = str(caught.value)
    for part in ("name:", "flops.1:", "width 33 must be", "did you mean 'seeds'", "each once", "data.context:"):
        assert part in text


def test_a_missing_or_broken_study_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such study file"):
        load_study(tmp_path / "absent.toml")
    (tmp_path / "broken.toml").write_text("name = ")
    with pytest.raises(StudyError, match="not valid TOML"):
        load_study(tmp_path / "broken.toml")
