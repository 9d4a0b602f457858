"""equal-compute on public curves: LLaMA 1 and 2, GPT-3, OPT and Pythia, and LLaMA under Chinchilla's published law."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import scalewise as sw
from scalewise.laws import CHINCHILLA, fit_law
from scalewise.questions.equal_compute.joint import JointLaw
from scalewise.questions.equal_compute.matching import crossing
from scalewise.questions.equal_compute.measured import Size

END = "All sizes at the compute asked about"


def column(answer: sw.Answer, title: str, name: str) -> list[Any]:
    finding = answer.finding(title)
    return [row[finding.columns.index(name)] for row in finding.rows]


def test_llama_under_the_published_law(chinchilla: pl.DataFrame) -> None:
    """Besiroglu et al. 2024's 240 points, 4000 bootstraps: far beyond them, 65B stays ahead of 7B by .060 [.045, .078]
    at equal GPU-hours; 7B needs 5.13T [3.42, 13.6] tokens to match 13B at 1T, impossible in .025 % of resamples."""
    points = chinchilla.filter(pl.col("published_fit_uses") == 1)
    params, flops, loss = (points[name].cast(pl.Float64).to_numpy() for name in ("params", "flops", "loss"))
    fit = fit_law(CHINCHILLA, np.stack([params, flops / (6 * params)], axis=1), loss, resamples=4000)
    seven, thirteen, sixtyfive = (Size("all", size) for size in (6.7e9, 13e9, 65.2e9))
    law = JointLaw(fit, dict.fromkeys((seven, thirteen, sixtyfive), np.zeros(4001)), 0.0, None)
    longer = 1022362 / 82432
    ahead = (law.losses(seven, np.array([longer * 1e12])) - law.losses(sixtyfive, np.array([1.4e12])))[:, 0]
    assert [ahead[0], *np.percentile(ahead[1:], [2.5, 97.5])] == pytest.approx([0.060, 0.045, 0.078], abs=0.001)
    tokens = 1e12 * 2.0 ** (np.arange(240) / 12)
    level = law.losses(thirteen, np.array([1e12]))[:, 0]
    found = crossing(law.paths(seven, tokens, tokens, 1e12, seed=0), level[1:])
    assert [found.low, found.high] == pytest.approx([3.42e12, 13.6e12], rel=0.1)
    assert found.impossible == pytest.approx(0.00025, abs=0.0005)
    best = np.interp(-level[0], -law.losses(seven, tokens)[0], tokens)
    assert best == pytest.approx(5.13e12, rel=0.002)


@pytest.fixture
def llama_answer(llama: pl.DataFrame) -> sw.Answer:
    return sw.ask("equal-compute", llama, after=3e11)


def test_no_llama_is_ruled_out_at_the_largest_ones_gpu_hours(llama_answer: sw.Answer) -> None:
    """The post that compares them says that 7B and 13B matching 65B is "quite likely"; curves alone cannot say."""
    *small, largest = column(llama_answer, END, "P(small wins)")
    assert largest is None
    assert all(0.2 < chance < 0.8 for chance in small)
    gaps = zip(*(column(llama_answer, END, f"above_largest{end}") for end in ("_low", "_high")), strict=True)
    assert all(low < 0.060 < high for low, high in list(gaps)[:1])


def test_llama_slopes_after_300b_tokens(llama: pl.DataFrame, llama_answer: sw.Answer) -> None:
    """ "Decreasing at the same rate after 300B tokens": straight lines through the raw points agree; within 20 % is
    neither shown nor ruled out."""
    finding = llama_answer.finding("Slopes after 300B tokens")
    shown = {row[2]: (row[3], row[4], row[5]) for row in finding.rows if row[0] == "100B tokens"}
    assert len(shown) == 4
    for (params,), run in llama.group_by("params"):
        late = run.filter(pl.col("tokens").is_between(3e11, 1.006e12))
        slope, _ = np.polyfit(late["tokens"].to_numpy() / 1e11, late["loss"].to_numpy(), 1)
        value, low, high = (float(str(x)) for x in shown[params])
        assert value == pytest.approx(-slope, rel=0.1)
        assert low < -slope < high
        assert 0.015 < value < 0.025
    verdicts = {row[0]: row[1] for row in llama_answer.finding("Do losses fall equally fast after 300B tokens").rows}
    assert verdicts == {"100B tokens": "the data cannot tell", "doubling": "the data cannot tell"}
    assert "after 300B tokens" in llama_answer.sentence


def test_no_llama_curve_is_saturated_at_its_end(llama_answer: sw.Answer) -> None:
    """ "No apparent saturation": a doubling is expected to gain far more than the curve's scatter."""
    gains = column(llama_answer, "Is each curve saturated", "doubling_gains")
    noise = column(llama_answer, "Is each curve saturated", "noise")
    assert all(gain > 5 * scatter for gain, scatter in zip(gains, noise, strict=True))
    assert "yes" not in column(llama_answer, "Is each curve saturated", "saturated")


