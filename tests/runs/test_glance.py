"""One look at a long table finds what a look at every row would."""

import math
from collections.abc import Iterator
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalewise.runs import glance

ROWS = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from([1.0, 2.0, math.nan, None])), max_size=40)
NUMBERS = st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=30)
CUTS = st.lists(st.integers(0, 40), max_size=4)


def in_pieces(table: pl.DataFrame, cuts: list[int]) -> pl.DataFrame:
    """The table as a reader leaves it, in several pieces of memory."""
    edges = [0, *sorted(cut for cut in cuts if cut < table.height), table.height]
    parts = [table.slice(a, b - a) for a, b in pairwise(edges)]
    return pl.concat(parts, rechunk=False)


@pytest.fixture(autouse=True, scope="module")
def _short_parts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(glance, "PART", 7)
        yield


@given(ROWS, CUTS)
def test_changes_hold_every_combination(rows: list[tuple[str | None, float | None]], cuts: list[int]) -> None:
    table = in_pieces(pl.DataFrame(rows, schema={"run": pl.String, "params": pl.Float64}, orient="row"), cuts)
    found = glance.changes(table, ["run", "params"])
    assert found.unique().sort("run", "params").equals(table.unique().sort("run", "params"))
    assert found.height <= table.height + len(cuts) + table.height // 7 + 2


@given(NUMBERS, CUTS)
def test_extremes_are_those_of_all_numbers(numbers: list[float | None], cuts: list[int]) -> None:
    table = in_pieces(pl.DataFrame({"loss": pl.Series(numbers, dtype=pl.Float64)}), cuts)
    known = [number for number in numbers if number is not None]
    wanted = (None, None) if not known else (min(known), max(known))
    found = glance.extremes(table, ["loss"])["loss"]
    if any(math.isnan(number) for number in known):
        assert all(number is not None and math.isnan(number) for number in found)
    else:
        assert found == wanted
