"""model-size beside the surface: other methods, ways of counting and recipes; planted truth and public data."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.conftest import TRUTH, known_loss

import scalewise as sw
from scalewise.laws import Estimate
from scalewise.questions.model_size.exponents import supported

EXPONENTS = "Exponent of the optimal size with compute"
DEPENDS = "What the exponent depends on"


def column(answer: sw.Answer, title: str, name: str) -> dict[str, float]:
    """A column of a finding by its first column."""
    finding = answer.finding(title)
    place = finding.columns.index(name)
    return {str(row[0]): float(str(row[place])) for row in finding.rows if row[place] is not None}


def isoflop(curvature: float = 0.0, noise: float = 0.0005, seed: int = 0) -> pl.DataFrame:
    """Seven budgets of nine sizes; log N_opt is .5 log C, plus a bend; the loss is a lopsided valley about it."""
    rng = np.random.default_rng(seed)
    c, step = (a.ravel() for a in np.meshgrid(np.geomspace(1e17, 1e20, 7), np.linspace(-2, 2, 9), indexing="ij"))
    away = np.log(c / np.sqrt(1e17 * 1e20))
    n = np.exp(np.log(1e8) + 0.5 * away + curvature * away**2 + step)
    loss = (2 + 30 * c**-0.08) * (1 + 0.01 * step**2 + 0.001 * step**3) * np.exp(rng.normal(0, noise, n.size))
    return pl.DataFrame({"params": n, "flops": c, "tokens": c / (6 * n), "loss": loss})


def test_porians_five_steps(shared: Path) -> None:
    """Ten published exponents, by the published recipe: an Akima spline per budget, a line through its optima."""
    folder = shared / "porian_isoflop"
    published = pl.read_csv(folder / "published_fits.csv").filter(pl.col("step").str.contains(r"^\d"))
    points = pl.read_csv(folder / "isoflop_points.csv").filter(pl.col("step").str.contains(r"^\d"))
    for dataset in ("rw", "owt2"):
        table = points.filter(pl.col("dataset") == dataset).rename({"step": "group"})
        answer = sw.ask("model-size", table, group="5 optimizer tuning, no decay", resamples=20)
        found = column(answer, DEPENDS, "isoflop_exponent")
        wanted = published.filter(pl.col("dataset") == dataset)
        assert len(found) == wanted.height == 5
        for step, unweighted in wanted.select("step", "a_unweighted").iter_rows():
            mine = next(value for name, value in found.items() if step in name)
            assert mine == pytest.approx(unweighted, abs=0.0085 if dataset == "owt2" else 0.0025)


def test_the_last_step_supports_hoffmann_and_the_first_no_rule_of_either(shared: Path) -> None:
    points = pl.read_csv(shared / "porian_isoflop" / "isoflop_points.csv").filter(pl.col("dataset") == "rw")
    for step, rule in (("5 optimizer tuning, no decay", "Hoffmann"), ("1 reproduce Kaplan", "neither")):
        finding = sw.ask("model-size", points.filter(pl.col("step") == step), resamples=20).finding(EXPONENTS)
        akima = next(row for row in finding.rows if "akima" in str(row[0]))
        assert akima[finding.columns.index("supports")] == rule


def test_old_and_new_rule_for_ten_times_the_compute() -> None:
    finding = sw.ask("model-size", isoflop(), resamples=20).finding(EXPONENTS)
    rules = {str(row[0]): row for row in finding.rows[-2:]}
    size, data = (finding.columns.index(f"{what}_for_10x_compute") for what in ("size", "data"))
    assert rules["rule: Kaplan et al."][size] == pytest.approx(5.5)
    assert rules["rule: Kaplan et al."][data] == pytest.approx(1.8, abs=0.05)
    assert rules["rule: Hoffmann et al."][size] == pytest.approx(3.2, abs=0.05)
    assert supported(Estimate(0.73, 0.70, 0.76)) == "Kaplan"
    assert supported(Estimate(0.6, 0.4, 0.8)) == "Kaplan or Hoffmann"
    assert supported(Estimate(0.6, 0.55, 0.65)) == "neither"


def test_a_bend_is_found_and_a_straight_path_is_not_called_bent() -> None:
    bent = sw.ask("model-size", isoflop(curvature=0.04), resamples=50).finding("Does the optimum bend?")
    verdict = bent.columns.index("bends")
    assert {row[verdict] for row in bent.rows} == {"yes"}
    change = bent.rows[0][bent.columns.index("exponent_change_per_decade")]
    assert change == pytest.approx(2 * 0.04 * np.log(10), rel=0.1)
    straight = sw.ask("model-size", isoflop(noise=1e-5), resamples=50).finding("Does the optimum bend?")
    assert {row[verdict] for row in straight.rows} == {"no"}
    noisy = sw.ask("model-size", isoflop(noise=0.01), resamples=50).finding("Does the optimum bend?")
    assert "the data cannot tell" in {row[verdict] for row in noisy.rows}


@pytest.mark.slow
def test_a_straight_path_is_rarely_called_bent() -> None:
    """Nominally in 5 % of cases; 60 simulations by one method are known to within 6 points."""
    from scalewise.questions.model_size.bend import bend
    from scalewise.questions.model_size.isoflop import IsoflopOptima

    flops = np.geomspace(1e17, 1e20, 7)
    called = 0
    for seed in range(60):
        noise = np.random.default_rng(seed).normal(0, 0.1, flops.size)
        optima = IsoflopOptima("cubic", flops, np.exp(np.log(flops) / 2 + noise), None)
        (finding,) = bend((optima,), 20, seed)
        called += finding.rows[0][finding.columns.index("bends")] == "yes"
    assert called <= 8


def test_a_parabola_is_biased_on_a_lopsided_valley_and_a_spline_is_not() -> None:
    """Sizes from .6 of the optimum to 150 times: most of what the parabola sees is the gentle side of the valley."""
    c, step = (a.ravel() for a in np.meshgrid(np.geomspace(1e17, 1e20, 7), np.linspace(-0.5, 5, 9), indexing="ij"))
    a, b = TRUTH["alpha"], TRUTH["beta"]
    best = (a * TRUTH["A"] / (b * TRUTH["B"])) ** (1 / (a + b)) * (c / 6) ** (b / (a + b))
    n = best * np.exp(step)
    noise = np.exp(np.random.default_rng(0).normal(0, 0.0005, n.size))
    table = pl.DataFrame({"params": n, "flops": c, "tokens": c / (6 * n), "loss": known_loss(n, c / (6 * n)) * noise})
    off = column(
        sw.ask("model-size", table, resamples=20), "Bias of the isoFLOP methods on these designs", "params_over_true"
    )
    assert abs(np.log(off["parabola"])) > 0.2
    assert max(abs(np.log(off["akima"])), abs(np.log(off["cubic"]))) < 0.05


def test_counting_without_embeddings_moves_the_exponent() -> None:
    """Of small models the embedding is most: 2e7 parameters beside what the law sees."""
    n, c = (a.ravel() for a in np.meshgrid(np.geomspace(2e6, 1e9, 9), np.geomspace(1e17, 1e20, 7)))
    table = pl.DataFrame(
        {"params": n + 2e7, "params_no_embed": n, "flops": c, "tokens": c / (6 * n), "loss": known_loss(n, c / (6 * n))}
    )
    table = table.with_columns(pl.col("loss") * np.exp(np.random.default_rng(0).normal(0, 0.001, n.size)))
    surface = column(sw.ask("model-size", table, resamples=20), DEPENDS, "surface_exponent")
    true = TRUTH["beta"] / (TRUTH["alpha"] + TRUTH["beta"])
    assert surface["params without embeddings"] == pytest.approx(true, abs=0.01)
    assert surface["as answered"] < true - 0.05  # pylint: disable=unsubscriptable-object


def test_one_learning_rate_for_all_moves_the_exponent(known_world: pl.DataFrame) -> None:
    """The rate that all sizes tried suits the small ones and makes large ones look worse: a lower exponent."""
    once = known_world.filter(pl.col("seed") == 0)
    spoilt = 0.05 * (pl.col("params") / 1e8).log().clip(0)
    low = once.filter(pl.col("params") > 2e7).with_columns(lr=pl.lit(1e-3))
    high = once.with_columns(lr=pl.lit(1e-2), loss=pl.col("loss") * (1 + spoilt), run=pl.col("run") + "b")
    surface = column(sw.ask("model-size", pl.concat([low, high]), resamples=20), DEPENDS, "surface_exponent")
    assert surface["one learning rate for all (0.01)"] < surface["as answered"] - 0.05


@pytest.mark.parametrize("step", ["1 reproduce Kaplan", "2 count last layer", "3 correct warmup"])
def test_methods_together_hold_where_the_surface_fails(shared: Path, step: str) -> None:
    """The largest budgets withheld: the surface's optimum is off three to eight times, the methods' together is not."""
    tables = [pl.read_csv(shared / "porian_isoflop" / f"{name}.csv") for name in ("isoflop_points", "optima")]
    points, optima = (t.filter((pl.col("dataset") == "rw") & (pl.col("step") == step)) for t in tables)
    top = optima.filter(pl.col("params_opt").is_not_nan()).sort("flops")[-1]
    flops, true = float(top["flops"][0]), float(top["params_opt"][0])
    answer = sw.ask("model-size", points.filter(pl.col("flops") < flops / 9), flops=flops, resamples=50)
    surface, *_, together = answer.finding("The optimum by method").rows
    assert together[0] == "together"
    assert abs(np.log(float(str(surface[1])) / true)) > 1
    assert abs(np.log(float(str(together[1])) / true)) < 0.2
    assert float(str(together[2])) <= true <= float(str(together[3]))
    assert answer.probability is None
    assert "not to be trusted" in answer.sentence
    assert "exponents-disagree" in {w.code for w in answer.warnings}


def test_tuned_rates_of_one_size_and_length_are_one_point(shared: Path) -> None:
    """1,911 runs of 17 sizes and lengths, tuned over learning rate and batch: the best setting speaks for each."""
    answer = sw.ask("model-size", shared / "steplaw_lr_batch" / "dense_runs.csv.gz", resamples=20)
    fits = answer.finding("How much the answer depends on the fit")
    assert fits.rows[0][fits.columns.index("points")] == 17
    assert "best-of-many" in {w.code for w in answer.warnings}


def test_runs_that_all_end_at_one_length_are_told_of_their_curves(shared: Path) -> None:
    with pytest.raises(sw.ScalewiseError, match="which --points all uses"):
        sw.ask("model-size", shared / "gemstones" / "half_lr_runs.csv.gz")
