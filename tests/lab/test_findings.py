"""What the probe found decides how many models a stack holds."""

import numpy as np
from tests.conftest import ROOT

from scalewise.lab.compute import Compute
from scalewise.lab.data.corpus import Corpus
from scalewise.lab.findings import MEMORY_SHARE, Findings
from scalewise.lab.memory import member_bytes
from scalewise.lab.plan import cells_of
from scalewise.lab.study import load_study


def test_a_stack_has_room_in_the_memory_of_a_gpu() -> None:
    text = np.zeros(100_000, np.uint8)
    corpus = Corpus("test", text, text[:500], 1, "0", "")
    recipe = cells_of(load_study(ROOT / "studies" / "lab.toml"), corpus)[0].longest
    own = member_bytes(recipe)
    assert own > 18 * recipe.shape.params
    for models, held in ((1000, 64), (40.5, 40), (0.5, 1)):
        found = Findings(Compute("cuda"), 1024, 1e15, memory_bytes=models * own / MEMORY_SHARE)
        assert found.members(recipe) == held
    assert Findings(Compute(), 1024, 1e11).members(recipe) == 8
    assert Findings(Compute(), recipe.shape.width - 1, 1e11).members(recipe) == 1
