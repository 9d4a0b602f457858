"""The tables and figures of a recognition answer."""

from collections.abc import Mapping, Sequence

import numpy as np

from scalewise.questions.answer import Chart, Finding, Row, with_interval
from scalewise.questions.recognition.curves import Curve, label_of
from scalewise.runs.table import listed
from scalewise.runs.trials import Trials

Human = Mapping[str, tuple[float, float]]
SHOWN = (1, 2, 3, 5, 10, 20)
"""Exposures whose accuracy is printed, where they were measured."""


def until_human(curves: Sequence[Curve], human: Human) -> Finding:
    rows = []
    for curve in curves:
        if curve.condition in human:
            level = human[curve.condition][0]
            ends = (v if np.isfinite(v) else None for v in curve.reached(level))
            rows.append((curve.label, curve.condition, curve.rule, level, *ends, curve.pairs))
    return Finding(
        "Exposures until human accuracy",
        ("model", "condition", "rule", "human", *with_interval("exposures"), "pairs"),
        tuple(rows),
        "the first exposure at which accuracy is at least that of people after one look (Brady et al. 2008); an end "
        "without a number was not reached. raw: the item of lower loss was studied; change: the item whose loss fell "
        "more since the first look was.",
    )


def accuracies(curves: Sequence[Curve]) -> Finding:
    measured = sorted({float(e) for curve in curves for e in curve.exposures})
    shown = [e for e in measured if e in SHOWN] or measured[:6]
    rows = [(curve.label, curve.condition, curve.rule, *(curve.at(e) for e in shown)) for curve in curves]
    return Finding(
        "Accuracy after so many exposures",
        ("model", "condition", "rule", *(f"after_{e:g}" for e in shown)),
        tuple(rows),
        "chance is 0.5; the figures show the intervals.",
    )


def why_they_differ(trials: Trials) -> Finding:
    """How much pairs differ before study, against what one exposure does to them."""
    rows = tuple(
        (label, condition, spread, trace, spread / trace if trace > 0 else None)
        for label, condition, spread, trace in traces(trials)
    )
    return Finding(
        "Why the rules differ",
        ("model", "condition", "difference_within_pairs", "trace_of_one_exposure", "ratio"),
        rows,
        "in nats per token: standard deviation of foil minus studied loss at the first look, and by how much the next "
        "exposure moves it; raw likelihood must see the second through the first.",
    )


def traces(trials: Trials) -> list[tuple[str, str, float, float]]:
    """(model, condition, sd of the margin at the first look, its mean change with the next exposure)."""
    import polars as pl

    raw = trials.table.filter((pl.col("rule") == "raw") & (pl.col("updates") == 0))
    sizes = ["params"] if "params" in raw.columns else []
    keys = ["group", *sizes, "condition"]
    second = raw["exposure"].unique().sort()
    if second.len() < 2:
        return []
    found = (
        raw.filter(pl.col("exposure") == second[1])
        .group_by(keys, maintain_order=True)
        .agg(pl.col("reference").std().alias("spread"), (pl.col("margin") - pl.col("reference")).mean().alias("trace"))
        .sort(keys)
    )
    return [
        (
            label_of(row["group"], row.get("params")),
            row["condition"],
            float(row["spread"]),
            float(row["trace"]),
        )
        for row in found.iter_rows(named=True)
    ]


