"""Files made to hurt: refused in a sentence, in bounded memory, and nothing of theirs runs or is written."""

import gzip
import pickle
import sqlite3
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scalewise as sw
from scalewise.errors import TableError
from scalewise.runs.readers import archive, bounded, tidy
from scalewise.runs.readers.parquet_pages import counted_cells


def written(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


DEEP = 100_000
LAUGHS = b"\n".join(b"a%d: &a%d [%s]" % (i, i, b",".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 12))
HOSTILE = [
    ("deep.jsonl", b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"\n", "nested too deeply"),
    ("lists.jsonl", b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}\n", "nested too deeply"),
    ("r/trainer_state.json", b'{"log_history":' + b"[" * DEEP, "nested too deeply"),
    ("r/trainer_state.json", b'{"log_history": [{"step": 1e999}]}', "has no step"),
    ("r/trainer_state.json", b'{"log_history": [{"step": ' + b"9" * 5000 + b"}]}", "not JSON"),
    ("r/README.md", b"---\nmodel-index: " + b"[" * DEEP + b"\n---\n", "not plain YAML"),
    ("r/README.md", b"---\nmodel-index: !!python/object/apply:os.system ['true']\n---\n", "not plain YAML"),
    ("r/README.md", b"---\na0: &a0 [x,x]\n" + LAUGHS + b"\nmodel-index: *a11\n---\n", "no list 'model-index'"),
    ("long.log", b"step 1: train loss 1.0, val loss 1.0\n" + b"a" * 2**21, "that is no log line"),
    ("r/events.out.tfevents.1", b"\xff" * 10_000, "no scalar"),
    ("r/events.out.tfevents.1", (2**62).to_bytes(8, "little") + b"\0" * 100, "no scalar"),
    ("runs.eval", b"PK\x03\x04" + b"\0" * 50, "cannot be read as a zip file"),
    ("run-1.wandb", b":W&B\xbe\xef", "wandb sync"),
]


@pytest.mark.parametrize(("name", "content", "sentence"), HOSTILE, ids=[f"{i}-{h[0]}" for i, h in enumerate(HOSTILE)])
def test_hostile_files_get_one_sentence(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    with pytest.raises(TableError) as caught:
        sw.read(written(tmp_path, name, content))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_absurd_lines_are_refused_before_they_are_read(tmp_path: Path) -> None:
    """A line longer than the distance between the places looked at is always found."""
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.write(b"params,loss\n1e6,3\n")
        file.truncate(tidy.SPACING + 3 * tidy.LONGEST_LINE)
    with pytest.raises(TableError, match="a line of more than"):
        sw.read(path)


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidy, "SMALL", 2**20)
    packed = written(tmp_path, "bomb.csv.gz", gzip.compress(b"params,loss\n" + b"1e6,3\n" * 10**6))
    with pytest.raises(TableError, match="unpacks to more than 100 times"):
        sw.read(packed)
    monkeypatch.setattr(archive, "LARGEST_MEMBER", 2**20)
    with zipfile.ZipFile(tmp_path / "bomb.eval", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("header.json", b" " * 2**22)
    with pytest.raises(TableError, match="more than 1 MB; refused"):
        sw.read(tmp_path / "bomb.eval")


def parquet(path: Path, compression: str = "zstd") -> bytes:
    table = pl.DataFrame({"run": ["a"] * 500 + ["b"] * 500, "params": [1e6] * 1000, "loss": np.linspace(3, 2, 1000)})
    table.write_parquet(path, compression=compression, row_group_size=400)  # type: ignore[arg-type]
    return path.read_bytes()


def test_pages_of_parquet_are_counted_before_they_are_read(tmp_path: Path) -> None:
    """A page that claims -1 values makes Polars ask for 2 ** 61 bytes, which ends the process."""
    path = tmp_path / "pages.parquet"
    content = parquet(path)
    assert counted_cells(path, str(path)) == 3000
    right, minus_one = b"\x15\xa0\x06", b"\x15\x81\x00"  # 400 values in a page's header, as a number of two bytes
    places = [i for i in range(len(content)) if content.startswith(right, i)]
    assert places
    for place in places:
        path.write_bytes(content[:place] + minus_one + content[place + 3 :])
        with pytest.raises(TableError, match="a count in it is absurd"):
            sw.read(path)


def test_absurdly_many_equal_cells_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidy, "MOST_CELLS", 2999)
    parquet(tmp_path / "many.parquet")
    with pytest.raises(TableError, match="3,000 cells; more than 2,999 are refused"):
        sw.read(tmp_path / "many.parquet")


@pytest.mark.parametrize("compression", ["uncompressed", "snappy", "gzip", "zstd", "lz4"])
def test_parquet_of_every_compression_passes(tmp_path: Path, compression: str) -> None:
    parquet(tmp_path / "sound.parquet", compression)
    assert len(sw.read(tmp_path / "sound.parquet")) == 1000


@pytest.mark.parametrize("cut", [1, 8, 12, 300, 2000])
def test_parquet_that_is_cut_short_says_so(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.parquet"
    path.write_bytes(parquet(path)[:-cut])
    with pytest.raises(TableError, match=r"cut.parquet: cannot be read as Parquet: .*\.$"):
        sw.read(path)


def test_names_inside_an_archive_lead_nowhere(tmp_path: Path) -> None:
    """Nothing is unpacked to disk, whatever the names say."""
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    with zipfile.ZipFile(inside / "log.eval", "w") as file:
        file.writestr("../../outside", "x")
        file.writestr(
            "header.json", '{"eval": {"model": "m", "task": "t"}, "status": "success", "results": {"scores": []}}'
        )
    assert len(sw.read(inside / "log.eval")) == 1
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "b", "log.eval"]


def test_a_database_runs_nothing_and_stays_as_it_is(tmp_path: Path) -> None:
    endless = tmp_path / "endless.db"
    with sqlite3.connect(endless) as made:
        made.execute("create table runs(run_uuid, name, status, lifecycle_stage)")
        count = "with recursive n(i) as (select 1 union all select i + 1 from n) select 'a', 1.0, 'r', i, 0 from n"
        made.execute(f"create view metrics(key, value, run_uuid, step, is_nan) as {count}")
    made.close()
    before = endless.read_bytes()
    with pytest.raises(TableError, match="unknown kind of file"):
        sw.read(endless)
    assert endless.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["endless.db"]


def test_a_database_with_a_log_ahead_leaves_no_file_and_may_be_written_meanwhile(tmp_path: Path) -> None:
    """As Trackio keeps its own: at rest nothing is made beside it; while it is written, committed rows are seen."""
    path = tmp_path / "live.db"
    with sqlite3.connect(path) as writer:
        writer.execute("pragma journal_mode = wal")
        writer.execute("create table metrics(run_name, step, metrics)")
        writer.execute("create table configs(run_name, config)")
        writer.execute("""insert into metrics values ('a', 1, '{"val/loss": 3.0}')""")
    writer.close()
    assert sw.read(path).table["loss"].to_list() == [3.0]
    assert [p.name for p in tmp_path.iterdir()] == ["live.db"]
    writer = sqlite3.connect(path)
    writer.execute("""insert into metrics values ('a', 2, '{"val/loss": 2.5}')""")
    writer.commit()
    writer.execute("""insert into metrics values ('a', 3, '{"val/loss": 2.0}')""")
    assert sw.read(tmp_path).table["loss"].to_list() == [3.0, 2.5]
    assert not sw.read(tmp_path).report.dropped
    writer.close()


def test_a_pickle_in_a_tree_is_left_alone(tmp_path: Path) -> None:
    class Dangerous:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return open, (str(tmp_path / "ran"),)

    written(tmp_path, "logs/optimizer.pt", pickle.dumps(Dangerous()))
    written(tmp_path, "logs/weights.csv", pickle.dumps(Dangerous()))
    written(tmp_path, "logs/runs.csv", b"run,params,loss\na,1e6,3\n")
    runs = sw.read(tmp_path / "logs")
    assert len(runs) == 1
    assert not (tmp_path / "ran").exists()
    assert any("2 files of no known format" in line for line in runs.report.dropped)


def test_links_and_devices_are_not_followed(tmp_path: Path) -> None:
    written(tmp_path, "logs/runs.csv", b"run,params,loss\na,1e6,3\n")
    (tmp_path / "logs" / "again.csv").symlink_to(tmp_path / "logs" / "runs.csv")
    (tmp_path / "logs" / "round").symlink_to(tmp_path / "logs")
    runs = sw.read(tmp_path / "logs")
    assert len(runs) == 1
    with pytest.raises(TableError, match="not a regular file"):
        sw.read("/dev/zero")


def test_documents_have_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "trainer_state.json", b"{" + b" " * 2000)
    with pytest.raises(TableError, match="too large"):
        bounded.whole(path, most=1000)
    monkeypatch.setattr(bounded, "MOST_VALUES", 1000)
    path.write_bytes(b'{"log_history": [' + b"[]," * 1000 + b"[]]}")
    with pytest.raises(TableError, match="more than 1,000 values"):
        sw.read(path)
