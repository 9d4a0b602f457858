"""What a table holds, listed and exported."""

from pathlib import Path

import polars as pl
import pytest

import scalewise as sw
from scalewise.errors import TableError
from scalewise.runs.export import WANDB_NAMES, export
from scalewise.runs.listing import at_their_end, ordered, spread

TABLE = pl.DataFrame(
    {
        "run": ["a", "a", "b", "c", "d"],
        "seed": [0, 0, 1, 2, 0],
        "params": [1e6, 1e6, 1e6, 1e6, 2e6],
        "step": [1, 2, 2, 2, 2],
        "tokens": [1e6, 2e6, 2e6, 2e6, 2e6],
        "loss": [5.0, 3.0, 3.2, 3.4, 2.5],
    }
)


def test_runs_are_listed_at_their_end() -> None:
    runs = sw.read(TABLE)
    listed = ordered(at_their_end(runs), "loss")
    assert listed["run"].to_list() == ["d", "a", "b", "c"]
    assert listed["loss"].to_list() == [2.5, 3.0, 3.2, 3.4]
    assert at_their_end(runs, ["step"]).columns == ["run", "step"]
    with pytest.raises(TableError, match=r"--sort los: .*did you mean 'loss'"):
        ordered(listed, "los")


def test_the_spread_is_that_of_student_over_runs() -> None:
    """Three runs at 3.0, 3.2 and 3.4: t(0.975, 2) is 4.3027, the standard deviation 0.2."""
    row = spread(sw.read(TABLE), ["params"]).filter(pl.col("params") == 1e6).row(0, named=True)
    assert (row["runs"], row["seeds"]) == (3, 3)
    assert row["loss"] == pytest.approx(3.2)
    assert row["sd"] == pytest.approx(0.2)
    assert row["loss_high"] - row["loss"] == pytest.approx(4.302653 * 0.2 / 3**0.5, rel=1e-6)
    with pytest.raises(TableError, match="--group-by size"):
        spread(sw.read(TABLE), ["size"])


def test_a_run_ends_at_its_last_evaluation() -> None:
    """Training goes on being logged after the last evaluation; that is not a run without a loss."""
    later = pl.DataFrame({"run": ["a"], "seed": [0], "params": [1e6], "step": [3], "tokens": [3e6], "loss": [None]})
    runs = sw.read(pl.concat([TABLE, later], how="diagonal_relaxed"))
    assert runs.ended.filter(pl.col("run") == "a")["loss"].to_list() == [3.0]


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_what_is_exported_reads_back_the_same(tmp_path: Path, ending: str) -> None:
    runs = sw.read(TABLE)
    file = tmp_path / f"runs.{ending}"
    export(runs, ending, file)  # type: ignore[arg-type]
    assert sw.read(file).table.equals(runs.table)


def test_names_of_wandb_are_understood_when_read_back(tmp_path: Path) -> None:
    runs = sw.read(TABLE)
    export(runs, "wandb-names", tmp_path / "w.csv")
    again = sw.read(tmp_path / "w.csv").table
    assert "val/loss" in (tmp_path / "w.csv").read_text()
    assert again.select(sorted(again.columns)).equals(runs.table.select(sorted(runs.table.columns)))


def test_every_name_of_wandb_is_understood_or_kept(tmp_path: Path) -> None:
    columns = {"seconds": [1.0] * 5, "lr": [0.1] * 5, "train_loss": [2.0] * 5}
    runs = sw.read(TABLE.with_columns(**{name: pl.Series(values) for name, values in columns.items()}))
    export(runs, "wandb-names", tmp_path / "w.csv")
    again = sw.read(tmp_path / "w.csv").table
    assert set(WANDB_NAMES.values()) == set(pl.read_csv(tmp_path / "w.csv").columns) & set(WANDB_NAMES.values())
    assert set(again.columns) ^ set(runs.table.columns) == {"train_loss", "train/loss"}


def test_a_column_under_both_names_is_one_where_no_row_has_both(tmp_path: Path) -> None:
    mixed = TABLE.with_columns(
        pl.Series("train_loss", [1.0, 2.0, None, None, None]), pl.Series("train/loss", [None, None, 3.0, 4.0, None])
    )
    export(sw.read(mixed), "wandb-names", tmp_path / "w.csv")
    assert pl.read_csv(tmp_path / "w.csv")["train/loss"].to_list() == [1, 2, 3, 4, None]
    with pytest.raises(TableError, match="rows have both 'train_loss' and 'train/loss'"):
        export(sw.read(mixed.with_columns(pl.lit(1.0).alias("train/loss"))), "wandb-names", tmp_path / "w.csv")
