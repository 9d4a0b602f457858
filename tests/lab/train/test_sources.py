"""Training on tokens that are not bytes, and on a task that can be learnt."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from scalewise.lab.compute import Compute  # noqa: E402
from scalewise.lab.data.corpus import Options, load_corpus  # noqa: E402
from scalewise.lab.engine import Engine  # noqa: E402
from scalewise.lab.plan import cells_of  # noqa: E402
from scalewise.lab.study import Study  # noqa: E402
from scalewise.runs.store import Store  # noqa: E402

pytestmark = pytest.mark.train


def test_sixteen_bit_tokens_are_learnt(tmp_path: Path) -> None:
    """Every token follows from the one before, so a small model comes near zero from the root of the vocabulary."""
    torch.set_num_threads(1)
    (np.arange(200_000) * 7 % 600).astype("<u2").tofile(tmp_path / "tokens.bin")
    corpus = load_corpus(f"tokens:{tmp_path / 'tokens.bin'}", Options(context=32))
    study = Study(
        name="any", flops=(2e10,), sizes=({"width": 32, "depth": 1},), data={"context": 32, "held_out_windows": 32}
    ).on(corpus)
    recipe = cells_of(study, corpus)[0].recipes[0]
    assert recipe.shape.vocabulary == 600
    assert Engine([recipe], corpus, Store(tmp_path / "out"), Compute()).train()
    rows = Store(tmp_path / "out").run(recipe.name).metrics()
    assert rows[0]["train_loss"] == pytest.approx(np.log(600), abs=0.1)
    assert rows[-1]["loss"] < 2


def test_a_task_is_learnt_down_to_its_floor_and_no_further(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    corpus = load_corpus("copy", Options(context=16))
    study = Study(
        name="any",
        flops=(1.5e11,),
        sizes=({"width": 64, "depth": 2, "heads": 2},),
        data={"corpus": "copy", "context": 16, "held_out_windows": 512},
        batch={"tokens": 512, "at_tokens": 1e6, "exponent": 0},
    ).on(corpus)
    recipe = cells_of(study, corpus)[0].recipes[2]
    assert Engine([recipe], corpus, Store(tmp_path / "out"), Compute()).train()
    loss = Store(tmp_path / "out").run(recipe.name).metrics()[-1]["loss"]
    assert corpus.loss_floor is not None
    assert corpus.loss_floor - 0.02 < loss < corpus.loss_floor + 0.2
