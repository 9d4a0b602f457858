"""Reading: columns are recognised, everything inferred is reported, and bad input gets one sentence."""

import io
import pickle
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scalewise as sw
from scalewise.errors import TableError

GOOD = "params,tokens,loss\n1e6,1e8,3.1\n2e6,1e8,2.9\n4e6,2e8,2.7\n"


def write(tmp_path: Path, text: str, name: str = "runs.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("header", "tells"),
    [
        ("N,D,loss", "params (trainable parameters) is column 'N'"),
        ("Model Size,tokens,val_loss", "loss (held-out loss, nats per token) is column 'val_loss'"),
        ("n_params,tokens_trained,final_loss", "tokens (training tokens seen) is column 'tokens_trained'"),
    ],
)
def test_usual_names_are_recognised_and_reported(tmp_path: Path, header: str, tells: str) -> None:
    runs = sw.read(write(tmp_path, GOOD.replace("params,tokens,loss", header)))
    assert tells in runs.reading
    assert runs.numbers("params").tolist() == [1e6, 2e6, 4e6]


def test_missing_flops_are_computed_and_said(tmp_path: Path) -> None:
    runs = sw.read(write(tmp_path, GOOD))
    assert runs.numbers("flops").tolist() == [6e14, 1.2e15, 4.8e15]
    assert any("6 x params x tokens" in line for line in runs.reading)


def test_missing_tokens_are_computed_and_said(tmp_path: Path) -> None:
    runs = sw.read(write(tmp_path, "C,N,loss\n6e14,1e6,3\n"))
    assert runs.numbers("tokens").tolist() == [1e8]
    assert any("tokens computed" in line for line in runs.reading)


def test_full_flops_count_attention_and_the_last_layer(tmp_path: Path) -> None:
    from scalewise.runs.flops import TransformerShape

    shape = TransformerShape(width=48, depth=3, heads=1, feedforward=128, vocabulary=256, context=128)
    text = f"params,tokens,width,depth,context,vocabulary,loss\n{shape.params},1000,48,3,128,256,2.0\n"
    full = sw.read(write(tmp_path, text))
    by_6nd = sw.read(write(tmp_path, text), flops_by="6nd")
    assert full.numbers("flops")[0] == pytest.approx(1000 * shape.flops_per_token)
    assert by_6nd.numbers("flops")[0] == pytest.approx(6000 * shape.params)
    assert any("counted in full" in line for line in full.reading)


def test_units_are_converted_in_the_reader(tmp_path: Path) -> None:
    runs = sw.read(write(tmp_path, "params,throughput/total_gflops,val_bpb\n1e6,5e5,1.0\n"))
    assert runs.numbers("flops")[0] == pytest.approx(5e14)
    assert runs.numbers("loss")[0] == pytest.approx(np.log(2))
    assert any("bits per byte" in line for line in runs.reading)


def test_counts_may_be_written_as_people_do(tmp_path: Path) -> None:
    text = "params,tokens,loss\n125m,1B,3.1\n1.3B,2 T,2.9\n4e6,2e8,2.7\n"
    runs = sw.read(write(tmp_path, text))
    assert runs.numbers("params").tolist() == [1.25e8, 1.3e9, 4e6]
    assert runs.numbers("tokens").tolist() == [1e9, 2e12, 2e8]
    assert "params: the letters k, M, B and T stand for 1e3, 1e6, 1e9 and 1e12" in runs.reading
    with pytest.raises(TableError, match="row 4, column 'params': 'x7B' is not a number"):
        sw.read(write(tmp_path, text + "x7B,1B,2.6\n"))


def test_a_model_column_that_names_something_wider_is_left_alone(tmp_path: Path) -> None:
    runs = sw.read(write(tmp_path, "model,params,tokens,loss\nllama,1e6,1e8,3\nllama,2e6,1e8,2.9\n"))
    assert runs.table["run"].n_unique() == 2
    assert any("left alone" in line for line in runs.reading)


def test_a_column_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("params", "weights"))
    assert sw.read(path, columns={"params": "weights"}).numbers("params")[0] == 1e6


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "jsonl", "csv.gz", "jsonl.gz"])
def test_every_tidy_format_reads_alike(tmp_path: Path, ending: str) -> None:
    import gzip

    table = pl.read_csv(io.StringIO(GOOD))
    path = tmp_path / f"runs.{ending}"
    if ending == "parquet":
        table.write_parquet(path)
    elif ending == "jsonl":
        table.write_ndjson(path)
    elif ending == "jsonl.gz":
        path.write_bytes(gzip.compress(table.write_ndjson().encode()))
    elif ending == "csv.gz":
        path.write_bytes(gzip.compress(GOOD.encode()))
    else:
        table.write_csv(path, separator="\t" if ending == "tsv" else ",")
    assert sw.read(path).table.select("params", "tokens", "loss", "flops").rows()[0] == (1e6, 1e8, 3.1, 6e14)


