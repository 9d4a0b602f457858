"""model-size over a lifetime: the box within tolerance, training and serving, expected losses, and the next run."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.conftest import TRUTH, known_loss

import scalewise as sw
from scalewise.questions.answer import Cell, Finding

BOX = "Sizes and lengths within tolerance"
LIFETIME = "Cheapest over its lifetime, at the loss of the optimum"
BACKTEST = "Backtest: the quarter with the most compute predicted from the rest"
FURTHER = "What one more run would bring"


def cell(finding: Finding, row: tuple[Cell, ...], name: str) -> float:
    return float(str(row[finding.columns.index(name)]))


def exact_world(known_world: pl.DataFrame) -> pl.DataFrame:
    """The same runs with next to no noise, so that the fitted law is the truth."""
    n, d = (known_world[name].to_numpy() for name in ("params", "tokens"))
    noise = np.exp(np.random.default_rng(0).normal(0, 1e-6, n.size))
    return known_world.with_columns(loss=pl.Series(known_loss(n, d) * noise))


def test_both_ends_of_the_box_are_at_the_tolerance(known_world: pl.DataFrame) -> None:
    answer = sw.ask("model-size", exact_world(known_world), flops=1e20, tolerance=0.007, resamples=20)
    finding = answer.finding(BOX)
    lowest = float(str(answer.findings[0].rows[0][10]))
    assert [row[0] for row in finding.rows] == ["0.2 %", "0.5 %", "0.7 %", "1 %", "2 %"]
    for row, tolerance in zip(finding.rows, (0.002, 0.005, 0.007, 0.01, 0.02), strict=True):
        small, large, few, many = (
            cell(finding, row, name) for name in ("smallest_params", "largest_params", "fewest_tokens", "most_tokens")
        )
        for n, d in ((small, many), (large, few)):
            assert 6 * n * d == pytest.approx(1e20, rel=1e-6)
            assert known_loss(np.array(n), np.array(d)) == pytest.approx(lowest * (1 + tolerance), rel=1e-4)
    nats = sw.ask("model-size", known_world, flops=1e20, tolerance_nats=0.02, resamples=20).finding(BOX)
    assert nats.rows[-1][0] == "0.02 nats"


def test_the_cheapest_lifetime_is_that_of_a_search_by_hand(known_world: pl.DataFrame) -> None:
    served = 1e12
    answer = sw.ask("model-size", exact_world(known_world), flops=1e20, serve_tokens=served, resamples=20)
    finding = answer.finding(LIFETIME)
    row = next(row for row in finding.rows if row[0] == served)
    loss = float(str(answer.findings[0].rows[0][10]))
    n = np.geomspace(1e7, 1e10, 200_001)
    left = loss - TRUTH["E"] - TRUTH["A"] / n ** TRUTH["alpha"]
    d = np.where(left > 0, TRUTH["B"] / np.maximum(left, 1e-300), np.inf) ** (1 / TRUTH["beta"])
    total = 6 * n * d + 2 * n * served
    best = int(np.argmin(total))
    assert cell(finding, row, "params") == pytest.approx(n[best], rel=0.01)
    assert cell(finding, row, "tokens") == pytest.approx(d[best], rel=0.01)
    assert cell(finding, row, "total_flops") == pytest.approx(total[best], rel=1e-3)
    dear = 1e20 + 2 * float(str(answer.findings[0].rows[0][1])) * served
    assert cell(finding, row, "saved") == pytest.approx(1 - total[best] / dear, abs=1e-3)
    shares = [cell(finding, row, "share_of_optimum") for row in finding.rows]
    assert shares == sorted(shares, reverse=True)  # the more is served, the smaller
    assert "are cheapest over training and serving" in answer.sentence


def test_expected_losses_hold_a_new_run(known_world: pl.DataFrame) -> None:
    finding = sw.ask("model-size", known_world, flops=1e21, resamples=50).finding("Loss of a new run")
    for row in finding.rows:
        true = known_loss(*(np.array(cell(finding, row, name)) for name in ("params", "tokens")))
        assert cell(finding, row, "loss_low") <= true <= cell(finding, row, "loss_high")
        assert cell(finding, row, "loss") == pytest.approx(float(true), rel=0.01)


def scores_of(table: pl.DataFrame | str, **options: object) -> dict[str, tuple[float, float]]:
    """Error and share inside of the backtest, by the law alone and by the averaged laws."""
    finding = sw.ask("model-size", table, resamples=200, **options).finding(BACKTEST)
    return {
        str(row[0]): (
            cell(finding, row, "rms_error"),
            cell(finding, row, "inside_95") / cell(finding, row, "predicted"),
        )
        for row in finding.rows
    }


@pytest.mark.slow
def test_backtests_of_public_data_are_held_by_the_averaged_laws(shared: Path) -> None:
    """The published surface's intervals hold about half of Chinchilla's and Gemstones' largest runs."""
    collection = pl.read_csv(shared / "isoflop_collection" / "isoflops.csv").rename({"model": "name_given"})
    gemstones = pl.read_csv(shared / "gemstones" / "main_runs.csv.gz").filter(pl.col("in_10b_sampling") == 1)
    tables: dict[str, tuple[pl.DataFrame, dict[str, object]]] = {
        "chinchilla": (pl.read_csv(shared / "chinchilla_epoch" / "runs.csv"), {}),
        "gemstones": (gemstones, {"points": "all"}),
    }
    for (name,), rows in collection.group_by("experiment"):
        tables[str(name)] = (rows.select("params", "tokens", "loss", flops="flops_budget"), {})
    found = {name: scores_of(table, **options) for name, (table, options) in tables.items()}
    alone = np.array([scores["law as answered"] for scores in found.values()])
    averaged = np.array([scores["laws averaged"] for scores in found.values()])
    assert alone[:, 1].mean() < 0.7
    assert averaged[:, 1].mean() >= 0.95
    assert np.exp(np.log(averaged[:, 0] / alone[:, 0]).mean()) < 0.7
    assert (averaged[:, 0] < alone[:, 0]).mean() >= 0.75


