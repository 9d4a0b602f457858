"""Tables that are in memory already, and open files."""

import io
from pathlib import Path

import polars as pl
import pytest

import scalewise as sw
from scalewise.errors import TableError

GOOD = "params,tokens,loss\n1e6,1e8,3.1\n2e6,1e8,2.9\n4e6,2e8,2.7\n"


def test_pandas_and_arrow_come_in_at_the_door() -> None:
    pandas = pytest.importorskip("pandas")
    pyarrow = pytest.importorskip("pyarrow")
    columns = {"params": [1e6, 2e6], "tokens": [1e8, 2e8], "loss": [3.0, 2.5], "group": ["a", "b"]}
    assert sw.read(pandas.DataFrame(columns)).table.equals(sw.read(pyarrow.table(columns)).table)


def test_a_pandas_frame_keeps_its_named_index_and_its_missing_cells() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "run": ["a", None, "c"],
            "params": [1e6, 2e6, 3e6],
            "tokens": pandas.array([10**8, None, 10**9], dtype="Int64"),
            "loss": [3.0, 2.5, 2.0],
            "kind": pandas.Categorical(["x", "y", "x"]),
        }
    ).set_index("run")
    table = sw.read(frame).table
    assert table["run"].to_list() == ["a", "row 2", "c"]
    assert table["tokens"].to_list() == [1e8, None, 1e9]
    assert table["kind"].to_list() == ["x", "y", "x"]
    with pytest.raises(TableError, match="column params is there more than once"):
        sw.read(pandas.DataFrame([[1e6, 2e6]], columns=["params", "params"]))


@pytest.mark.parametrize("ending", ["csv", "parquet", "ndjson"])
def test_an_open_file_is_read_whatever_it_holds(tmp_path: Path, ending: str) -> None:
    table = pl.read_csv(io.StringIO(GOOD))
    path = tmp_path / "unnamed"
    getattr(table, f"write_{ending}")(path)
    with path.open("rb") as file:
        runs = sw.read(file)
    assert runs.source == str(path)
    assert runs.table.equals(sw.read(io.BytesIO(path.read_bytes())).table)
    assert runs.numbers("loss").tolist() == [3.1, 2.9, 2.7]


@pytest.mark.parametrize(
    ("given", "called"),
    [(None, "a NoneType"), ([], "an empty list"), ({"params": [1]}, "a dict"), ([{"params": 1}], "a list of dict")],
)
def test_what_cannot_be_read_is_told_what_can(given: object, called: str) -> None:
    with pytest.raises(TableError, match=f"cannot be read from {called}; give a path, a list of paths, a data frame"):
        sw.read(given)


def test_dates_are_no_numbers() -> None:
    with pytest.raises(TableError, match="column 'loss': cells are Date, not numbers"):
        sw.read(pl.DataFrame({"params": [1e6], "loss": [1]}).with_columns(pl.col("loss").cast(pl.Date)))
