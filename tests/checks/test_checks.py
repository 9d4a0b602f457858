"""Every check fires on a table built to deserve it, stays silent on a fair one, and has its page."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scalewise as sw
from scalewise.checks import CHECKS, Evidence
from scalewise.laws import CHINCHILLA, Estimate, Fit, fit_law

PAGES = Path(__file__).resolve().parents[2] / "docs" / "warnings"


def fair() -> pl.DataFrame:
    """Four sizes at two budgets, three rates on seed 0, the middle one best and with two more seeds."""
    rows = []
    for params in (1e6, 2e6, 4e6, 8e6):
        for flops in (1e14, 2e14):
            for lr, seeds, loss in ((1e-3, 1, 3.1), (2e-3, 3, 3.0), (4e-3, 1, 3.2)):
                rows += [
                    {"params": params, "flops": flops, "lr": lr, "seed": s, "loss": loss, "state": "finished",
                     "schedule": "wsd", "schedule_tokens": flops / (6 * params), "data_size": 1e9}
                    for s in range(seeds)
                ]  # fmt: skip
    return pl.DataFrame(rows).with_row_index("run")


def evidence(table: pl.DataFrame, **details: object) -> Evidence:
    runs = sw.read(table, nan_means_diverged=True)
    from scalewise.runs.tuned import at_best_rate

    return Evidence(runs, at_best_rate(runs.trained)[0], **details)  # type: ignore[arg-type]


def exact_surface(**changes: object) -> Fit:
    from dataclasses import replace

    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform([14, 18], [20, 24], size=(60, 2)))
    y = (1.7 + 400 / x[:, 0] ** 0.35 + 1500 / x[:, 1] ** 0.38) * np.exp(rng.normal(0, 0.003, 60))
    return replace(fit_law(CHINCHILLA, x, y, resamples=50), **changes)


def test_a_fair_table_is_left_in_peace() -> None:
    case = evidence(fair(), asked=2e14, seen=2e14, fits=(exact_surface(),), backtest=(19, 20))
    fired = [code for code, check in CHECKS.items() if check(case)]
    assert fired == []
    assert not any(check(evidence(scored(), tasks=("a", "b", "c"))) for check in CHECKS.values())


def scored(easy: float = 0.5) -> pl.DataFrame:
    """Forty models and their scores on three tasks."""
    at = np.linspace(0.3, 0.9, 40)
    return pl.DataFrame({"run": [f"m{i}" for i in range(40)], "a": at, "b": at, "c": np.full(40, easy)})


unequal = fair().filter((pl.col("params") < 8e6) | (pl.col("flops") < 2e14))
one_seed = fair().filter(pl.col("seed") == 0)
edge = fair().with_columns(pl.when(pl.col("lr") == 4e-3).then(2.5).otherwise(pl.col("loss")).alias("loss"))
diverged_edge = fair().with_columns(
    pl.when(pl.col("lr") == 4e-3).then(float("nan")).otherwise(pl.col("loss")).alias("loss")
)
in_gigaflops = fair().with_columns(pl.col("flops") * 1e-9, pl.col("schedule_tokens").alias("tokens"))
many_settings = pl.concat(
    [one_seed.filter(pl.col("lr") == 2e-3).with_columns(pl.lit(2e-3 * 1.5**k).alias("lr"), pl.col("loss") + abs(k))
     for k in range(-4, 5)]
).drop("run").with_row_index("run")  # fmt: skip
unidentified = exact_surface(draws=np.full((50, 5), -1e9))

FIRES = {
    "unequal-compute": (evidence(unequal), "2 times the most another got"),
    "schedule-cut": (evidence(fair().with_columns(pl.col("schedule_tokens") * 2)), "lie inside a run"),
    "untuned-rate": (evidence(fair().drop("lr")), "no learning rates"),
    "best-of-many": (evidence(many_settings), "up to 9"),
    "rate-at-edge": (evidence(edge), "in 8 of 8 tuned cells"),
    "few-sizes": (evidence(fair().filter(pl.col("params") < 3e6)), "only 2 sizes are compared"),
    "few-seeds": (evidence(one_seed), "trained once"),
    "few-runs": (evidence(fair(), fits=(exact_surface(clusters=9),)), "rests on 9 independent runs"),
    "flops-mismatch": (evidence(in_gigaflops), "1e-09 times"),
    "extrapolation": (evidence(fair(), asked=1e16, seen=2e14), "reaches 50 times beyond"),
    "diverged-runs": (evidence(diverged_edge), "8 of 40 runs diverged or failed"),
    "looks-diverged": (evidence(fair(), far_off=("7",)), "1 run lies far off the others"),
    "repeated-data": (evidence(fair().with_columns(pl.lit(5e6).alias("data_size"))), "read their text more than once"),
    "outliers": (evidence(fair(), fits=(exact_surface(residuals=np.r_[np.zeros(59), 1.0]),)), "1 of 60 points"),
    "starts-disagree": (evidence(fair(), fits=(exact_surface(agreeing=0.1),)), "only 10% of the random starts"),
    "at-bound": (evidence(fair(), fits=(unidentified,)), "do not identify"),
    "backtest-misses": (evidence(fair(), backtest=(12, 20)), "only 12 of the 20 losses"),
    "exponents-disagree": (
        evidence(fair(), exponents=(("surface", Estimate(0.34, 0.22, 0.46)), ("cubic", Estimate(0.58, 0.48, 0.68)))),
        "cubic says 0.580 [0.480, 0.680]",
    ),
    "confounded-scale": (
        evidence(fair().with_columns((1e10 / pl.col("params")).alias("epochs")), scale="params"),
        "not only params changes",
    ),
    "few-models": (evidence(scored().head(8), tasks=("a", "b", "c")), "8 models have a score on all 3 tasks"),
    "task-at-ceiling": (evidence(scored(easy=0.99), tasks=("a", "b", "c")), "score above 0.95 on c"),
}


@pytest.mark.parametrize("code", CHECKS)
def test_each_check_fires_where_it_should(code: str) -> None:
    case, words = FIRES[code]
    caution = CHECKS[code](case)
    assert caution is not None
    assert caution.code == code
    assert words in caution.message


@pytest.mark.parametrize("code", CHECKS)
def test_each_code_has_a_page(code: str) -> None:
    page = (PAGES / f"{code}.md").read_text()
    assert page.startswith(f"# {code}\n")
    for heading in ("Why it matters", "When it fires", "When it is safe to ignore", "How to settle it"):
        assert f"## {heading}\n" in page
    assert f"({code}.md)" in (PAGES / "README.md").read_text()


def test_one_rate_for_all_sizes_is_named() -> None:
    caution = CHECKS["untuned-rate"](evidence(fair().filter(pl.col("lr") == 2e-3)))
    assert caution is not None
    assert "the same learning rate (0.002)" in caution.message


def test_rates_that_only_follow_the_budget_are_not_tuning() -> None:
    by_budget = fair().filter(pl.col("lr") == 2e-3).with_columns(pl.col("flops").alias("lr"))
    caution = CHECKS["untuned-rate"](evidence(by_budget))
    assert caution is not None
    assert "no two runs of equal compute differ" in caution.message


def test_a_rate_that_diverged_was_tried() -> None:
    assert CHECKS["rate-at-edge"](evidence(diverged_edge)) is None


def test_a_constant_rate_is_never_cut_short() -> None:
    table = fair().with_columns(pl.lit("constant").alias("schedule"), pl.col("schedule_tokens") * 2)
    assert CHECKS["schedule-cut"](evidence(table)) is None


def test_a_backtest_is_not_blamed_for_chance() -> None:
    assert CHECKS["backtest-misses"](evidence(fair(), backtest=(5, 6))) is None


def test_exponents_within_their_intervals_agree() -> None:
    near = (("surface", Estimate(0.50, 0.42, 0.58)), ("isoFLOP: cubic", Estimate(0.55, 0.50, 0.60)))
    biased = (("surface", Estimate(0.50, 0.48, 0.52)), ("isoFLOP: parabola", Estimate(0.70, 0.68, 0.72)))
    for exponents in (near, near[:1], biased):
        assert CHECKS["exponents-disagree"](evidence(fair(), exponents=exponents)) is None
