"""equal-compute beside equal training time: a recipe that wins per operation and loses per second."""

import polars as pl
import pytest

import scalewise as sw

FLOPS = (1e12, 2e12, 4e12, 8e12)


def suite(slow: float, small: float = 1e6) -> pl.DataFrame:
    """Two recipes of two sizes and three seeds: `muon` has losses 5 % lower and takes `slow` times as long, the larger
    size another tenth; without noise but for the seed's."""
    rows = []
    for group, factor, pace in (("adamw", 1.0, 1.0), ("muon", 0.95, slow)):
        for params in (small, 4 * small):
            for flops in FLOPS:
                for seed in (0, 1, 2):
                    loss = factor * 3.0 * (flops / 1e12) ** -0.1 * (1.02 if params > small else 1.0) * (1 + 1e-3 * seed)
                    seconds = flops / 1e10 * pace * (1.1 if params > small else 1.0)
                    rows.append(
                        (f"{group}-{params:g}-{flops:g}-{seed}", group, seed, params, flops, loss, seconds, pace)
                    )
    names = ["run", "group", "seed", "params", "flops", "loss", "seconds", "pace"]
    table = pl.DataFrame(rows, schema=names, orient="row")
    own = (pl.col("seconds") * (1 - 0.9 / pl.col("pace"))).alias("optimizer_seconds")
    return table.with_columns(own).drop("pace")


def timed(table: pl.DataFrame) -> dict[tuple[str, float], dict[str, float]]:
    finding = sw.ask("equal-compute", table, resamples=100).finding("At equal training time")
    return {(str(row[0]), float(str(row[1]))): dict(zip(finding.columns, row, strict=True)) for row in finding.rows}  # type: ignore[misc]


def test_the_winner_per_operation_may_lose_per_second() -> None:
    found = timed(suite(slow=2.0))
    adamw, muon = found["adamw", 1e6], found["muon", 1e6]
    assert muon["loss"] < adamw["loss"]
    assert (adamw["seconds"], muon["seconds"]) == pytest.approx((800.0, 1600.0))
    assert (adamw["optimizer_share"], muon["optimizer_share"]) == pytest.approx((0.1, 0.55))
    assert adamw["loss_in_equal_time"] == pytest.approx(adamw["loss"])
    assert muon["loss_in_equal_time"] == pytest.approx(muon["loss"] * 2**0.1)  # half the operations in that time
    assert adamw["P(best in equal time)"] > 0.95


def test_where_time_costs_little_the_winner_stays() -> None:
    found = timed(suite(slow=1.2))
    assert found["muon", 1e6]["P(best in equal time)"] > 0.95
    assert found["muon", 1e6]["loss_in_equal_time"] == pytest.approx(0.95 * 3.001 * (8 / 1.2) ** -0.1, rel=1e-3)
    low, high = (found["muon", 1e6][f"loss_in_equal_time_{end}"] for end in ("low", "high"))
    assert low < found["muon", 1e6]["loss_in_equal_time"] < high


def test_who_took_longer_at_every_budget_has_no_loss_in_that_time() -> None:
    found = timed(suite(slow=9.0))
    assert found["muon", 1e6]["loss_in_equal_time"] is None
    assert found["adamw", 1e6]["P(best in equal time)"] > 0.95


def test_nothing_is_said_of_time_whose_optimiser_is_not_known() -> None:
    answer = sw.ask("equal-compute", suite(slow=2.0).drop("optimizer_seconds"), resamples=100)
    assert "At equal training time" not in [finding.title for finding in answer.findings]
