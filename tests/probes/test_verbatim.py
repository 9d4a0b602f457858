"""Verbatim spans: the suffix array agrees with a search by hand, and planted copies are found."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pydivsufsort", reason="needs the spans extra: pip install 'scalewise[spans]'")

from scalewise.errors import QuestionError
from scalewise.probes.memorising.spans import MOST_BYTES, SpanIndex
from scalewise.probes.memorising.verbatim import Texts, corpus_bytes, read_texts, verbatim
from scalewise.questions.answer import Answer, Repeat
from scalewise.questions.verbatim import verbatim as question

TEXTS = st.lists(st.sampled_from(b"ab\0\xff"), min_size=1, max_size=40).map(bytes)


def longest_by_hand(text: bytes, corpus: bytes) -> list[int]:
    return [max(n for n in range(len(text) - i + 1) if text[i : i + n] in corpus) for i in range(len(text))]


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS)
def test_matches_are_those_found_by_hand(text: bytes, corpus: bytes) -> None:
    index = SpanIndex(corpus)
    assert index.matches(text).tolist() == longest_by_hand(text, corpus)


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.lists(st.sampled_from(b"ab"), min_size=1, max_size=3).map(bytes))
def test_occurrences_are_counted(corpus: bytes, span: bytes) -> None:
    expected = sum(corpus.startswith(span, i) for i in range(len(corpus)))
    assert SpanIndex(corpus).count(span) == expected


def words(rng: np.random.Generator, count: int) -> bytes:
    return bytes(rng.choice(list(b"abcdefgh "), count).tolist())


def answered(copied: int) -> Answer:
    """Thirty texts of 200 random bytes, each with so many bytes copied from the corpus; fresh ones have none."""
    rng = np.random.default_rng(0)
    corpus = words(rng, 50_000)
    texts = []
    for _ in range(30):
        start = int(rng.integers(0, 49_000))
        texts.append(words(rng, 100) + corpus[start : start + copied] + words(rng, 100 - copied))
    found = verbatim(SpanIndex(corpus), Texts(texts, [words(rng, 200) for _ in texts]), "planted")
    spans = [(span.text, span.occurrences, span.log10_chance) for span in found.spans]
    return question(found.trials, spans, "the corpus", Repeat("again", "0", 0, "planted", ""))


def test_planted_copies_are_found() -> None:
    answer = answered(copied=60)
    assert answer.verdict == "yes"
    row = answer.finding("Longest verbatim span").rows[0]
    assert 60 <= row[2] <= 64
    assert row[-1] == 1
    length, occurrences, chance, _ = answer.finding("The longest spans of the model").rows[0]
    assert length >= 60
    assert occurrences == 1
    assert chance == pytest.approx(-length * np.log10(9), rel=0.05)
    assert Answer.from_json(answer.to_json()) == answer


def test_texts_without_copies_are_not_accused() -> None:
    answer = answered(copied=0)
    assert answer.verdict == "the data cannot tell"
    ((_, low, high),) = answer.finding("The model's minus fresh").rows
    assert low < 0 < high


def test_without_fresh_text_there_is_no_verdict() -> None:
    found = verbatim(SpanIndex(b"abc"), Texts([b"ab"] * 20, None), "planted")
    spans = [(span.text, span.occurrences, span.log10_chance) for span in found.spans]
    answer = question(found.trials, spans, "abc", Repeat("again", "0", 0, "planted", ""))
    assert answer.probability is None
    assert "without fresh text" in answer.sentence


def test_pairs_are_cut_to_one_length(tmp_path: Path) -> None:
    path = tmp_path / "said.jsonl"
    path.write_text("".join(json.dumps({"text": "abcdef", "fresh": "xyz"}) + "\n" for _ in range(20)))
    texts = read_texts(path)
    assert texts.texts[0] == b"abc"
    assert texts.fresh is not None
    assert texts.fresh[0] == b"xyz"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"text": "a"}\n' * 3, "at least 20"),
        ('{"txt": "a"}\n', "line 1: write"),
        ('{"text": "a"}\n' * 19 + '{"text": "a", "fresh": "b"}\n', "all of them one, or none"),
    ],
)
def test_bad_texts_are_explained(lines: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "said.jsonl").write_text(lines)
    with pytest.raises(QuestionError, match=message):
        read_texts(tmp_path / "said.jsonl")


def test_no_span_crosses_from_one_file_to_the_next(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.txt").write_text("two")
    assert corpus_bytes(str(tmp_path)) == b"\0one\0two"


def test_a_corpus_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(QuestionError, match="at most"):
        corpus_bytes(str(tmp_path))


def test_a_run_of_the_lab_is_compared_with_what_it_has_read() -> None:
    pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")
    from scalewise.lab.data.corpus import Corpus
    from scalewise.lab.models import model_of
    from scalewise.lab.models.layout import Layout
    from scalewise.lab.reading import Reading
    from scalewise.lab.recipe import Recipe
    from scalewise.lab.weights import TrainedModel
    from scalewise.probes.memorising.models import LabModel
    from scalewise.probes.memorising.verbatim import lab_texts, read_so_far
    from scalewise.runs.flops import TransformerShape

    shape = TransformerShape(8, 1, 1, 8, 256, 16)
    text = (1 + np.arange(16 * 20 + 1) % 255).astype(np.uint8)
    recipe = Recipe(
        *("tiny", "llama", shape, shape.flops_per_token * 16 * 10, 2.0**-8, 0, 1, 1, "wsd", "adamw", "fan-in"),
        *("standard", 0.0, 0.99, 1.0, 8, text.size, "0" * 64, "code"),
    )
    reading = Reading(recipe, Corpus("tiny", text, text, 1, "0" * 64, ""))
    read = read_so_far(reading)
    assert len(read) == 16 * 10 + read.count(b"\0")
    assert all(text.tobytes()[16 * n : 16 * n + 16] in read for n in reading.read)
    model = LabModel(TrainedModel(shape, Layout(model_of(shape).weights("gpt2")).initial_row(0)))
    texts = lab_texts(model, reading, 20, seed=0)
    assert texts.texts == lab_texts(model, reading, 20, seed=0).texts
    assert texts.fresh is not None
    assert {len(t) for t in (*texts.texts, *texts.fresh)} == {8}