@pytest.mark.parametrize(
    ("header", "value", "ours", "wanted"),
    [
        ("accuracy (%)", "53.5", "accuracy", 0.535),
        ("#Params (B)", "1.5", "params", 1.5e9),
        ("metrics.val_loss", "2.5", "loss", 2.5),
        ("params.learning_rate", "0.01", "lr", 0.01),
        ("eval/c4_en-validation/CrossEntropyLoss", "2.5", "loss", 2.5),
    ],
)
def test_names_of_exports_are_understood(tmp_path: Path, header: str, value: str, ours: str, wanted: float) -> None:
    """Per cent, billions, and the headings of `mlflow.search_runs`."""
    runs = sw.read(write(tmp_path, f"run_id,{header}\na,{value}\n"))
    assert runs.numbers(ours).tolist() == pytest.approx([wanted])


def test_a_unit_is_converted_only_where_every_cell_is_a_number(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"row 2, column 'loss': 'n/a' is not a number"):
        sw.read(write(tmp_path, "params,val_bpb\n1e6,0.9\n2e6,n/a\n"))


def test_a_table_without_sizes_is_read_and_its_near_misses_are_named(tmp_path: Path) -> None:
    """Some questions need no sizes; those that do say so, and name the column that looks like it."""
    path = tmp_path / "runs.csv"
    path.write_text("prams,tokens,loss\n1,2,3\n2,4,2\n")
    runs = sw.read(path)
    assert any("'prams' looks like it" in line for line in runs.reading)
    with pytest.raises(TableError, match=r"needs a column 'params' .* --column params=prams"):
        sw.ask("equal-compute", runs)


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("los < 9", "there is no column 'los' (did you mean 'loss'?)"),
        ("loss <", "unable to parse"),
        ("loss < 1", "no row is like that"),
        ("loss", "must be of type"),
    ],
)
def test_a_condition_that_cannot_be_used_is_one_sentence(condition: str, why: str) -> None:
    frame = pl.DataFrame({"params": [1e6, 2e6], "loss": [3.0, 2.5], "arch": ["a", "b"]})
    assert len(sw.read(frame).filtered("loss < 2.8 and group == 'b'")) == 1
    with pytest.raises(TableError) as caught:
        sw.read(frame).filtered(condition)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


BAD = [
    ("text in a number column", "params,tokens,loss\n1e6,1e8,3\n1.2Q,1e8,2\n", "row 2, column 'params': '1.2Q'"),
    ("a negative size", "params,tokens,loss\n-5,1e8,3\n", "row 1, column 'params': -5 must be"),
    ("a size of zero", "params,tokens,loss\n1e6,1e8,3\n0,1e8,3\n", "row 2, column 'params': 0 must be"),
    ("no size", "params,tokens,loss\n,1e8,3\n", "row 1, column 'params': empty"),
    ("negative tokens", "params,tokens,loss\n1e6,-1,3\n", "row 1, column 'tokens': -1"),
    ("a percentage", "params,tokens,accuracy\n1e6,1e8,56.3\n", "a percentage must be divided by 100"),
    ("a loss that is not a number", "params,tokens,loss\n1e6,1e8,NaN\n", "column 'loss': not a finite number in row 1"),
    ("a negative loss", "params,tokens,loss\n1e6,1e8,-3\n", "row 1, column 'loss': -3 must be greater than 0"),
    ("a column twice", "params,params,loss\n1,2,3\n", "column params stands in the header more than once"),
    ("no rows", "params,tokens,loss\n", "no rows"),
    ("nothing", "", "the file is empty"),
    ("semicolons", "params;tokens;loss\n1;2;3\n", "save the table as CSV with commas"),
    ("a size in billions", "params,tokens,loss\n7,1e8,3\n", "write millions and billions out, for example 7e9"),
    ("an absurd size", "params,tokens,loss\n1e300,1e8,3\n", "must be a count"),
    ("a line with too many cells", "params,loss\n1e6,3\n1e6,3,4\n", "line 3: 3 cells, but the header has 2"),
    ("a first line without names", "\n\n1e6,1e8,3\n", "must name the columns"),
    ("one run with two sizes", "run,params,tokens,loss\na,1e6,1,3\na,2e6,1,3\n", "run 'a' has rows of several params"),
]


