"""Rates searched at one size and taken over by the others, where a check finds them best there."""

import math
from pathlib import Path
from typing import Any

import pytest
from tests.lab.test_parts import small_corpus

from scalewise.errors import StudyError
from scalewise.lab.chain import chains_of
from scalewise.lab.plan import cells_of
from scalewise.lab.recipe import Recipe
from scalewise.lab.study import load_study

STUDY = """
name = "transfer"
flops = [1e9, 4e9, 1.6e10]
sizes = [{ width = 16, depth = 1 }, { width = 32, depth = 1 }, { width = 64, depth = 1 }]
[training]
parametrization = "mup"
[tuning]
seeds = [0, 1]
"""


def trained(path: Path, best: dict[int, int]) -> tuple[list[dict[str, Any]], list[Recipe]]:
    """The cells and runs of a study in which the loss is lowest at the exponent `best` of a width."""
    cells: list[dict[str, Any]] = []
    runs: list[Recipe] = []
    for chain in chains_of(load_study(path), small_corpus(), cells.append):
        wanted = next(chain)
        while True:
            runs += wanted
            losses = {r.name: 1 + abs(math.log2(r.lr) - best[r.shape.width]) for r in wanted}
            try:
                wanted = chain.send(losses)
            except StopIteration:
                break
    return cells, runs


@pytest.mark.parametrize("length", ["flops = [1e9, 4e9, 1.6e10]", "tokens = [1e5, 4e5, 1.6e6]"])
def test_sizes_take_over_a_rate_that_is_best_for_them_too(tmp_path: Path, length: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(STUDY.replace("flops = [1e9, 4e9, 1.6e10]", length) + "transfer = true\n")
    cells, runs = trained(path, {16: -7, 32: -7, 64: -5})
    found = {(c["flops_budget"], round(math.log2(c["lr"])), c["transferred"]) for c in cells}
    assert {c["params"] for c in cells if c["transferred"]} == {r.shape.params for r in runs if r.shape.width == 32}
    assert {rate for _, rate, transferred in found if transferred} == {-7}
    widest = [c for c in cells if c["params"] == max(c["params"] for c in cells)]
    assert [round(math.log2(c["lr"])) for c in widest] == [-5, -5, -5]  # searched by itself: the check said no
    assert all(c["bracketed"] for c in widest)
    middle = [c for c in cells if c["transferred"]]
    assert [len(c["losses"]) for c in middle] == [3, 1, 1]
    assert [c["bracketed"] for c in middle] == [True, False, False]


def test_transfer_costs_less(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    searched = sum(cells.flops for cells in cells_of(load_study(path), small_corpus()))
    path.write_text(STUDY + "transfer = true\n")
    assert sum(cells.flops for cells in cells_of(load_study(path), small_corpus())) < 0.75 * searched


@pytest.mark.parametrize("key", ['optimizer = "muon"', 'init = "gpt2"', 'architecture = "gpt2"'])
def test_mup_is_refused_where_it_is_not_defined(tmp_path: Path, key: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(STUDY.replace("[training]\n", f"[training]\n{key}\n"))
    with pytest.raises(StudyError, match="parametrization mup is for adamw"):
        load_study(path)
