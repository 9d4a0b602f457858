"""Recall and the external memory: against generation, brute force, and what is planted."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from scalewise.lab.compute import Compute  # noqa: E402
from scalewise.lab.stack import Member, Setting, Stack  # noqa: E402
from scalewise.lab.weights import TrainedModel  # noqa: E402
from scalewise.probes.memorising.models import LabModel  # noqa: E402
from scalewise.probes.recognition.material import Material, material_of  # noqa: E402
from scalewise.probes.recognition.memory import (  # noqa: E402
    NEIGHBOURS,
    Tuning,
    by_memory,
    by_weights,
    guesses,
    losses,
    noisy,
    remember,
    tuned,
)
from scalewise.probes.recognition.study import Learner, Studied, shape_of, studied  # noqa: E402

pytestmark = pytest.mark.train
PAIRS, EXPOSURES = 4, 60


@pytest.fixture(scope="module")
def learnt() -> tuple[Material, Studied]:
    """Lines studied until they are known by heart."""
    material = material_of("lines", PAIRS, 0)
    learners = [Learner(seed=0, studies=side, rate=2.0**-7, start=None) for side in (0, 1)]
    return material, studied(shape_of(32, 2, material), material, learners, EXPOSURES, 4)


def test_what_was_studied_long_is_recalled_and_foils_are_not(learnt: tuple[Material, Studied]) -> None:
    _, found = learnt
    before, after = (look.recalled for look in (found.looks[0], found.looks[-1]))
    own, other = (np.stack([after[k, side] for k, side in pairs]) for pairs in (((0, 0), (1, 1)), ((0, 1), (1, 0))))
    assert (own == 1).mean() > 0.75
    assert other[:, : 2 * PAIRS].mean() < 0.1  # state foils are nearly what was studied
    assert before.mean() < 0.1


def test_recall_is_what_generating_would_give(learnt: tuple[Material, Studied]) -> None:
    material, found = learnt
    shape, row = shape_of(32, 2, material), found.rows[EXPOSURES][0]
    items, cue = np.concatenate([material.first, material.second]), 1 + (material.first.shape[1] - 2) // 2
    said = LabModel(TrainedModel(shape, row)).continued(items[:, :cue], items.shape[1] - 1 - cue)
    right = (said == items[:, cue:-1]).cumprod(axis=1).sum(axis=1)
    stack = Stack(Setting(shape), [Member(0.1, 0)], Compute())
    stack.rows[0] = row
    own, recalled = stack.window_recall(torch.from_numpy(items), cue)
    assert recalled[0].tolist() == right.tolist()
    assert len(set(right.tolist())) > 1
    assert own[0].numpy() == pytest.approx(by_weights(TrainedModel(shape, row), items).losses, abs=1e-5)


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    """An untrained model whose guesses are not uniform."""
    shape = shape_of(16, 1, material_of("glyphs", PAIRS, 0))
    stack = Stack(Setting(shape, init="gpt2"), [Member(0.1, 3)], Compute())
    return TrainedModel(shape, 3 * stack.rows[0])


def test_the_mixture_is_that_of_the_paper(model: TrainedModel) -> None:
    """Equations 2 and 3, token by token, in double precision."""
    material, tuning = material_of("glyphs", PAIRS, 0), Tuning(0.3, 0.1)
    memory, asked = remember(model, material.first, "float32"), material.second[:3]
    keys, values = memory.keys.double().numpy(), memory.values.numpy()
    with torch.no_grad():
        states = model.states(torch.from_numpy(asked[:, :-1]), 1).double().numpy()
        own = model.logits(torch.from_numpy(asked[:, :-1])).double().softmax(-1).numpy()
    states /= np.sqrt((states**2).mean(axis=-1, keepdims=True))
    expected = np.zeros(len(asked))
    for i, item in enumerate(asked):
        for t, token in enumerate(item[1:]):
            distances = ((keys - states[i, t]) ** 2).sum(axis=1)
            near = np.argsort(distances, kind="stable")[:NEIGHBOURS]
            weights = np.exp(-(distances[near] - distances[near].min()) / (tuning.sharpness * memory.scale))
            remembered = weights[values[near] == token].sum() / weights.sum()
            expected[i] -= np.log(tuning.share * remembered + (1 - tuning.share) * own[i, t, token])
    found = losses(guesses(model, memory, asked), memory, tuning)
    assert found == pytest.approx(expected / (asked.shape[1] - 1), rel=2e-3)


def test_one_look_is_enough_for_a_memory_and_costs_its_bytes(model: TrainedModel) -> None:
    material, other = material_of("glyphs", 12, 0), material_of("glyphs", 6, 9)
    tuning = tuned(model, other.first, other.second, 0)
    told = {}
    for precision in ("float16", "float32"):
        memory = remember(model, material.first, precision)  # type: ignore[arg-type]
        tokens = material.first.shape[0] * (material.first.shape[1] - 1)
        assert memory.bytes == tokens * (16 * (2 if precision == "float16" else 4) + 1)
        seen, unseen = (by_memory(model, memory, items, tuning) for items in (material.first, material.second))
        told[precision] = (seen.losses < unseen.losses).mean()
        assert seen.milliseconds > 0
    assert min(told.values()) > 0.95
    without = by_weights(model, material.first).losses < by_weights(model, material.second).losses
    assert without.mean() < 0.75


def test_noise_is_in_the_same_places_of_both_items_of_a_pair() -> None:
    material = material_of("glyphs", 20, 0)
    first, second = noisy(material.first, 5), noisy(material.second, 5)
    changed = (first != material.first) | (second != material.second)
    assert 0 < (first != material.first).mean() < changed.mean() < 0.1
    assert not changed[:, [0, -1]].any()
    assert (noisy(material.first, 5) == first).all()
