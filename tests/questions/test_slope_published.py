"""slope on public data: the figures of the papers, and how often the answer is wrong in worlds like theirs."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import scalewise as sw
from scalewise.questions.slope.contrasts import contrasts, main_one, multipliers
from scalewise.questions.slope.curves import average
from scalewise.questions.slope.samples import Sample

SIZES = "Exponent of the best size"


def xlstm(shared: Path, where: str) -> sw.Answer:
    """Beck et al. 2025, arXiv 2510.02228."""
    runs = sw.read(shared / "xlstm_isoflop" / "runs.csv", columns={"flops_budget": "isoflop_budget"}).filtered(where)
    return sw.ask("slope", runs, baseline="llama", resamples=300)


def published(shared: Path, context: int, plot: str) -> dict[str, tuple[float, float]]:
    """Exponent of the best size and its standard deviation, by architecture."""
    table = pl.read_csv(shared / "xlstm_isoflop" / "published_power_laws.csv").filter(
        (pl.col("context_length") == context) & (pl.col("plot_type") == "num_params") & (pl.col("source_plot") == plot)
    )
    return {row["model_type"]: (row["alpha"], row["alpha_std"]) for row in table.iter_rows(named=True)}


def lines(answer: sw.Answer) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Exponent, low and high by (optima, group)."""
    return {
        (str(r[0]), str(r[1])): (float(str(r[2])), float(str(r[3])), float(str(r[4])))
        for r in answer.finding(SIZES).rows
    }


def test_xlstm_with_and_without_its_diverged_runs(shared: Path) -> None:
    """.566 is published for xLSTM at context 16384; with the diverged runs the same recipe gives .474."""
    answer = xlstm(shared, "context == 16384")
    found, paper = lines(answer), published(shared, 16384, "get_isoflop_powerlaw_ctx_plot")
    for group in ("llama", "mlstm_v1"):
        assert found["unweighted, without 2 far off", group][0] == pytest.approx(paper[group][0], abs=0.005)
        _, low, high = found["weighted by their errors", group]
        assert low <= paper[group][0] <= high
    assert found["unweighted, every run", "mlstm_v1"][0] == pytest.approx(0.474, abs=0.0005)
    far = answer.finding("Runs far off the others")
    assert {row[1] for row in far.rows} == {"mlstm_v1"}
    assert min(float(str(row[4])) for row in far.rows) > 7
    assert "looks-diverged" in {w.code for w in answer.warnings}


def test_llama_with_and_without_its_diverged_runs(shared: Path) -> None:
    """.575 and .577 are published for Llama at context 8192; with every run the recipe gives .481."""
    answer = xlstm(shared, "subset == 'llama_ctx8192' or subset == 'mlstm_ctx16384'")
    found, (paper, error) = lines(answer), published(shared, 8192, "get_isoflop_powerlaw_plot")["llama"]
    without = next(
        value for (name, group), value in found.items() if name.startswith("unweighted, without") and group == "llama"
    )
    assert without[0] == pytest.approx(paper, abs=2 * error)
    assert found["unweighted, every run", "llama"][0] == pytest.approx(0.481, abs=0.0005)


def test_whether_xlstm_falls_more_slowly_depends_on_the_law(shared: Path) -> None:
    """Without a floor it does (p < 0.01), with a shared floor it does not: only the level is settled."""
    answer = xlstm(shared, "context == 16384")
    assert answer.verdict == "the data cannot tell"
    table = answer.finding("Exponents by law")
    p = {row[0]: row[table.columns.index("p")] for row in table.rows if row[2] == "mlstm_v1" and row[1] is not None}
    assert float(str(p["no floor"])) < 0.01
    assert float(str(p["shared floor"])) > 0.05
    overview = answer.findings[0]
    ratio = [float(str(v)) for v in overview.rows[0][6:9]]
    assert max(ratio) < 0.96
    assert "llama needs 2.5" in answer.sentence


def routing(shared: Path, where: str, **options: Any) -> sw.Answer:
    """Clark et al. 2022, arXiv 2202.01169."""
    columns = {"run": "hyper_id", "params": "dense_parameter_count", "loss": "loss_validation"}
    runs = sw.read(shared / "routing_curves" / "curves.csv.gz", columns=columns)
    runs = runs.filtered(f"k == 1 and routing_frequency == 0.5 and ({where})")
    return sw.ask("slope", runs, x="params", resamples=200, **options)


def test_routing_flattens_the_power_law_as_published(shared: Path) -> None:
    """log L = a log N + b log E + c log N log E + d with a = -.081 and c = .0079 (S-Base): -alpha = a + c log E."""
    answer = routing(shared, "router_type == 'S-Base'", by="num_experts")
    table = answer.finding("Exponents by law")
    exponent = {float(str(r[2])): float(str(r[3])) for r in table.rows if r[0] == "no floor"}
    log_experts, slopes = np.log10(list(exponent)), -np.array(list(exponent.values()))
    c, a = np.polyfit(log_experts, slopes, 1)
    assert c == pytest.approx(0.0079, abs=0.0005)
    assert a == pytest.approx(-0.0810, abs=0.0015)


def test_a_shared_floor_explains_routing_as_a_change_of_level(shared: Path) -> None:
    answer = routing(shared, "num_experts == 1 or (num_experts == 16 and router_type == 'S-Base')", by="num_experts")
    assert answer.verdict != "yes"
    table = answer.finding("Exponents by law")
    weight = {str(row[0]): float(str(row[1])) for row in table.rows if row[1] is not None}
    assert weight["no floor"] < 0.01
    assert "level" in str(answer.findings[0].rows[0][-1])


