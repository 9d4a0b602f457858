"""Sums in a text: planted ones are found in every form and format, accidental ones do not pass for contamination."""

import bz2
import gzip
import json
import lzma
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalewise.errors import TableError
from scalewise.probes.memorising.contamination import Task, search
from scalewise.probes.memorising.documents import corpus_files, pieces
from scalewise.probes.memorising.forms import clean, load_forms
from scalewise.questions.answer import Answer
from scalewise.questions.contamination import contamination, difference, poisson_limits

FORMS = load_forms()
WRITTEN = {
    "sign": [
        "23 + 48 = 71",
        "23+48=71",
        "48 + 23 = 71",
        "$23 + 48$ = $71$",
        "  23\n+ 48\n----\n  71",
        "0x17 + 48 = 71",
        "**23** + **48** = **71**",
        '"23 + 48","71"',
        "<span>23</span><span>+</span><span>48</span><span>=</span><span>71</span>",
    ],
    "word": [
        "Q: What is 23 plus 48?\nA: 71",
        "23 increased by 48 is equal to 71",
        "23 plus 48 is 71",
        "twenty-three plus forty-eight equals seventy-one",
    ],
    "and": ["23 and 48 makes 71", "23 & 48 = 71", "23 & 48 & 71", "71 is 23 and 48"],
    "letter": ["23 pl. 48 = 71", "23 p 48 -> 71"],
    "bar": [
        "| 23 | 48 | 71 |",
        "23||48||71",
        "<td>23</td><td>48</td><td>71</td>",
        "<td>23</td>\n      <td>48</td>\n      <td>71</td>",
    ],
    "comma": ["23,48,71"],
    "space": ["23 48 71", "23\t48\t71"],
    "line": ["23\n48\n71"],
    "escaped": [
        "23 &#43; 48 = 71",
        "23 &plus; 48 = 71",
        "23 %2B 48 = 71",
        "23%2B48%20=%2071",
        "23%2B48%3D71",
        "23 \\plus 48 = 71",
        "$23 \\text{ plus } 48 = 71$",
    ],
}
CASES = [(form.strip(), text) for form, texts in WRITTEN.items() for text in texts]


def asked(source: Path, task: Task | None = None) -> Answer:
    task = task or Task()
    found = search(str(source), task, FORMS)
    return contamination(found.scan.counts(), found.scan.examples, task.pairs, "sums", ("again", "text", found.sha256))


def row(source: Path, form: str, task: Task | None = None) -> dict[str, int]:
    counts = search(str(source), task or Task(), FORMS).scan.counts()
    return counts.filter(pl.col("form") == form).row(0, named=True)


@pytest.mark.parametrize(("form", "text"), CASES, ids=[text for _, text in CASES])
def test_every_way_of_writing_is_found(form: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"see: {text} (so it is)\n")
    assert row(tmp_path, form)["right"] == 1
    assert row(tmp_path, "all forms")["right"] == 1


@pytest.mark.parametrize(
    "text", ["v23 + 48 = 71", "1.23 + 48 = 71", "23 + 48.5 = 71", "23 + 48 =" + 40 * "\n" + "71", "23 x 48 = 71"]
)
def test_what_is_no_sum_is_not_found(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"see {text} there\n")
    assert row(tmp_path, "all forms")["right"] == 0