@pytest.mark.parametrize(("what", "text", "sentence"), BAD, ids=[b[0] for b in BAD])
def test_bad_tables_get_one_sentence(tmp_path: Path, what: str, text: str, sentence: str) -> None:
    with pytest.raises(TableError) as caught:
        sw.read(write(tmp_path, text))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_text_far_down_a_number_column_is_found(tmp_path: Path) -> None:
    rows = ["params,tokens,loss"] + ["1e6,1e8,3.0"] * 20_000
    rows[15_001] = "1e6,many,3.0"
    with pytest.raises(TableError, match="row 15001, column 'tokens': 'many'"):
        sw.read(write(tmp_path, "\n".join(rows)))


@pytest.mark.parametrize("name", ["runs.pkl", "runs.csv"])
def test_a_pickle_is_refused_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(pickle.dumps({"params": [1]}))
    with pytest.raises(TableError, match="a pickle runs code"):
        sw.read(path)


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no such file"):
        sw.read(tmp_path / "absent.csv")
    with pytest.raises(TableError, match="not a store"):
        sw.read(tmp_path)
    with pytest.raises(TableError, match="unknown kind of file"):
        sw.read(write(tmp_path, GOOD, "runs.docx"))


def test_diverged_runs_are_recorded_when_somebody_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "8e6,2e8,NaN\n")
    runs = sw.read(path, nan_means_diverged=True)
    assert runs.failed["run"].to_list() == ["row 4"]
    assert len(runs) == 4
    with_state = write(tmp_path, "params,tokens,loss,state\n1e6,1e8,NaN,diverged\n", "stated.csv")
    assert sw.read(with_state).failed.height == 1


def test_keys_that_come_late_in_json_lines_are_not_lost(tmp_path: Path) -> None:
    lines = ['{"params": 1e6, "tokens": 1e8, "loss": 3.0}'] * 12_000
    lines[11_000] = '{"params": 1e6, "tokens": 100000000, "loss": 9.5, "state": "diverged"}'
    assert sw.read(write(tmp_path, "\n".join(lines), "runs.jsonl")).failed["run"].to_list() == ["row 11001"]


def test_absurdly_wide_tables_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "params," + ",".join(f"m{i}" for i in range(50_000)) + "\n1e6\n")
    with pytest.raises(TableError, match="50,001 columns"):
        sw.read(path)


