"""infini-gram's index on disk finds the spans that the suffix array in memory finds."""

import json
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import numpy as np
import pytest

pytest.importorskip("infini_gram", reason="needs the infini-gram extra: pip install 'scalewise[infini-gram]'")

from scalewise.errors import QuestionError, TableError
from scalewise.probes.memorising.spans_on_disk import DiskSpanIndex


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A corpus of two files of random letters, and its index."""
    folder = tmp_path_factory.mktemp("disk")
    rng = np.random.default_rng(0)
    (folder / "texts").mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / "texts" / name).write_bytes(bytes(rng.choice(list(b"abcdefgh \n"), 4000).tolist()))
    DiskSpanIndex(str(folder / "texts"), folder / "index")
    return folder / "texts", folder / "index"


def test_spans_are_those_found_in_memory(kept: tuple[Path, Path]) -> None:
    pytest.importorskip("pydivsufsort", reason="needs the spans extra: pip install 'scalewise[spans]'")
    from scalewise.probes.memorising.spans import SpanIndex
    from scalewise.probes.memorising.verbatim import corpus_bytes

    corpus = corpus_bytes(str(kept[0]))
    one, other = SpanIndex(corpus), DiskSpanIndex(str(kept[0]), kept[1])
    rng = np.random.default_rng(1)
    for copied in (0, 5, 40):
        start = int(rng.integers(1, 3000))
        text = bytes(rng.choice(list(b"abcdefgh \n"), 60).tolist()) + corpus[start : start + copied] + b"\xffabc"
        found, expected = other.longest(text), one.longest(text)
        assert (found.text, found.occurrences) == (expected.text, expected.occurrences)
        assert found.log10_chance == pytest.approx(expected.log10_chance, rel=1e-3)
        assert len(found.text) >= copied
    across = corpus[3990:4001].replace(b"\0", b"") + corpus[4002:4012]
    assert len(other.longest(across).text) < len(across)
    assert other.longest(b"\xff\xff").text == b""


def test_an_index_is_kept_and_belongs_to_its_corpus(kept: tuple[Path, Path], tmp_path: Path) -> None:
    made = (kept[1] / "table.0").stat().st_mtime_ns
    DiskSpanIndex(str(kept[0]), kept[1])
    assert (kept[1] / "table.0").stat().st_mtime_ns == made
    (tmp_path / "other.txt").write_text("other")
    with pytest.raises(QuestionError, match="is of another corpus"):
        DiskSpanIndex(str(tmp_path), kept[1])
    with pytest.raises(QuestionError, match="take a path of letters"):
        DiskSpanIndex(str(kept[0]), tmp_path / "a; b")


def test_what_a_killed_sort_left_is_no_index(kept: tuple[Path, Path], tmp_path: Path) -> None:
    whole = (kept[1] / "table.0").read_bytes()
    index = tmp_path / "index"
    copytree(kept[1], index, ignore=ignore_patterns("table.0"))
    (index / "sorting-1").mkdir()
    (index / "sorting-1" / "table.0").write_bytes(whole[:100])
    DiskSpanIndex(str(kept[0]), index)
    assert (index / "table.0").read_bytes() == whole
    assert {path.name for path in index.iterdir()} == {"corpus.json", "offset.0", "table.0", "tokenized.0"}


def test_a_corpus_without_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(TableError, match="no text"):
        DiskSpanIndex(str(tmp_path), tmp_path / "index")


def test_the_command_finds_copies_in_it(kept: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")
    text = (kept[0] / "a.txt").read_text()
    rng = np.random.default_rng(2)
    lines = [
        {"text": text[i * 50 : i * 50 + 50], "fresh": "".join(rng.choice(list("abcdefgh"), 50))} for i in range(25)
    ]
    (tmp_path / "said.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    call = ["--texts", str(tmp_path / "said.jsonl"), "--corpus", str(kept[0]), "--index", str(kept[1])]
    words = [sys.executable, "-m", "scalewise", "probe", "verbatim", *call]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("50") > 1
    assert "--index" in done.stdout