def test_the_next_run_is_within_its_budget(known_world: pl.DataFrame) -> None:
    for budget in (1e19, 1e20):
        answer = sw.ask("model-size", known_world, flops=1e20, budget=budget, resamples=100)
        finding = answer.finding(FURTHER)
        assert all(cell(finding, row, "flops") <= cell(finding, row, "budget_flops") * 1.001 for row in finding.rows)
        assert cell(finding, finding.rows[0], "budget_flops") == budget
        assert "narrows the interval" in str(answer.next_run)
    answer = sw.ask("model-size", known_world, flops=1e20, budget=1e12, resamples=50)
    assert "no single run within 1e12 flops" in str(answer.next_run)
    assert FURTHER not in {finding.title for finding in answer.findings}


@pytest.mark.slow
def test_the_next_run_narrows_the_interval_as_much_as_it_says() -> None:
    """Add the proposed run, at the truth's own loss with noise, and ask again: averaged over ten worlds."""
    said, got = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        n, c = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 1e9, 8), np.geomspace(1e18, 1e20, 8)))
        n = n * np.exp(rng.normal(0, 0.1, n.size))

        def table(params: np.ndarray, flops: np.ndarray, rng: np.random.Generator = rng) -> pl.DataFrame:
            noise = np.exp(rng.normal(0, 0.005, params.size))
            loss = known_loss(params, flops / (6 * params)) * noise
            return pl.DataFrame({"params": params, "flops": flops, "loss": loss})

        before = table(n, c)
        finding = sw.ask("model-size", before, flops=1e21, resamples=200, seed=seed).finding(FURTHER)
        row = finding.rows[0]
        now, after = (np.log(cell(finding, row, name)) for name in ("interval_factor", "factor_after"))
        run = table(np.array([cell(finding, row, "params")]), np.array([cell(finding, row, "flops")]))
        choice = (
            sw.ask("model-size", pl.concat([before, run]), flops=1e21, resamples=200, seed=seed).findings[0].rows[1]
        )
        said.append(after / now)
        got.append(np.log(float(str(choice[3])) / float(str(choice[2]))) / now)
    assert np.mean(said) < 1
    assert np.mean(got) == pytest.approx(np.mean(said), abs=0.06)
