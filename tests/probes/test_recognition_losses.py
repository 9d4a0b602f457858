"""Recognition from item losses: the published table under both rules, planted traces, and what cannot be judged."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scalewise as sw
from scalewise.errors import QuestionError, TableError
from scalewise.probes.recognition import human_runs, judged, read_losses
from scalewise.probes.recognition.losses import HUMAN
from scalewise.questions.recognition import recognition
from scalewise.questions.recognition.curves import curves_of
from scalewise.questions.recognition.findings import seeds_differ
from scalewise.runs.trials import Trials


def answered(trials: Trials) -> sw.Answer:
    return recognition(trials, HUMAN, "scalewise probe recognition", resamples=300)


def reached(answer: sw.Answer, model: str, rule: str) -> dict[str, tuple[object, ...]]:
    """Exposures until human with their interval, by condition."""
    finding = answer.finding("Exposures until human accuracy")
    rows = [dict(zip(finding.columns, row, strict=True)) for row in finding.rows]
    return {
        str(r["condition"]): (r["exposures"], r["exposures_low"], r["exposures_high"])
        for r in rows
        if (r["model"], r["rule"]) == (model, rule)
    }


PUBLISHED = {
    "brady imagenet": {"novel": 14, "exemplar": 9, "state": 8},
    "brady saycam": {"novel": 13, "exemplar": 9, "state": 8},
    "brady_model_size mini": {"novel": 28, "exemplar": 16, "state": 14},
    "brady_model_size control": {"novel": 11, "exemplar": 7, "state": 6},
}
"""First exposure at human accuracy by raw likelihood, from the item losses behind Orhan 2022 (arXiv 2204.13061).
mini reaches 370 of 400, exactly people's 92.5 %, after 28."""


def test_published_losses_reproduce_the_table_under_both_rules(shared: Path) -> None:
    trials = read_losses(shared / "igpt_recognition_memory" / "item_losses.parquet")
    answer = answered(trials)
    for model, expected in PUBLISHED.items():
        raw = reached(answer, model, "raw")
        assert {condition: ends[0] for condition, ends in raw.items()} == expected
        for value, low, high in raw.values():
            assert low <= value <= high  # type: ignore[operator]
        assert set(reached(answer, model, "change").values()) == {(2.0, 2.0, 2.0)}
    runs = human_runs(trials).table
    second = runs.filter((pl.col("rule") == "change") & (pl.col("exposure") == 2))
    pooled = second.group_by("group", "condition").agg(pl.col("accuracy").mean())
    for row in pooled.iter_rows(named=True):
        if "brady " in row["group"] and "tabularasa" not in row["group"]:
            assert 0.97 <= row["accuracy"] <= 1
    scratch = pooled.filter(pl.col("group").str.contains("tabularasa"))["accuracy"]
    assert scratch.len() == 3
    assert scratch.is_between(0.47, 0.55).all()
    assert reached(answer, "brady tabularasa", "raw")["exemplar"][0] == 59
    assert reached(answer, "brady tabularasa", "change")["exemplar"][0] is None


def test_raw_accuracies_are_the_published_counts(shared: Path) -> None:
    """Items are paired as the source pairs them: the number correct agrees at every exposure of every run."""
    folder = shared / "igpt_recognition_memory"
    own = human_runs(read_losses(folder / "item_losses.parquet", "experiment == 'brady'")).table
    own = own.filter(pl.col("rule") == "raw").with_columns((pl.col("accuracy") * pl.col("n_items")).alias("correct"))
    published = pl.read_csv(folder / "accuracy.csv.gz").filter(pl.col("experiment") == "brady")
    run = pl.concat_str(["experiment", "model", "stimulus_set", "run"], separator="/")
    published = published.select(
        pl.concat_str([run, "model", "test", pl.lit("raw")], separator=", ").alias("run"),
        pl.col("exposures").cast(pl.Float64).alias("exposure"),
        "n_correct",
    )
    both = own.join(published, on=["run", "exposure"], how="inner")
    assert both.height == own.height > 1000
    assert (both["correct"] - both["n_correct"]).abs().max() < 1e-9  # type: ignore[operator]


def test_the_question_target_answers_from_the_runs(shared: Path) -> None:
    where = "model == 'imagenet'"
    runs = human_runs(read_losses(shared / "igpt_recognition_memory" / "item_losses.parquet", where))
    table = runs.table.filter((pl.col("rule") == "raw") & (pl.col("condition") != "novel"))
    answer = sw.ask(
        "target", table, x="exposure", y="accuracy", level_column="human", points="all", items="n_items", resamples=100
    )
    finding = answer.finding("How much exposure until the level")
    found = [dict(zip(finding.columns, row, strict=True)) for row in finding.rows]
    assert [round(float(str(row["reached_at"]))) for row in found] == [8, 7]