def test_differences_and_products(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("71 - 23 = 48, and 23 × 11 = 253; 253 is 23 times 11. 11 - 13 = 2\n")
    assert row(tmp_path, "sign", Task("minus"))["right"] == 1
    assert row(tmp_path, "sign", Task("times"))["right"] == 1
    assert row(tmp_path, "answer first", Task("times"))["right"] == 1
    assert row(tmp_path, "all forms", Task("times"))["right"] == 1


@pytest.mark.parametrize("text", ["2,345 + 1,234 = 3,579", "2'345 plus 1'234 is 3'579", "2345 + 1_234 = 3579"])
def test_numbers_in_groups_of_three_digits(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"one 23,48 line\n{text}\nx 1,000\n= 3,579\n")
    assert row(tmp_path, "all forms", Task(low=1000, high=9999))["right"] == 1
    assert row(tmp_path, "all forms", Task())["right"] == 0


def test_every_format_is_read(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard", reason="needs the logs extra: pip install 'scalewise[logs]'")
    sums = [f"{20 + i} + 31 = {51 + i}" for i in range(6)]
    (tmp_path / "a.txt").write_text(sums[0])
    (tmp_path / "b.jsonl").write_text(json.dumps({"id": 3, "text": sums[1]}) + "\n\n" + json.dumps([1]) + "\n")
    pl.DataFrame({"a": [22], "b": [31], "c": [53]}).write_csv(tmp_path / "c.csv")
    pl.DataFrame({"content": [sums[3]], "id": [1]}).write_parquet(tmp_path / "d.parquet")
    with gzip.open(tmp_path / "e.jsonl.gz", "wt") as file:
        file.write(json.dumps({"question": "24 + 31", "answer": 55}) + "\n")
    (tmp_path / "h.csv.xz").write_bytes(lzma.compress(b"a,b,c\n28,31,59\n"))
    (tmp_path / "i.txt.bz2").write_bytes(bz2.compress(b"29 + 31 = 60"))
    packed = [zstandard.ZstdCompressor().compress(f'{{"text": "{i} + 31 = {31 + i}"}}\n'.encode()) for i in (30, 31)]
    (tmp_path / "j.jsonl.zst").write_bytes(b"".join(packed))
    (tmp_path / "sub").mkdir()
    with gzip.open(tmp_path / "sub" / "f.txt.gz", "wt") as file:
        file.write(sums[5])
    assert row(tmp_path, "all forms")["right"] == 10
    pl.DataFrame({"a": [27], "b": [31], "c": [58]}).write_parquet(tmp_path / "g.parquet")
    assert row(tmp_path, "comma")["right"] == 3


def test_accidents_are_subtracted(tmp_path: Path) -> None:
    """Tables of random numbers hold right answers, and as many wrong ones; planted sums show through them."""
    rng = np.random.default_rng(0)
    pl.DataFrame(rng.integers(10, 199, (60_000, 3))).write_csv(tmp_path / "noise.csv")
    noise = asked(tmp_path)
    form = noise.finding("Pairs found with an answer")
    total = dict(zip(form.columns, form.rows[-1], strict=True))
    assert total["right"] > 100
    assert total["right_minus_wrong_low"] < 0 < total["right_minus_wrong_high"]
    assert noise.verdict == "the data cannot tell"
    pairs = [(a, b) for a in range(10, 22) for b in range(30, 42)]
    (tmp_path / "planted.txt").write_text("\n".join(f"{a} plus {b} is {a + b}." for a, b in pairs))
    planted = asked(tmp_path)
    assert planted.verdict == "yes"
    words = next(r for r in planted.finding("Pairs found with an answer").rows if r[0] == "word")
    assert words[2] == len(pairs)


def test_text_without_sums_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no numbers here\n")
    answer = asked(tmp_path)
    assert answer.probability is None
    assert "none stands in the text" in answer.sentence


def test_the_interval_covers_the_difference_of_rates() -> None:
    rng = np.random.default_rng(1)
    for right, wrong in ((3.0, 1.0), (40.0, 20.0), (0.5, 0.5)):
        drawn = zip(rng.poisson(right, 1000), rng.poisson(4 * wrong, 1000), strict=True)
        ends = [difference(int(r), int(w), 4) for r, w in drawn]
        covered = np.mean([low <= right - wrong <= high for low, high in ends])
        assert 0.94 <= covered <= 1.0, (right, wrong, covered)
    assert poisson_limits(0) == (0.0, pytest.approx(3.689, abs=1e-3))


@given(st.text(alphabet="0123456789 .x_ab-=+", max_size=40))
def test_whole_numbers_are_those_that_stand_alone(text: str) -> None:
    found = [m.group() for m in FORMS.pattern.finditer(text) if m.group().isdigit()]
    expected = re.findall(r"(?<![\w.#])\d{1,9}(?!\w|\.\d)", text)
    assert found == expected


@given(st.integers(0, 99))
def test_numbers_in_words(value: int) -> None:
    word = next(word for word, number in FORMS.numbers.items() if number == value)
    assert FORMS.value(FORMS.pattern.fullmatch(word).group()) == value


@given(st.text(max_size=12))
def test_any_separator_is_cleaned(separator: str) -> None:
    cleaned, _ = clean(separator)
    assert "\n" not in cleaned


def test_large_files_are_read_whole_and_in_pieces(tmp_path: Path) -> None:
    lines = [f"line {i} {'x' * 100}\n" for i in range(30_000)]
    (tmp_path / "a.txt").write_text("".join(lines))
    found = list(pieces(corpus_files(str(tmp_path))))
    assert len(found) > 2
    assert "".join(piece.text for piece in found) == "".join(lines)
    assert sum(piece.size for piece in found) == pytest.approx((tmp_path / "a.txt").stat().st_size)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"{\n", "line 1: not JSON"),
        ("a.parquet", b"nothing", "cannot be read as Parquet"),
        ("a.txt.gz", b"nothing", "cannot be read"),
        ("a.txt.gz", gzip.compress(b"nothing")[:-12] + b"\xff" * 12, "cannot be read"),
        ("a.jsonl.zst", b"nothing", "cannot be read"),
        ("a.txt", gzip.compress(b"nothing"), "is packed"),
        ("a.txt", b"a\0b", "is no text"),
        ("a.txt", b"", "there is no text"),
    ],
)
def test_bad_files_are_named(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=message):
        search(str(tmp_path), Task(), FORMS)


def test_a_users_own_forms(tmp_path: Path) -> None:
    (tmp_path / "forms.toml").write_text(
        '[plus]\nword = ["und"]\n[equals]\ngerman = ["macht"]\n[numbers]\nZwanzig = 20\n'
    )
    (tmp_path / "a.txt").write_text("Zwanzig und 13 macht 33\n")
    forms = load_forms(tmp_path / "forms.toml")
    counts = search(str(tmp_path / "a.txt"), Task(), forms).scan.counts()
    assert counts.filter(pl.col("form") == "word")["right"].item() == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[add]\n", "no table"),
        ("[plus]\nword = 3\n", "list of texts"),
        ("[numbers]\na = 'b'\n", "whole number"),
        ("[", "TOML"),
    ],
)
def test_bad_forms_are_explained(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "forms.toml").write_text(content)
    with pytest.raises(TableError, match=message):
        load_forms(tmp_path / "forms.toml")


def test_an_empty_place_is_explained(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="has no files"):
        corpus_files(str(tmp_path))
    with pytest.raises(TableError, match="no such file"):
        corpus_files(str(tmp_path / "absent"))
