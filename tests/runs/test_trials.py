"""Trials: what is refused, what `to_runs` keeps, and whether its standard errors cover what was planted."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from scalewise.errors import TableError
from scalewise.runs.trials import Trials, read_trials, trials_from


def world(seed: int, clusters: int = 30, size: int = 4, effect: float = 0.15, spread: float = 0.25) -> pl.DataFrame:
    """0/1 responses: every cluster has its own probability, and condition `b` adds an effect to all of them."""
    rng = np.random.default_rng(seed)
    level = np.clip(0.4 + rng.uniform(-spread, spread, clusters), 0, 1)
    rows = [
        {"run": "r", "item": f"{c}-{i}", "cluster": str(c), "condition": cond, "value": int(rng.random() < p)}
        for c in range(clusters)
        for i in range(size)
        for cond, p in (("a", level[c]), ("b", level[c] + effect))
    ]
    return pl.DataFrame(rows)


def cell(trials: Trials, condition: str, **options: object) -> dict[str, float]:
    table = trials.to_runs(**options).table  # type: ignore[arg-type]
    return table.filter(pl.col("condition") == condition).row(0, named=True)


def covered(value: float, se: float, clusters: int, truth: float) -> bool:
    return bool(abs(value - truth) <= student.ppf(0.975, clusters - 1) * se)


def test_clustered_intervals_cover_a_planted_mean_and_plain_ones_do_not() -> None:
    clustered, plain = [], []
    for seed in range(300):
        trials = trials_from(world(seed, size=12, spread=0.35), "world")
        a = cell(trials, "a")
        clustered.append(covered(a["accuracy"], a["se"], 30, 0.4))
        p, n = a["accuracy"], a["n_items"]
        plain.append(covered(p, np.sqrt(p * (1 - p) / n), int(n), 0.4))
    assert 0.92 <= np.mean(clustered) <= 0.98
    assert np.mean(plain) < 0.85


def test_paired_intervals_cover_a_planted_effect_and_are_shorter_than_unpaired_ones() -> None:
    hits, shorter = [], []
    for seed in range(300):
        trials = trials_from(world(seed, size=12, spread=0.25), "world")
        effect = cell(trials, "b", metric="effect", against="a")
        a, b = cell(trials, "a"), cell(trials, "b")
        hits.append(covered(effect["effect"], effect["se"], 30, 0.15))
        shorter.append(effect["se"] < np.hypot(a["se"], b["se"]))
        assert effect["effect"] == pytest.approx(b["accuracy"] - a["accuracy"])
        assert effect["n_clusters_shared"] == 30
    assert 0.92 <= np.mean(hits) <= 0.98
    assert np.mean(shorter) > 0.95


def test_a_contrast_without_shared_clusters_is_the_unpaired_one() -> None:
    table = world(3).with_columns(pl.concat_str(["condition", "item"]).alias("item"))
    table = table.with_columns(pl.concat_str(["condition", "cluster"]).alias("cluster"))
    trials = trials_from(table, "world")
    effect = cell(trials, "b", metric="effect", against="a")
    a, b = cell(trials, "a"), cell(trials, "b")
    assert effect["n_clusters_shared"] == 0
    assert effect["se"] == pytest.approx(np.hypot(a["se"], b["se"]), rel=0.02)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_no_response_is_lost(responses: list[tuple[int, bool, bool]]) -> None:
    """Unparsed responses stay in the share parsed, and the mean is that of the parsed ones."""
    rows = [
        {"run": "r", "item": str(i), "cluster": str(c), "value": float(v) if parsed else None, "parsed": parsed}
        for i, (c, v, parsed) in enumerate(responses)
    ]
    table = pl.DataFrame(rows, schema_overrides={"value": pl.Float64})
    row = trials_from(table, "made").to_runs().table.row(0, named=True)
    parsed = [v for _, v, p in responses if p]
    assert row["parsed"] == pytest.approx(np.mean([p for _, _, p in responses]))
    assert row["n_items"] == len(parsed)
    assert row["n_clusters"] == len({c for c, _, p in responses if p})
    if parsed:
        assert row["accuracy"] == pytest.approx(np.mean(parsed))
        assert (row["se"] is None) == (row["n_clusters"] < 2)
        assert row["se"] is None or row["se"] > 0 or len(set(parsed)) == 2


def test_a_row_at_the_ceiling_is_no_certainty() -> None:
    table = pl.DataFrame({"run": "r", "item": [str(i) for i in range(50)], "value": [1] * 50})
    runs = trials_from(table, "made").to_runs(chance=0.5, ceiling=1.0)
    assert 0.02 < runs.table["se"][0] < 0.05
    assert any("lie at the ceiling" in line for line in runs.reading)


@pytest.mark.parametrize("clusters", [8, 16, 40])
def test_a_change_that_is_rare_or_nearly_certain_is_covered_with_few_clusters(clusters: int) -> None:
    """Each cluster changes for certain or not at all: often none of them does, which is no certainty that none would.

    Without an error for clusters that agree exactly, these intervals cover as few as 55 % of plants."""
    rng = np.random.default_rng(0)
    for chance in (0.05, 0.1, 0.9):
        drawn = (rng.random((120, clusters)) < chance).astype(float)
        rows = [
            {"run": str(world), "item": str(c), "condition": name, "value": value}
            for world, values in enumerate(drawn)
            for c, changed in enumerate(values)
            for name, value in (("a", 0.0), ("b", float(changed)))
        ]
        table = trials_from(pl.DataFrame(rows), "made").to_runs("effect", by=("condition",), against="a").table
        hits = [covered(row["effect"], row["se"], clusters, chance) for row in table.iter_rows(named=True)]
        assert len(hits) == 120
        assert np.mean(hits) >= 0.88


def test_standard_errors_are_those_of_a_regression_with_clusters() -> None:
    """OLS on a constant and the condition, with the sandwich of Liang and Zeger, clusters of unequal size."""
    rng = np.random.default_rng(4)
    table = world(5, clusters=9, size=5).filter(pl.Series(rng.random(90) < 0.7))
    x = np.column_stack([np.ones(table.height), (table["condition"] == "b").to_numpy().astype(float)])
    y, groups = table["value"].to_numpy().astype(float), table["cluster"].to_numpy()
    bread = np.linalg.inv(x.T @ x)
    residual = y - x @ (bread @ x.T @ y)
    scores = [x[groups == g].T @ residual[groups == g] for g in np.unique(groups)]
    meat = sum((np.outer(s, s) for s in scores), np.zeros((2, 2)))
    error = np.sqrt((bread @ meat @ bread)[1, 1] * len(scores) / (len(scores) - 1))
    assert cell(trials_from(table, "world"), "b", metric="effect", against="a")["se"] == pytest.approx(error)


def test_scale_exposure_and_seed_are_kept() -> None:
    table = world(0).with_columns(pl.lit(3).alias("exposure"), pl.lit(1e6).alias("params"), pl.lit(1).alias("seed"))
    runs = trials_from(table, "world").to_runs(chance=0.5)
    assert set(runs.table["group"]) == {"all, a", "all, b"}
    assert runs.table["run"].to_list() == ["r, a", "r, b"]
    assert runs.table.select("params", "exposure", "seed", "chance").row(0) == (1e6, 3.0, "1", 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop("value"), "need a column 'value'"),
        (lambda t: t.clear(), "has no rows"),
        (lambda t: pl.concat([t, t]), "is there twice"),
        (lambda t: t.with_columns(pl.lit("x").alias("value")), "column 'value': is not a number"),
        (lambda t: t.with_columns(pl.lit(float("nan")).alias("value")), "is not a finite number"),
        (lambda t: t.with_columns(pl.lit(None).cast(pl.Float64).alias("value")), "is empty though"),
        (lambda t: t.with_columns(pl.lit(False).alias("parsed")), "though the response was not parsed"),
        (lambda t: t.with_columns(pl.lit("maybe").alias("parsed")), "must be true or false"),
        (lambda t: t.with_columns(pl.lit("one").alias("item")), "belongs to several clusters"),
        (lambda t: t.with_columns(pl.lit(None).cast(pl.String).alias("run")), "column 'run': is empty"),
    ],
)
def test_bad_tables_are_refused_in_one_sentence(change: object, message: str) -> None:
    with pytest.raises(TableError, match=message) as caught:
        trials_from(change(world(0)), "made.csv")  # type: ignore[operator]
    assert str(caught.value).startswith("made.csv")


@pytest.mark.parametrize("clusters", [8, 3000])
def test_clusters_that_agree_are_no_certainty(clusters: int) -> None:
    """By Agresti and Coull 1998; 3000 cubed is more than 32 bits hold."""
    same = pl.DataFrame({"run": "r", "item": [f"i{i}" for i in range(clusters)], "condition": "a", "group": "g"})
    trials = trials_from(same.with_columns(pl.lit(1.0).alias("value")), "made")
    share = 2 / (clusters + 4)
    expected = (share * (1 - share) / (clusters + 4)) ** 0.5
    assert trials.to_runs().table["se"][0] == pytest.approx(expected, rel=1e-12)


def test_bad_calls_are_refused() -> None:
    trials = trials_from(world(0), "made")
    with pytest.raises(TableError, match="did you mean 'condition'"):
        trials.to_runs(by=("conditions",))
    with pytest.raises(TableError, match="there are a, b"):
        trials.to_runs(against="c")
    with pytest.raises(TableError, match="below the ceiling"):
        trials.to_runs(chance=1.0, ceiling=0.5)


def test_a_saved_table_is_read_back(tmp_path: Path) -> None:
    trials = trials_from(world(0), "made")
    for name in ("t.csv", "t.parquet"):
        trials.save(tmp_path / name)
        assert read_trials(tmp_path / name).to_runs().table.equals(trials.to_runs().table)
    with pytest.raises(TableError, match="no such file"):
        read_trials(tmp_path / "none.csv")


def test_the_same_trials_give_the_same_bits() -> None:
    """Sums are taken in the order of the table, whatever threads group it."""
    table = pl.concat([world(seed, 60).with_columns(pl.lit(f"r{seed}").alias("run")) for seed in range(20)])
    trials = trials_from(table.with_columns(pl.col("value") / 3), "made")
    for options in ({}, {"against": "a"}):
        first, *others = (trials.to_runs(**options).table.write_csv() for _ in range(8))  # type: ignore[arg-type]
        assert all(other == first for other in others)