def planted(seed: int, trace: float, pairs: int = 150, spread: float = 0.3, looks: int = 12) -> pl.DataFrame:
    """Losses of pairs in which every exposure lowers the studied item's loss by `trace` more than the foil's."""
    rng = np.random.default_rng(seed)
    studied, foil = (3 + rng.normal(0, spread, pairs) for _ in range(2))
    rows = []
    for exposure in range(looks):
        noise = rng.normal(0, 0.004, (2, pairs))
        for pair in range(pairs):
            for seen, loss in ((True, studied[pair] - trace * exposure), (False, foil[pair])):
                rows.append(("exemplar", pair, exposure, seen, loss + noise[int(seen), pair]))
    return pl.DataFrame(rows, schema=["condition", "pair", "exposure", "seen", "loss"], orient="row").with_columns(
        pl.lit("r").alias("run")
    )


def test_a_planted_trace_is_found_at_once_by_change_and_late_by_raw_likelihood() -> None:
    """With sd s between items and a trace d an exposure, raw accuracy is Phi(d e / (s sqrt 2)) after e."""
    answer = answered(judged(planted(0, 0.05, looks=25), "planted"))
    raw, change = (reached(answer, "all", rule)["exemplar"] for rule in ("raw", "change"))
    truth = 1.155 * 0.3 * np.sqrt(2) / 0.05  # Phi(1.155) = .876, the human level
    assert raw[1] <= np.ceil(truth) <= raw[2]  # type: ignore[operator]
    assert change == (1, 1, 1)
    why = dict(zip(*(answer.finding("Why the rules differ").columns, answer.finding("Why the rules differ").rows[0])))  # noqa: B905
    assert why["trace_of_one_exposure"] == pytest.approx(0.05, abs=0.003)
    assert why["difference_within_pairs"] == pytest.approx(0.3 * np.sqrt(2), rel=0.15)
    assert answer.verdict == "no"
    assert answer.charts[0].layers["points"]
    assert sw.Answer.from_json(answer.to_json()) == answer


def studied_twice(seed: int, apart: float, pairs: int = 40, looks: int = 20) -> pl.DataFrame:
    """Two lists and two seeds: what makes one item of a pair harder turns its sign between lists, and every run learns
    at a speed of its own, log-normal with `apart`."""
    rng = np.random.default_rng(seed)
    harder, exposures = rng.normal(0, 0.3 * 2**0.5, pairs), np.arange(looks)
    tables = []
    for own, side in ((own, side) for own in "01" for side in (1, -1)):
        trace = 0.05 * np.exp(apart * rng.normal()) * exposures[:, None]
        margins = trace + side * harder + rng.normal(0, 0.05, (looks, pairs))
        rows = pl.DataFrame(
            {"exposure": exposures.repeat(pairs), "pair": np.tile(np.arange(pairs), looks), "margin": margins.ravel()}
        ).with_columns(pl.lit(own).alias("seed"), pl.lit(f"{own}{side}").alias("run"))
        tables += [
            rows.with_columns(pl.lit(seen).alias("seen"), loss.alias("loss"))
            for seen, loss in ((True, 9 - 0.001 * pl.col("exposure")), (False, 9 + pl.col("margin")))
        ]
    return pl.concat(tables).drop("margin").with_columns(pl.lit("exemplar").alias("condition"))


def test_intervals_cover_the_planted_exposure() -> None:
    """Planted: the tenth is the first at which Phi(.05 e / sd) is at people's .876."""
    covered = []
    for seed in range(40):
        curves = curves_of(judged(studied_twice(seed, 0.0), "made"), 300, seed)
        _, low, high = next(c for c in curves if c.rule == "raw").reached(0.876)
        covered.append(low <= 10 <= high)
    assert np.mean(covered) >= 0.9


def test_no_trace_is_never_recognised() -> None:
    answer = answered(judged(planted(1, 0.0), "planted"))
    assert reached(answer, "all", "raw")["exemplar"] == (None, None, None)
    assert reached(answer, "all", "change")["exemplar"] == (None, None, None)
    assert "is not as good as people's within 11 exposures by raw likelihood or by change in" in answer.sentence


