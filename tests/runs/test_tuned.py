"""Which learning rate speaks for a size, and which amounts of compute are equal."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from scalewise.runs.levels import WIDEST, compute_levels
from scalewise.runs.tuned import at_best_rate


def cell(rates: dict[float, dict[str, float]]) -> pl.DataFrame:
    rows = [
        {"run": f"{lr}-{seed}", "group": "all", "params": 1e6, "flops": 1e12, "lr": lr, "seed": seed, "loss": loss}
        for lr, seeds in rates.items()
        for seed, loss in seeds.items()
    ]
    return pl.DataFrame(rows)


def test_the_best_rate_speaks_with_all_of_its_seeds() -> None:
    kept, note = at_best_rate(cell({0.1: {"0": 3.0}, 0.2: {"0": 2.5, "1": 2.6, "2": 2.7}, 0.4: {"0": 2.9}}))
    assert sorted(kept["run"].to_list()) == ["0.2-0", "0.2-1", "0.2-2"]
    assert note is not None
    assert "the others' runs (2)" in note


def test_rates_are_compared_on_shared_seeds_only() -> None:
    # rate 0.2 wins on seed 0, which both have; its unlucky other seeds must not count against it
    kept, _ = at_best_rate(cell({0.1: {"0": 2.6}, 0.2: {"0": 2.5, "1": 2.8, "2": 2.8}}))
    assert set(kept["lr"]) == {0.2}


def test_a_diverged_rate_never_wins() -> None:
    kept, _ = at_best_rate(cell({0.1: {"0": 2.6}, 0.2: {"0": float("nan")}}))
    assert set(kept["lr"]) == {0.1}


def test_another_batch_size_is_another_setting_not_a_repeat() -> None:
    table = cell({0.1: {"a": 2.9}, 0.2: {"b": 2.5, "c": 3.5}}).with_columns(
        pl.lit(None, pl.String).alias("seed"), pl.Series("batch_sequences", [8.0, 8.0, 64.0])
    )
    kept, _ = at_best_rate(table)
    assert kept["loss"].to_list() == [2.5]


def test_without_rates_nothing_is_left_out() -> None:
    table = cell({0.1: {"0": 2.6, "1": 2.5}})
    kept, note = at_best_rate(table)
    assert kept.equals(table)
    assert note is None


@given(st.lists(st.floats(1.0, 1e24), min_size=1, max_size=50))
def test_levels_are_ordered_narrow_and_do_not_depend_on_row_order(values: list[float]) -> None:
    compute = np.array(values)
    levels = compute_levels(compute)
    for level in np.unique(levels):
        inside = compute[levels == level]
        assert inside.max() <= inside.min() * (1 + WIDEST) * 1.0000001
    order = np.argsort(compute, kind="stable")
    assert (np.diff(levels[order]) >= 0).all()
    assert (compute_levels(compute[::-1])[::-1] == levels).all()


def test_budgets_met_within_a_batch_are_equal() -> None:
    assert compute_levels(np.array([1e12, 1.008e12, 0.995e12, 2e12])).tolist() == [0, 0, 0, 1]


def test_a_rate_that_diverged_half_way_belongs_to_the_budget_it_was_meant_for() -> None:
    from scalewise.runs.tuned import with_cells

    table = cell({0.1: {"0": 2.6}, 0.2: {"0": 2.5}, 0.4: {"0": float("nan")}})
    cut = table.with_columns(
        pl.lit(1e12).alias("flops_budget"),
        pl.when(pl.col("lr") == 0.4).then(1e11).otherwise(pl.col("flops")).alias("flops"),
    )
    assert with_cells(cut)["cell"].n_unique() == 1
