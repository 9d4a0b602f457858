"""equal-compute says when which size wins depends on the group, and only then."""

import polars as pl

import scalewise as sw


def suite(small_wins_in: tuple[str, ...], noise: float, seeds: int = 3) -> pl.DataFrame:
    """Two sizes in three groups, each run once per seed at one compute; the winner is 5 % ahead."""
    rows = []
    for group in ("adamw", "lion", "muon"):
        for params in (1e6, 4e6):
            ahead = (params == 1e6) == (group in small_wins_in)
            for seed in range(seeds):
                loss = 2.0 * (1.0 if ahead else 1.05) * (1 + noise * (seed - 1))
                rows.append((f"{group}-{params:g}-{seed}", group, seed, params, 1e12, loss))
    return pl.DataFrame(rows, schema=["run", "group", "seed", "params", "flops", "loss"], orient="row")


def test_a_flip_is_stated_with_its_intervals() -> None:
    answer = sw.ask("equal-compute", suite(("adamw",), noise=0.003), resamples=50)
    assert "Which size wins depends on the group (probability > 99 %): with 'adamw' 1M, by 0.100 [" in answer.sentence
    rows = {row[0]: row for row in answer.finding("Winner within each group").rows}
    assert [rows[group][1] for group in ("adamw", "lion", "muon")] == [1e6, 4e6, 4e6]
    for row in rows.values():
        lead, low, high, best = (float(str(cell)) for cell in row[3:])
        assert 0 < low < lead < high < 0.2
        assert best > 0.99


def test_the_sentence_gives_the_chance_of_the_model_it_names() -> None:
    """Two groups' large models are equally good: the largest size is best for certain, either of them is not."""
    table = suite(("adamw",), noise=0.003)
    answer = sw.ask("equal-compute", table, resamples=50)
    (own,) = {row[-1] for row in answer.finding("Measured winners at equal compute").rows}
    named = float(answer.sentence.split("best of all with probability ")[1].split(" %")[0]) / 100
    assert named == round(float(str(own)), 2)
    assert answer.probability is not None
    assert named < 0.4
    assert answer.probability > 0.6


def test_one_winner_in_all_groups_is_no_flip() -> None:
    answer = sw.ask("equal-compute", suite((), noise=0.003), resamples=50)
    assert "depends on the group" not in answer.sentence
    assert "not all of one size): < 1 %" in answer.finding("Winner within each group").note


def test_a_flip_within_the_noise_is_not_stated() -> None:
    answer = sw.ask("equal-compute", suite(("adamw",), noise=0.1), resamples=50)
    assert "depends on the group" not in answer.sentence


def test_without_seeds_nothing_is_said_of_chances() -> None:
    finding = sw.ask("equal-compute", suite(("adamw",), 0.003, seeds=1), resamples=50).finding(
        "Winner within each group"
    )
    assert all(row[-1] is None for row in finding.rows)
    assert "P(the groups" not in finding.note


def test_groups_without_sizes_in_common_are_not_compared_by_size() -> None:
    table = suite(("adamw",), 0.003)
    own = table.with_columns(
        pl.when(pl.col("group") == "muon").then(pl.col("params") * 1.1).otherwise("params").alias("params")
    )
    answer = sw.ask("equal-compute", own, resamples=50)
    assert "depends on the group" not in answer.sentence
    assert all(finding.title != "Winner within each group" for finding in answer.findings)