def test_one_big_exposure_is_enough() -> None:
    answer = answered(judged(planted(2, 3.0, looks=4), "planted"))
    assert answer.verdict == "yes"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.filter(~((pl.col("pair") == 3) & ~pl.col("seen"))), "every studied item needs one foil"),
        (lambda t: t.with_columns(pl.lit(float("nan")).alias("loss")), "not a finite number"),
        (lambda t: t.with_columns((11 - pl.col("exposure")).alias("exposure")), "are they in order"),
        (lambda t: t.with_columns(-pl.col("loss")), "rather than log-likelihoods"),
        (lambda t: t.with_columns(pl.lit("x").alias("loss")), "row 1, column 'loss': is not a finite number"),
        (lambda t: t.with_columns(pl.lit("maybe").alias("seen")), "column 'seen': must be true or false"),
        (lambda t: t.with_columns(pl.lit(None, pl.String).alias("condition")), "column 'condition': is empty"),
        (lambda t: t.with_columns(pl.col("pair").replace(4, 3)), "pair '3' of condition 'exemplar' has several"),
        (lambda t: t.filter((pl.col("pair") != 3) | (pl.col("exposure") != 4)), "fewer times than others"),
    ],
)
def test_what_cannot_be_judged_is_refused(change: object, message: str) -> None:
    with pytest.raises(TableError, match=message):
        judged(change(planted(0, 0.05)), "made")  # type: ignore[operator]


def test_a_condition_without_a_human_level_is_refused() -> None:
    with pytest.raises(QuestionError, match="no human level is known for other"):
        answered(judged(planted(0, 0.05).with_columns(pl.lit("other").alias("condition")), "made"))


def test_sizes_are_groups_of_their_own_in_runs() -> None:
    sizes = [planted(0, 0.05).with_columns(pl.lit(p).alias("params"), pl.lit(f"r{p}").alias("run")) for p in (1e3, 2e3)]
    runs = human_runs(judged(pl.concat(sizes), "made")).table
    assert runs.group_by("group").agg(pl.col("params").n_unique())["params"].to_list() == [1] * 4
    assert "all 2000 params, exemplar, raw" in set(runs["group"])


def test_where_change_is_measured_from_is_said() -> None:
    before, after = planted(0, 0.05), planted(0, 0.05).filter(pl.col("exposure") > 0)
    assert any("before study, which a person does not" in line for line in answered(judged(before, "made")).assumptions)
    assert any("from the look after exposure 1" in line for line in answered(judged(after, "made")).assumptions)


def test_seeds_that_differ_by_more_than_pairs_explain_are_told() -> None:
    told = [
        [
            any("seeds differ" in line for line in seeds_differ(judged(studied_twice(seed, apart), "made")))
            for seed in range(10)
        ]
        for apart in (0.0, 1.0)
    ]
    assert sum(told[0]) <= 1  # one in twenty by chance
    assert sum(told[1]) >= 4  # some two seeds happen to be as fast


def test_every_condition_has_a_figure_for_each_rule() -> None:
    both = [planted(0, 0.05).with_columns(pl.lit(name).alias("condition")) for name in ("state", "exemplar")]
    answer = answered(judged(pl.concat(both), "made"))
    assert [chart.title for chart in answer.charts] == [
        f"{condition} recognition by {rule}"
        for condition in ("Exemplar", "State")
        for rule in ("raw likelihood", "change in likelihood")
    ]
    assert answer.charts[0].layers["levels"] == [{"y": 0.876, "label": "people"}]


def test_few_pairs_are_said() -> None:
    answer = answered(judged(planted(0, 0.05, pairs=20), "made"))
    assert any("only 20 pairs" in line for line in answer.assumptions)


def command(*words: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "scalewise", "probe", *words]
    return subprocess.run(call, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_judges_a_file_and_writes_runs(tmp_path: Path) -> None:
    planted(0, 0.05).write_csv(tmp_path / "losses.csv")
    done = command("recognition", "--losses", str(tmp_path / "losses.csv"), "--runs", str(tmp_path / "runs.csv"))
    assert done.returncode == 0, done.stderr
    assert "by change in likelihood" in " ".join(done.stdout.split())
    assert {"exposure", "accuracy", "se", "human", "chance"} <= set(pl.read_csv(tmp_path / "runs.csv").columns)


def test_slips_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("pair,loss\n1,2\n")
    for words, message in (
        (("recognitoin",), "did you mean 'recognition'"),
        (("recognition", "--losses", str(tmp_path / "bad.csv")), "need a column 'condition'"),
        (("recognition", "--losses", str(tmp_path / "none.csv")), "there is no such file"),
        (("recognition", "--losses", str(tmp_path / "bad.csv"), "--batch", "2"), "--batch is for what is trained"),
    ):
        done = command(*words)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert message in done.stderr
