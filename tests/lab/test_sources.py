"""Where a corpus can be from: every source, its vocabulary, its held-out part and its record."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalewise.errors import StudyError
from scalewise.lab.data.corpus import Options, corpus_of, load_corpus
from scalewise.lab.data.documents import assembled
from scalewise.lab.data.kept import keep, kept
from scalewise.lab.data.pixels import grey_pixels
from scalewise.lab.data.tasks import TASKS, copying, modular_addition
from scalewise.lab.data.windows import held_out_windows, reading_order
from scalewise.lab.declared import Data
from scalewise.lab.plan import cells_of, check_budgets, repetition
from scalewise.lab.study import Study

WORDS = ["the", "model", "reads", "text", "and", "learns", "what", "comes", "next", "in", "a", "small", "world"]


def sentences(count: int, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, 12)) + "\n" for _ in range(count)]


def test_installed_packages_are_a_corpus_of_bounded_size() -> None:
    corpus = load_corpus("site", Options(most_bytes=3_000_000))
    assert 2_000_000 < corpus.train.size + corpus.held_out.size <= 3_000_000 + corpus.files
    assert corpus.vocabulary == 256
    assert ".py" in corpus.file_list.splitlines()[1]


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=30_000), min_size=40, max_size=60))
def test_no_document_is_on_both_sides_or_twice(contents: list[bytes]) -> None:
    documents = [(str(i), content * (120_000 // len(content))) for i, content in enumerate(contents * 2)]
    try:
        corpus = assembled("any", documents, b"", 256)
    except StudyError:  # none of these was held out
        return
    sides = [line.rsplit(",", 2)[1:] for line in corpus.file_list.splitlines()[1:]]
    used = [content_hash for content_hash, side in sides if side != "duplicate"]
    assert len(set(used)) == len(used)
    assert len(sides) == len(documents)


def test_a_local_data_set_is_streamed_up_to_a_size(tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="needs the text extra: pip install 'scalewise[text]'")
    rows = "\n".join(json.dumps({"body": "".join(sentences(20, seed))}) for seed in range(300))
    (tmp_path / "rows.jsonl").write_text(rows)
    source = f"hf:{tmp_path}"
    whole = load_corpus(source, Options(column="body"))
    part = load_corpus(source, Options(column="body", most_bytes=200_000))
    assert whole.files == 300
    assert part.train.size + part.held_out.size <= 200_000 + part.files < whole.train.size
    assert np.array_equal(part.train, whole.train[: part.train.size])
    assert load_corpus(source, Options(column="body")).sha256 == whole.sha256
    with pytest.raises(StudyError, match="has no column 'text'; it has body"):
        load_corpus(source)
    with pytest.raises(StudyError, match="cannot be read"):
        load_corpus(f"hf:{tmp_path / 'nowhere'}")


def test_a_tokenizer_file_cuts_the_text(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="needs the text extra: pip install 'scalewise[text]'")
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    made.decoder = tokenizers.decoders.ByteLevel()
    text = sentences(30_000)
    made.train_from_iterator(
        text, tokenizers.trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    )
    made.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "text.txt").write_text("".join(text))
    corpus = corpus_of(Data(corpus="text.txt", tokenizer="tokenizer.json"), tmp_path / "study.toml")
    assert corpus.vocabulary == made.get_vocab_size() > 256
    assert corpus.train.dtype == np.uint16
    assert 3 < float(corpus.record["bytes_per_token"]) < 8
    assert made.decode(corpus.train[:50].tolist()) == "".join(text)[: len(made.decode(corpus.train[:50].tolist()))]
    assert corpus.sha256 != load_corpus(str(tmp_path / "text.txt")).sha256
    with pytest.raises(StudyError, match="is not a tokenizer file"):
        load_corpus(str(tmp_path / "text.txt"), Options(tokenizer=tmp_path / "text.txt"))
    with pytest.raises(StudyError, match="name a tokenizer"):
        load_corpus(str(tmp_path / "text.txt"), Options(tokenizer=tmp_path / "absent.json"))


def token_file(path: Path, size: int, vocabulary: int = 1000) -> np.ndarray:
    tokens = np.random.default_rng(size).integers(0, vocabulary, size).astype("<u2")
    tokens[0] = vocabulary - 1
    tokens.tofile(path)
    return tokens


def test_token_files_are_mapped_and_never_copied(tmp_path: Path) -> None:
    train, val = (token_file(tmp_path / f"{name}.bin", size) for name, size in (("train", 200_000), ("val", 5_000)))
    corpus = load_corpus(f"tokens:{tmp_path}")
    assert isinstance(corpus.train, np.memmap)
    assert corpus.vocabulary == 1000
    keep(corpus, tmp_path / "study")
    again = kept(tmp_path / "study")
    assert np.array_equal(again.train, train)
    assert np.array_equal(again.held_out, val)
    assert not list((tmp_path / "study").rglob("*.bin"))
    assert reading_order(corpus, 64, 0).read(0, 3).dtype == np.int32
    single = load_corpus(f"tokens:{tmp_path / 'train.bin'}")
    keep(single, tmp_path / "single")
    assert np.array_equal(np.concatenate([single.train, kept(tmp_path / "single").held_out]), train)
    (tmp_path / "train.bin").unlink()
    with pytest.raises(StudyError, match="not there any more"):
        kept(tmp_path / "study")


def test_token_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="is not there or empty"):
        load_corpus(f"tokens:{tmp_path}")
    (tmp_path / "odd.bin").write_bytes(bytes(300_001))
    with pytest.raises(StudyError, match="odd number of bytes"):
        load_corpus(f"tokens:{tmp_path / 'odd.bin'}")


def test_digits_are_tokens() -> None:
    sklearn = pytest.importorskip("sklearn.datasets", reason="needs the images extra: pip install 'scalewise[images]'")
    corpus = load_corpus("digits")
    assert corpus.vocabulary == 27
    assert (corpus.train.size + corpus.held_out.size) % 65 == 0
    images = corpus.train.reshape(-1, 65)
    assert set(images[:, 0]) == set(range(17, 27))
    assert images[:, 1:].max() == 16
    found = sklearn.load_digits()
    first = images[0]
    same = (found.images.reshape(-1, 64) == first[1:]).all(axis=1)
    assert found.target[same].tolist() == [first[0] - 17]


def test_glyphs_are_drawn_alike_every_time_and_differ_by_character() -> None:
    pytest.importorskip("PIL", reason="needs the images extra: pip install 'scalewise[images]'")
    corpus = load_corpus("glyphs")
    images = corpus.train.reshape(-1, 145)
    assert corpus.vocabulary == 8 + 62
    assert set(images[:, 0]) == set(range(8, 70))
    ink = {kind: (images[images[:, 0] == 8 + kind][:, 1:] > 4).mean() for kind in (1, 8)}
    assert ink[8] > ink[1] > 0.02  # an 8 has more ink than a 1
    assert load_corpus("glyphs").sha256 == corpus.sha256


def test_a_folder_of_images_is_tokens(tmp_path: Path) -> None:
    pictures = pytest.importorskip("PIL.Image", reason="needs the images extra: pip install 'scalewise[images]'")
    random = np.random.default_rng(0)
    for number in range(600):
        kind = ("dark", "light")[number % 2]
        (tmp_path / kind).mkdir(exist_ok=True)
        grey = random.integers(0, 120, (20, 24), dtype=np.uint8) + (0, 130)[number % 2]
        pictures.fromarray(grey.astype(np.uint8)).save(tmp_path / kind / f"{number}.png")
    corpus = load_corpus(f"images:{tmp_path}")
    images = corpus.train.reshape(-1, 257)
    assert corpus.vocabulary == 18
    assert images[images[:, 0] == 16][:, 1:].mean() < 8 < images[images[:, 0] == 17][:, 1:].mean()
    (tmp_path / "dark" / "broken.png").write_text("no image")
    with pytest.raises(StudyError, match="is not an image that can be read"):
        load_corpus(f"images:{tmp_path}")
    with pytest.raises(StudyError, match="no image in that folder"):
        load_corpus(f"images:{tmp_path / 'nowhere'}")


def test_grey_is_what_is_seen(tmp_path: Path) -> None:
    """16 bits become 8, transparent is white, a picture stands as its camera says, and no picture is none."""
    pictures = pytest.importorskip("PIL.Image", reason="needs the images extra: pip install 'scalewise[images]'")
    deep = pictures.fromarray(np.full((8, 8), 257 * 100, np.uint16))
    clear = pictures.new("RGBA", (8, 8), (0, 0, 0, 0))
    lying = pictures.fromarray(np.array([[0, 200]], np.uint8).repeat(4, axis=0).repeat(2, axis=1))
    exif = pictures.Exif()
    exif[0x0112] = 6  # turned by a quarter
    for name, picture in (("deep", deep), ("clear", clear)):
        picture.save(tmp_path / f"{name}.png")
    lying.save(tmp_path / "lying.png", exif=exif)
    (tmp_path / "none.png").write_bytes((tmp_path / "deep.png").read_bytes()[:40])
    seen = {name: grey_pixels(tmp_path / f"{name}.png", 2) for name in ("deep", "clear", "lying", "none")}
    assert seen["none"] is None
    assert np.unique(seen["deep"]).tolist() == [100]
    assert np.unique(seen["clear"]).tolist() == [255]
    assert seen["lying"].mean(axis=1).tolist() != [seen["lying"].mean()] * 2
    assert (np.diff(seen["lying"].astype(int), axis=1) == 0).all()


@pytest.mark.parametrize("name", TASKS)
@given(context=st.integers(8, 200), start=st.integers(0, 10_000))
def test_tokens_of_a_task_are_fresh_and_the_same_again(name: str, context: int, start: int) -> None:
    corpus = load_corpus(name, Options(context))
    windows = reading_order(corpus, context, 0).read(start, 3)
    assert windows.shape == (3, context + 1)
    assert windows.max() < corpus.vocabulary
    assert np.array_equal(reading_order(corpus, context, 0).read(start + 1, 2), windows[1:])
    assert not np.array_equal(windows[0], windows[1])
    assert not np.array_equal(reading_order(corpus, context, 1).read(start, 3), windows)
    assert not np.array_equal(held_out_windows(corpus, context, 3), windows)


def test_what_tasks_ask() -> None:
    random = np.random.default_rng(0)
    copied = copying.window(random, 21)
    assert copied[10] == copying.SIGN
    assert np.array_equal(copied[:10], copied[11:])
    added = modular_addition.window(random, 40).astype(int)
    assert np.array_equal(added[::2].cumsum() % 97, added[1::2])


def test_the_vocabulary_flows_into_models_flops_and_records(tmp_path: Path) -> None:
    token_file(tmp_path / "tokens.bin", 200_000)
    corpus = load_corpus(f"tokens:{tmp_path / 'tokens.bin'}")
    declared = Study(name="any", flops=(1e10,), sizes=({"width": 32, "depth": 1},))
    bytes_, tokens = cells_of(declared, corpus)[0].longest, cells_of(declared.on(corpus), corpus)[0].longest
    assert tokens.shape.params - bytes_.shape.params == 2 * (1000 - 256) * 32
    assert tokens.shape.flops_per_token - bytes_.shape.flops_per_token == 6 * (1000 - 256) * 32
    assert tokens.columns["vocabulary"] == 1000
    assert tokens.columns["data_size"] == corpus.train.size
    with pytest.raises(StudyError, match=r"data.vocabulary: 999 is less than the 1000"):
        declared.model_copy(update={"data": Data(vocabulary=999)}).on(corpus)
    dialled = Study(name="any", flops=(1e10,), dial={"params": (8e3, 9e3)}, data={"corpus": "tokens:any"})
    with pytest.raises(StudyError, match="with a vocabulary of 1000, two of the sizes are the same"):
        dialled.on(corpus)


def test_epochs_of_a_task_are_one_and_its_corpus_is_kept(tmp_path: Path) -> None:
    corpus = load_corpus("copy", Options(64))
    study = Study(name="any", flops=(1e10,), sizes=({"width": 32, "depth": 1},), data={"context": 64}).on(corpus)
    check_budgets(study, corpus)
    cells = cells_of(study, corpus)[0]
    assert cells.epochs(cells.longest) == 1
    assert cells.longest.columns["data_size"] == cells.longest.tokens
    keep(corpus, tmp_path)
    assert np.array_equal(
        reading_order(kept(tmp_path), 64, 0).read(5, 2),
        reading_order(corpus, 64, 0).read(5, 2),
    )
    assert corpus.record["loss_floor"] == pytest.approx(31 * np.log(32) / 64)


def test_a_batch_larger_than_the_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("".join(sentences(3000)))
    corpus = load_corpus(str(tmp_path / "text"))
    study = Study(name="any", flops=(1e15,), sizes=({"width": 8, "depth": 1},), batch={"tokens": 1e6, "at_tokens": 1e6})
    with pytest.raises(StudyError, match=r"batch: a step of width 8.*more than the 1\d\d,\d\d\d there are"):
        check_budgets(study, corpus)


@pytest.mark.parametrize(("times", "warned"), [(3.0, False), (6.0, True)])
def test_more_than_four_passes_are_warned_of(tmp_path: Path, times: float, warned: bool) -> None:
    (tmp_path / "text").write_text("".join(sentences(3000)))
    corpus = load_corpus(str(tmp_path / "text"))
    flops_per_token = 6 * (4 * 8**2 + 3 * 8 * 24 + 256 * 8) + 12 * 8 * 128
    study = Study(name="any", flops=(times * corpus.train.size * flops_per_token,), sizes=({"width": 8, "depth": 1},))
    sentence = repetition(study, corpus)
    assert bool(sentence) == warned
    assert not sentence or "reads its text 6 times" in sentence