def test_llama_2_at_equal_gpu_hours(shared: Path) -> None:
    """The data's README: 70B hours / 7B hours = 9.33; losses at 184,320 h."""
    curves = pl.read_csv(shared / "llama_curves" / "curves.csv.gz").filter(pl.col("family") == "llama2")
    models = pl.read_csv(shared / "llama_curves" / "runs.csv").filter(pl.col("family") == "llama2")
    tokens = pl.col("tokens_e9_from_axis") * 1e9
    runs = curves.join(models, on="model").select(
        pl.col("model").alias("run"),
        pl.col("params_nominal").alias("params"),
        tokens.alias("tokens"),
        (tokens / tokens.max().over("model") * pl.col("gpu_hours_a100")).alias("gpu_hours"),
        "loss",
    )
    answer = sw.ask("equal-compute", runs, resamples=50)
    assert column(answer, "How much longer each size must train", "times_longer")[0] == pytest.approx(9.33, abs=0.005)
    finding = answer.finding("Measured losses at equal compute")
    shown = {row[2]: float(str(row[3])) for row in finding.rows if row[0] == 184320}
    assert shown == pytest.approx({7e9: 1.744, 13e9: 1.768, 34e9: 1.754, 70e9: 1.751}, abs=0.0015)


def test_gpt_3_saw_the_same_tokens_at_every_size(shared: Path) -> None:
    """Last validation losses of the data's README: at each size's own end no larger one is ahead of it, and whether
    one would be ahead of 175B with its compute, no curve can tell."""
    curves, models = (pl.read_csv(shared / "gpt3_curves" / name) for name in ("curves.csv.gz", "models.csv"))
    runs = curves.join(models, on="model").drop_nulls("val_loss")
    tokens = (pl.col("tokens_e9_digitised") * 1e9).alias("tokens")
    runs = runs.select("model", pl.col("params_nominal").alias("params"), tokens, pl.col("val_loss").alias("loss"))
    answer = sw.ask("equal-compute", runs, resamples=100)
    rows = answer.finding("Measured losses at equal compute").rows
    ended = {row[2]: float(str(row[3])) for row in rows if row[7] == "at its end"}
    published = [2.746, 2.459, 2.322, 2.238, 2.115, 2.031, 1.965]
    assert [ended[size] for size in sorted(ended)] == pytest.approx(published, abs=0.007)
    for row in rows:
        assert row[7] == "at its end" or row[9] is None or float(str(row[9])) < 0.95 or row[2] < 5e9
    assert answer.verdict == "the data cannot tell"
    assert column(answer, "How much longer each size must train", "times_longer")[0] == pytest.approx(1400, rel=0.01)


def test_opt_at_equal_flops(shared: Path) -> None:
    """Log perplexities: losses between the forecasts' intervals, which widen with how far each size is behind."""
    sizes = {"125m": 125e6, "1.3b": 1.3e9, "6.7b": 6.7e9, "13b": 13e9, "30b": 30e9, "175b": 175e9}
    table = pl.read_csv(shared / "opt_trajectories" / "perplexity.csv").select(
        pl.col("model_size").alias("run"),
        pl.col("model_size").replace_strict(sizes, return_dtype=pl.Float64).alias("params"),
        (10 ** pl.col("log10_tokens")).alias("tokens"),
        (10 ** pl.col("log10_flops")).alias("flops"),
        pl.col("perplexity").log().alias("loss"),
    )
    answer = sw.ask("equal-compute", table, resamples=100)
    largest = table.filter(pl.col("run") == "175b").sort("tokens")["loss"][-1]
    losses, lows = column(answer, END, "loss"), column(answer, END, "loss_low")
    assert losses[-1] == pytest.approx(largest)
    assert all(1.0 < low < loss < 2.9 for low, loss in zip(lows[:-1], losses[:-1], strict=True))
    assert answer.verdict == "the data cannot tell"
    widths = [loss / low for low, loss in zip(lows[:-1], losses[:-1], strict=True)]
    assert widths[0] > widths[-1]  # 125m reaches 1400 times beyond its end, 30b not 6 times


def test_pythia_error_rates_at_equal_compute(shared: Path) -> None:
    """LAMBADA, final accuracy .185 (70M) to .705 (12B), in the data's README: the errors that are left, as a loss."""
    evals, models = (pl.read_csv(shared / "pythia_evals" / name) for name in ("evals.csv.gz", "models.csv"))
    chosen = (pl.col("task") == "lambada_openai") & (pl.col("metric") == "acc") & (pl.col("shots") == 0)
    table = evals.filter(chosen & (pl.col("step") >= 1000)).join(models, on="model")
    table = table.filter((pl.col("main_suite") == 1) & (pl.col("deduped") == 0)).select(
        "model", "tokens", pl.col("params_non_embedding").alias("params"), (1 - pl.col("value")).alias("loss")
    )
    answer = sw.ask("equal-compute", table, resamples=100)
    assert column(answer, END, "loss")[-1] == pytest.approx(1 - 0.705, abs=0.0006)
    points = answer.charts[0].layers["points"]
    smallest = [row for row in points if row["params"] == min(float(str(row["params"])) for row in points)]
    assert smallest[-1]["loss"] == pytest.approx(1 - 0.185, abs=0.0006)
    longer = column(answer, "How much longer each size must train", "times_longer")
    assert longer[0] == pytest.approx(11327027200 / 18915328, rel=1e-3)
    assert all(0 <= x <= 1 for x in column(answer, END, "P(small wins)")[:-1])