DIGITS = ["fineweb-100b", "fineweb-edu-100b", "proof-pile-2", "slimpajama-chunk1", "smollm-corpus", "starcoder"]


def test_the_published_digits_of_loss_to_loss(shared: Path) -> None:
    """Brandfonbrener et al. 2024, arXiv 2411.12925: the laws that the floors are from, to every digit that matters."""
    runs = sw.read(shared / "loss_to_loss" / "runs.csv.gz")
    answer = sw.ask("slope", runs, by="train_data", x="loss", y="val_c4_val", law="loss-to-loss", resamples=400)
    paper = pl.read_csv(shared / "loss_to_loss" / "published_fits.csv").filter(~pl.col("kaplan_form"))
    table = answer.finding("Floors of the losses")
    place = {name: i for i, name in enumerate(table.columns)}
    assert [row[0] for row in table.rows[::2]] == DIGITS
    for row in table.rows:
        name = "val_loss" if row[1] == "loss" else row[1]
        (theirs,) = paper.filter((pl.col("train_data") == row[0]) & (pl.col("loss_name") == name)).iter_rows(named=True)
        for parameter, within in (("E", 2e-5), ("alpha", 2e-4), ("beta", 2e-4)):
            assert row[place[parameter]] == pytest.approx(theirs[parameter], rel=within)
        assert row[place["mean_cost"]] == pytest.approx(theirs["fit_objective"], rel=2e-5)
    by_law = answer.finding("Exponents by law")
    kappa = {str(row[2]): float(str(row[3])) for row in by_law.rows}
    assert answer.verdict == "yes"
    assert kappa["starcoder"] < kappa["proof-pile-2"] < 0.9 < kappa["fineweb-edu-100b"]


def test_paired_training_losses_follow_one_law(shared: Path) -> None:
    """85 pairs of SlimPajama and FineWeb-Edu at equal size and budget, correlation .9998."""
    table = pl.read_csv(shared / "loss_to_loss" / "runs.csv.gz")
    keys = ["params", "flops_budget"]
    slim = table.filter(pl.col("train_data") == "slimpajama-chunk1").select(*keys, pl.col("val_loss").alias("slim"))
    pairs = table.filter(pl.col("train_data").is_in(["fineweb-edu-100b", "starcoder"])).join(slim, on=keys)
    pairs = pairs.select("id", "train_data", "params", "tokens", "slim", pl.col("val_loss").alias("loss"))
    answer = sw.ask("slope", pairs, by="train_data", x="slim", law="loss-to-loss", resamples=100)
    floors = answer.finding("Floors of the losses")
    assert [row[floors.columns.index("runs")] for row in floors.rows[:2]] == [85, 85]
    points = [r for r in answer.charts[0].layers["points"] if r["label"] == "fineweb-edu-100b"]
    x, y = (np.array([float(str(r[axis])) for r in points]) for axis in "xy")
    assert np.corrcoef(x, y)[0, 1] == pytest.approx(0.9998, abs=0.00005)
    curve = [r for r in answer.charts[0].layers["curves"] if r["label"] == "fineweb-edu-100b"]
    drawn = np.interp(x, [float(str(r["x"])) for r in curve], [float(str(r["y"])) for r in curve])
    assert np.std(np.log(drawn / y)) < 0.005


def planted(floor: float, exponent: float, apart: float, gain: float, sizes: int, noise: float, seed: int) -> Sample:
    """Two groups at the same x: y = floor + A / (gain x)^(exponent + apart), errors `noise` of y."""
    x = np.tile(np.geomspace(1, 100, sizes), 2)
    member = np.repeat([0, 1], sizes)
    used = x * np.where(member == 1, gain, 1.0)
    y = floor + (1.5 if floor else 3.0) * used ** -(exponent + apart * member)
    y = y * np.exp(noise * np.random.default_rng([seed, sizes, floor > 0]).normal(size=x.size))
    return Sample(x, y, member, ("a", "b"))


@pytest.mark.slow
def test_how_often_a_slope_differs_where_it_does_not() -> None:
    """Nominal 5 %, at 5 and 8 sizes a group, with and without a floor; intervals of the level and the multiplier."""
    wrong, held, times = 0, 0, 0
    worlds = [(floor, exponent, sizes) for floor, exponent in ((0.0, 0.05), (1.7, 0.15)) for sizes in (5, 8)]
    repeats = 16
    for floor, exponent, sizes in worlds:
        for seed in range(repeats):
            sample = planted(floor, exponent, 0.0, 2.0, sizes, 0.004, seed)
            laws = average(sample, 100, seed, "simulated")
            (found,) = contrasts(laws, sample, 0.1)
            wrong += found.slope_differs
            held += found.ratio.low <= 1 <= found.ratio.high
            read = main_one(multipliers(laws, sample, 1, None), 1)
            assert read is not None
            times += read.times.low <= 2 <= read.times.high
    total = repeats * len(worlds)
    assert wrong <= 0.125 * total
    assert held >= 0.88 * total
    assert times >= 0.86 * total


@pytest.mark.slow
def test_how_often_a_slope_that_differs_is_found() -> None:
    found = [
        contrasts(average(sample, 100, seed, "simulated"), sample, 0.1)[0].slope_differs
        for seed in range(10)
        for sample in (planted(0.0, 0.05, 0.01, 1.2, 8, 0.004, seed),)
    ]
    assert np.mean(found) > 0.8