def test_objects_in_json_lines_are_columns(tmp_path: Path) -> None:
    """As a script writes them that dumps its configuration into every row."""
    line = '{"config": {"n_params": 1e6, "optimizer": {"name": "muon"}}, "loss": 3.0}\n'
    runs = sw.read(write(tmp_path, line, "runs.jsonl"))
    assert runs.table.select("params", "loss", "config.optimizer.name").rows() == [(1e6, 3.0, "muon")]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_text_that_is_not_utf_8_is_refused(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "runs.csv"
    path.write_bytes("run,params,loss\ncaf\xe9,1e6,3\n".encode(encoding))
    with pytest.raises(TableError, match="save it as UTF-8"):
        sw.read(path)


def test_json_lines_with_nan_as_python_writes_them(tmp_path: Path) -> None:
    text = '{"params": 1000000, "tokens": 1e8, "loss": NaN}\n{"params": 2e6, "tokens": 1e8, "loss": 3}\n'
    path = write(tmp_path, text, "runs.jsonl")
    with pytest.raises(TableError, match="not a finite number in row 1"):
        sw.read(path)
    assert sw.read(path, nan_means_diverged=True).failed.height == 1
    with pytest.raises(TableError, match="line 2: not JSON"):
        sw.read(write(tmp_path, '{"params": 1e6}\n{"params": oops}\n', "bad.jsonl"))


def test_one_run_name_in_two_groups_is_two_runs(tmp_path: Path) -> None:
    runs = sw.read(write(tmp_path, "run,group,params,tokens,loss\na,x,1e6,1e8,3\na,y,2e6,1e8,2\n"))
    assert runs.table["run"].n_unique() == 2
    assert any("several values of group" in line for line in runs.reading)


def test_run_names_are_text(tmp_path: Path) -> None:
    runs = sw.read(write(tmp_path, "run,params,tokens,loss\n007,1e6,1e8,3\n7,1e6,1e8,3\n,1e6,1e8,3\n"))
    assert runs.table["run"].to_list() == ["007", "7", "row 3"]


def test_a_named_column_wins_over_the_one_of_that_name(tmp_path: Path) -> None:
    path = write(tmp_path, "params,tokens,flops,cost,loss\n1e6,1e8,1,6e14,3\n")
    runs = sw.read(path, columns={"flops": "cost"})
    assert runs.numbers("flops").tolist() == [6e14]
    assert runs.numbers("flops_as_given").tolist() == [1]
    swapped = sw.read(path, columns={"params": "tokens", "tokens": "params"})
    assert swapped.numbers("params").tolist() == [1e8]


def test_gaps_are_filled_row_by_row(tmp_path: Path) -> None:
    runs = sw.read(write(tmp_path, "params,tokens,flops,loss\n1e6,1e8,,3\n1e6,,6e14,3\n"))
    assert runs.numbers("flops").tolist() == [6e14, 6e14]
    assert runs.numbers("tokens").tolist() == [1e8, 1e8]
    assert any("in 1 rows where it was empty" in line for line in runs.reading)


def test_blank_lines_and_spaces_are_harmless(tmp_path: Path) -> None:
    runs = sw.read(write(tmp_path, "params,tokens,loss\n 1e6 , 1e8,3\n\n2e6,1e8,2\n\n"))
    assert runs.numbers("params").tolist() == [1e6, 2e6]
    assert any("blank lines were skipped" in line for line in runs.reading)


def test_control_characters_in_names_are_made_harmless(tmp_path: Path) -> None:
    runs = sw.read(write(tmp_path, "run,params,tokens,loss\na\x1b[31m,1e6,1e8,3\n"))
    assert runs.table["run"].to_list() == ["a\ufffd[31m"]


def test_broken_files_of_every_kind(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(GOOD.encode() * 100)[:-20])
    (tmp_path / "not.parquet").write_bytes(b"PAR1 nothing")
    for name in ("cut.csv.gz", "not.parquet"):
        with pytest.raises(TableError, match="cannot be read"):
            sw.read(tmp_path / name)
    nested = pl.DataFrame({"params": [1e6], "tokens": [1e8], "loss": [[3.0]]})
    with pytest.raises(TableError, match="column 'loss': cells are List"):
        sw.read(nested)


def test_a_near_miss_is_pointed_out(tmp_path: Path) -> None:
    runs = sw.read(write(tmp_path, "params,tokns,flops,loss\n1e6,1e8,6e14,3\n"))
    assert "column 'tokns' was not recognised (did you mean 'tokens'?)" in runs.reading


positive = st.floats(100.0, 1e15, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(positive, positive, st.floats(1e-3, 20)), min_size=1, max_size=20))
def test_reading_what_was_written_gives_the_same(rows: list[tuple[float, float, float]]) -> None:
    table = pl.DataFrame(rows, schema=["params", "tokens", "loss"], orient="row")
    runs = sw.read(table)
    assert runs.table.select("params", "tokens", "loss").equals(table)
    assert sw.read(runs.table).table.equals(runs.table)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_in_one_sentence(text: str) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "runs.csv"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        message = f"{path}: read"
        try:
            sw.read(path)
        except sw.ScalewiseError as error:
            message = str(error)
        assert message.startswith(str(path))


@pytest.mark.slow
def test_ten_million_rows_in_bounded_memory(tmp_path: Path) -> None:
    """Forty runs of 250,000 logged steps: read, checked and answered in less than 6 GB, in a process of its own."""
    import subprocess
    import sys

    path = tmp_path / "big.parquet"
    steps = 250_000
    sizes = np.repeat(np.geomspace(1e7, 1e9, 10), 4)
    ends = np.tile(np.geomspace(1e9, 2e10, 4), 10)
    tokens = np.concatenate([np.linspace(end / steps, end, steps) for end in ends])
    params = np.repeat(sizes, steps)
    loss = 1.7 + 400 / params**0.35 + 1500 / tokens**0.38
    run = np.repeat(np.arange(40), steps)
    pl.DataFrame({"run": run, "params": params, "tokens": tokens, "loss": loss}).write_parquet(path)
    code = (
        "import resource, sys, scalewise as sw\n"
        "runs = sw.read(sys.argv[1]); assert len(runs) == 10_000_000\n"
        "sw.ask('equal-compute', runs, at=1e20, resamples=50); sw.ask('model-size', runs, resamples=50)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 6_000