def seeds_differ(trials: Trials) -> tuple[str, ...]:
    """Says which models' seeds differ by more than their pairs explain (5 % of models would by chance, taking each
    condition's curve as one draw), since intervals are of pairs alone."""
    import polars as pl
    from scipy.special import chdtri

    raw = trials.table.filter((pl.col("rule") == "raw") & (pl.col("updates") == 0) & (pl.col("exposure") > 0))
    if "seed" not in raw.columns:
        return ()
    raw = raw.with_columns(pl.col("params") if "params" in raw.columns else pl.lit(None).alias("params"))
    model, at = ["group", "params"], ["condition", "exposure"]
    accuracy = pl.col("value").mean()
    own = raw.group_by(*model, *at, "cluster", "seed", maintain_order=True).agg(accuracy)
    apart = pl.col("value") - pl.col("value").mean().over(*model, *at, "cluster")
    of_seeds = (
        own.with_columns(apart.alias("apart"))
        .group_by(*model, *at, "seed", maintain_order=True)
        .agg((pl.col("apart").mean() ** 2).alias("between"), (pl.col("apart").var() / pl.len()).alias("expected"))
    )
    ratios = of_seeds.group_by(model, maintain_order=True).agg(
        (pl.col("between").sum() / pl.col("expected").sum()).sqrt().alias("ratio")
    )
    draws = (raw["seed"].n_unique() - 1) * raw["condition"].n_unique()
    if not draws:
        return ()
    wide = ratios.filter(pl.col("ratio") ** 2 > float(chdtri(draws, 0.05)) / draws).sort("ratio", descending=True)
    if not wide.height:
        return ()
    named = listed(f"{label_of(r['group'], r['params'])} ({r['ratio']:.1f} times)" for r in wide.iter_rows(named=True))
    return (f"seeds differ by more than pairs explain, for {named}; intervals do not hold that, more seeds show it",)


def retention(trials: Trials) -> Finding | None:
    """Accuracy after further updates on other data, where that was measured."""
    import polars as pl

    if not trials.table["updates"].max():
        return None
    sizes = ["params"] if "params" in trials.table.columns else []
    keys = ["group", *sizes, "condition", "rule"]
    last = trials.table.filter(pl.col("exposure") == pl.col("exposure").max().over("run"))
    means = last.group_by([*keys, "updates"]).agg(pl.col("value").mean())
    table = means.pivot(on="updates", index=keys, values="value").sort(
        keys, descending=[True, *[False] * len(keys[1:])]
    )
    later = sorted(means["updates"].unique())
    rows = tuple(
        (label_of(row["group"], row.get("params")), row["condition"], row["rule"], *(row[str(u)] for u in later))
        for row in table.iter_rows(named=True)
    )
    return Finding(
        "What is retained",
        ("model", "condition", "rule", *(f"{u}_updates_later" for u in later)),
        rows,
        "accuracy after the last exposure, and after so many updates on other data.",
    )


def charts(curves: Sequence[Curve], human: Human) -> tuple[Chart, ...]:
    """A figure for each condition and rule, exemplars first."""
    conditions = sorted({c.condition for c in curves}, key=lambda name: (name != "exemplar", name))
    return tuple(_chart(curves, human, condition, rule) for condition in conditions for rule in ("raw", "change"))


def _chart(curves: Sequence[Curve], human: Human, condition: str, rule: str) -> Chart:
    """Accuracy of every model against exposures, the human level across it."""
    points: list[Row] = []
    lines: list[Row] = []
    for curve in curves:
        if (curve.condition, curve.rule) != (condition, rule):
            continue
        low, high = np.quantile(curve.resampled, (0.025, 0.975), axis=0)
        for x, y, lo, hi in zip(curve.exposures, curve.accuracy, low, high, strict=True):
            if x > 0:
                row: Row = {"x": float(x), "y": float(y), "label": curve.label}
                points.append(row)
                lines.append(row | {"low": float(lo), "high": float(hi)})
    levels: list[Row] = [{"y": human[condition][0], "label": "people"}] if condition in human else []
    called = "raw likelihood" if rule == "raw" else "change in likelihood"
    return Chart(
        "outcome_curves",
        f"{condition.capitalize()} recognition by {called}",
        f"Share of {condition} pairs told apart by {called} against exposures, with 95 % bands"
        f"{' and the accuracy of people after one look (dashed)' if levels else ''}, on a linear and on a log axis.",
        {"axes": [{"x": "exposures", "y": "accuracy"}], "points": points, "curves": lines, "levels": levels},
    )
