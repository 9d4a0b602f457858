"""Memorising: a model that was trained on facts repeats them next to near-copies, and stops when they are dropped."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")

from scalewise.errors import QuestionError  # noqa: E402
from scalewise.lab.data.corpus import Corpus  # noqa: E402
from scalewise.lab.reading import Reading  # noqa: E402
from scalewise.lab.recipe import Recipe  # noqa: E402
from scalewise.lab.weights import TrainedModel  # noqa: E402
from scalewise.probes.memorising.keys import embedded, nearest  # noqa: E402
from scalewise.probes.memorising.measure import measure  # noqa: E402
from scalewise.probes.memorising.models import LabModel  # noqa: E402
from scalewise.probes.memorising.neighbours import neighbours  # noqa: E402
from scalewise.probes.memorising.passages import (  # noqa: E402
    Passages,
    Queries,
    distinct,
    lab_passages,
    read_queries,
)
from scalewise.probes.memorising.retrain import CONTROLS, trained_without  # noqa: E402
from scalewise.probes.memorising.subject import Subject, Texts, subject_at  # noqa: E402
from scalewise.questions.answer import Answer, Repeat  # noqa: E402
from scalewise.questions.memorising import memorising  # noqa: E402
from scalewise.runs.flops import TransformerShape  # noqa: E402
from scalewise.runs.trials import trials_from  # noqa: E402

pytestmark = pytest.mark.train
CONTEXT, FACTS, STEPS, BATCH = 32, 24, 300, 16
SHAPE = TransformerShape(64, 2, 2, 176, 256, CONTEXT)


def facts(seed: int, verbs: tuple[str, ...] = ("has", "got", "his", "see")) -> list[str]:
    """Lines of one window each: a made-up name and a made-up number, in several wordings."""
    rng = np.random.default_rng(seed)

    def word(letters: str) -> str:
        return "".join(rng.choice(list(letters), 10))

    pairs = [(word("abcdefghijklmnopqrstuvwxyz"), word("0123456789")) for _ in range(FACTS)]
    return [f"{name} {verb} {number}".ljust(CONTEXT - 1) + "\n" for name, number in pairs for verb in verbs]


def near_copies(seed: int) -> Queries:
    """The facts in a wording that nobody was trained on, cut off after their first digit, and how they go on."""
    lines = facts(seed, ("had",))
    prompts = [np.frombuffer(line[:16].encode(), np.uint8).astype(np.int64) for line in lines]
    return Queries(prompts, [line[16:24] for line in lines])


@dataclass(frozen=True)
class World:
    model: LabModel
    reading: Reading
    untrained: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    torch.set_num_threads(1)
    text = np.frombuffer(("".join(facts(0)) + " ").encode(), np.uint8)
    recipe = Recipe(
        *("planted", "llama", SHAPE, SHAPE.flops_per_token * CONTEXT * BATCH * STEPS, 2.0**-8, 0, BATCH, 20, "wsd"),
        *("adamw", "fan-in", "standard", 0.0, 0.99, 1.0, 8, text.size, "0" * 64, "code"),
    )
    reading = Reading(recipe, Corpus("facts", text, text, 1, "0" * 64, ""))
    row = trained_without(reading, [np.empty(0, np.int64)])[0]
    untrained = tmp_path_factory.mktemp("facts") / "untrained.txt"
    untrained.write_text("".join(facts(1)))
    return World(LabModel(TrainedModel(SHAPE, row)), reading, untrained)


def asked(world: World, queries: Queries, k: int = 1, drop: int | None = None) -> Answer:
    passages = lab_passages(world.model, world.reading, 1000, str(world.untrained))
    subject = Subject("planted", world.model, passages, queries, world.reading)
    found = measure(subject, k, permutations=199, drop=drop)
    again = Repeat("again", "0", 0, "planted", subject.sha256)
    return memorising(found.trials, found.dealt_again, found.examples, k, again, found.retrained)


def numbers(answer: Answer, title: str, row: int = 0) -> dict[str, float]:
    finding = answer.finding(title)
    return dict(zip(finding.columns, finding.rows[row], strict=True))


def test_near_copies_that_were_trained_on_are_found(world: World) -> None:
    answer = asked(world, near_copies(0))
    found = numbers(answer, "Output and nearest text")
    assert answer.verdict == "yes"
    assert found["excess_agreement_low"] > 0.2
    assert found["p_similarity"] < 0.01
    query, output, passage, goes_on, *_ = answer.finding("Nearest training text, beside what the model says").rows[0]
    assert query[:10] == passage[:10]
    assert output == goes_on


def test_near_copies_that_were_not_trained_on_are_not(world: World) -> None:
    answer = asked(world, near_copies(2))
    found = numbers(answer, "Output and nearest text")
    assert answer.verdict != "yes"
    assert found["excess_agreement_low"] < 0.02


@pytest.mark.slow
def test_answers_do_not_survive_without_the_facts_they_come_from(world: World) -> None:
    """Training again is exact. Random drops of as many passages say what dropping alone costs; without the nearest
    passages far more is lost: as a check that dropped nothing, or others, would not find."""
    passages = lab_passages(world.model, world.reading, 1000, str(world.untrained))
    subject = Subject("planted", world.model, passages, near_copies(0), world.reading)
    found = measure(subject, 4, permutations=1, drop=4)
    assert found.retrained is not None
    lost = {
        (condition, repeat): 1 - same
        for condition, repeat, same in found.retrained.table.group_by("condition", "repeat")
        .agg(pl.col("same").mean())
        .iter_rows()
    }
    at_random = [share for (condition, _), share in lost.items() if condition == "others dropped"]
    assert lost["all kept", 0] == 0
    assert len(at_random) == CONTROLS
    # a sixth random drop would lose more than this in 1 % of tests (t of four degrees of freedom, times sqrt(6 / 5))
    most = np.mean(at_random) + 4.1 * np.std(at_random, ddof=1)
    assert lost["nearest dropped", 1] > max(most, 2 * max(at_random))
    answer = memorising(
        found.trials, found.dealt_again, found.examples, 4, Repeat("again", "0", 0, "planted", ""), found.retrained
    )
    assert "nats per token more than without as many others" in answer.sentence
    table = answer.finding("Trained again without the nearest passages")
    assert {row[0]: row[2] for row in table.rows}["all kept"] == 1


def test_the_interval_of_a_loss_covers_what_one_training_differs_from_another() -> None:
    """Trainings that all queries feel, and of which dropping the nearest passages is no other kind."""
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(40):
        rows = [
            {"run": "r", "item": f"query {i}", "condition": name, "repeat": repeat, "value": shift + noise, "same": 1.0}
            for repeat, name in enumerate(["nearest dropped", *["others dropped"] * CONTROLS])
            for shift in [rng.normal(0, 0.05)]
            for i, noise in enumerate(rng.normal(0, 0.02, 20))
        ]
        sides = [
            {
                "item": f"query {i}",
                "condition": c,
                "value": 0.1 * i,
                "similarity": 0.0,
                "answered": "not known",
                "run": "r",
            }
            for i in range(20)
            for c in ("trained on", "not trained on")
        ]
        answer = memorising(
            trials_from(pl.DataFrame(sides), "t"),
            np.zeros((99, 2, 20)),
            [],
            4,
            Repeat("again", "0", 0, "t", ""),
            trials_from(pl.DataFrame(rows), "t"),
        )
        low, high = map(float, re.search(r"lose \S+ \[(\S+), (\S+)\]", answer.sentence).groups())
        covered.append(low <= 0 <= high)
    assert np.mean(covered) > 0.85


def test_the_answer_survives_json(world: World) -> None:
    answer = asked(world, near_copies(2))
    assert Answer.from_json(answer.to_json()) == answer


def test_p_values_are_uniform_when_nothing_was_memorised(world: World) -> None:
    """Untrained weights: dealing out which passages were 'trained on' makes no difference."""
    from scalewise.lab.models import model_of
    from scalewise.lab.models.layout import Layout

    fresh = LabModel(TrainedModel(SHAPE, Layout(model_of(SHAPE).weights("gpt2")).initial_row(3)))
    below = 0
    for seed in range(12):
        other = World(fresh, world.reading, world.untrained)
        below += numbers(asked(other, near_copies(10 + seed)), "Output and nearest text")["p_similarity"] < 0.1
    assert below <= 5


def test_nearest_is_exact_and_does_not_depend_on_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    keys = (rng.normal(size=(500, 8)) + 5).astype(np.float16)
    queries = (rng.normal(size=(7, 8)) + 5).astype(np.float32)
    centred = keys.astype(np.float64) - keys.mean(axis=0, dtype=np.float64)
    asked = queries - keys.mean(axis=0, dtype=np.float64)
    cosines = (asked @ centred.T) / np.outer(np.linalg.norm(asked, axis=1), np.linalg.norm(centred, axis=1))
    expected = np.argsort(-cosines, axis=1)[:, :20]
    for chunk in (8192, 64, 7):
        monkeypatch.setattr("scalewise.probes.memorising.keys.SEARCHED_AT_ONCE", chunk)
        numbers, found = nearest(queries, keys, 20)
        assert (numbers == expected).all()
        np.testing.assert_allclose(found, np.take_along_axis(cosines, expected, 1), atol=1e-5)


def test_embeddings_go_on_where_they_were_killed(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalewise.probes.memorising.keys.EMBEDDED_AT_ONCE", 10)
    tokens = np.frombuffer("".join(facts(0)).encode(), np.uint8).reshape(-1, CONTEXT)[:, :16]
    whole = embedded(world.model, tokens)
    calls: list[int] = []
    real = LabModel.embed

    def counted(self: LabModel, part: NDArray[np.uint8]) -> NDArray[np.float32]:
        if len(part) == 10 and len(calls) == 3:
            raise KeyboardInterrupt
        calls.extend([1] * (len(part) == 10))
        return real(self, part)

    with monkeypatch.context() as patch:
        patch.setattr(LabModel, "embed", counted)
        with pytest.raises(KeyboardInterrupt):
            embedded(world.model, tokens, tmp_path / "keys.npy")
    assert json.loads((tmp_path / "keys.json").read_text())["done"] == 30
    rest: list[int] = []
    monkeypatch.setattr(LabModel, "embed", lambda self, part: rest.append(len(part)) or real(self, part))
    kept = embedded(world.model, tokens, tmp_path / "keys.npy")
    assert rest.count(10) == 6
    assert (np.asarray(kept) == whole).all()
    assert isinstance(kept, np.memmap)


@pytest.mark.parametrize("name", ["mine.txt", "mine.npy"])
def test_a_file_of_something_else_is_not_written_over(name: str, world: World, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(QuestionError, match="not written over"):
        embedded(world.model, np.zeros((20, 16), np.uint8), tmp_path / name)
    assert (tmp_path / name).read_text() == "mine"


def test_a_folder_without_a_tokenizer_is_no_checkpoint(world: World, tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed, so no checkpoint can be read")
    pytest.importorskip("safetensors", reason="needs the export extra: pip install 'scalewise[export]'")
    from scalewise.publish import write_checkpoint

    write_checkpoint(world.model.model, tmp_path)
    for path in tmp_path.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(QuestionError, match="tokenizer"):
        subject_at(tmp_path, Texts("a", "b", tmp_path / "q.jsonl"))
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(QuestionError, match="cannot load"):
        subject_at(tmp_path, Texts("a", "b", tmp_path / "q.jsonl"))


def test_too_much_to_drop_is_refused(world: World) -> None:
    with pytest.raises(QuestionError, match="drop fewer"):
        asked(world, near_copies(0), k=4, drop=FACTS)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("abc\nabd\n", "at least 20"),
        ('{"text": "a"}\n', 'write {"prompt"'),
        ('{"prompt": "ab"}\n', "too short to have neighbours, 2 of at least 3"),
    ],
)
def test_bad_queries_are_explained(world: World, tmp_path: Path, lines: str, message: str) -> None:
    path = tmp_path / ("q.jsonl" if "{" in lines else "q.txt")
    path.write_text(lines)
    with pytest.raises(QuestionError, match=message):
        read_queries(world.model, path)


def test_a_run_that_read_everything_needs_other_text(world: World) -> None:
    with pytest.raises(QuestionError, match="--untrained"):
        lab_passages(world.model, world.reading, 100)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="neither a trained run or study"):
        subject_at(tmp_path, Texts())
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(QuestionError, match="nobody knows what it was trained on"):
        subject_at(tmp_path, Texts())


def test_a_published_checkpoint_gives_the_same_answer(world: World, tmp_path: Path) -> None:
    """Through transformers, with text files on both sides; both sides are cut alike."""
    pytest.importorskip("transformers", reason="transformers is not installed, so no checkpoint can be read")
    pytest.importorskip("safetensors", reason="needs the export extra: pip install 'scalewise[export]'")
    from scalewise.publish import write_checkpoint

    write_checkpoint(world.model.model, tmp_path / "model")
    for name, seed in (("trained", 0), ("untrained", 1)):
        (tmp_path / name).mkdir()
        for i, line in enumerate(facts(seed)):  # a file is a passage, so that each begins where a fact begins
            (tmp_path / name / f"{i}.txt").write_text(line)
    queries = near_copies(0)
    (tmp_path / "q.jsonl").write_text(
        "".join(
            json.dumps({"prompt": bytes(prompt.astype(np.uint8)).decode(), "answer": answer}) + "\n"
            for prompt, answer in zip(queries.prompts, queries.answers, strict=True)
        )
    )
    texts = Texts(str(tmp_path / "trained"), str(tmp_path / "untrained"), tmp_path / "q.jsonl")
    subject = subject_at(tmp_path / "model", texts)
    found = measure(subject, k=1, permutations=199)
    again = Repeat("again", "0", 0, "model", subject.sha256)
    answer = memorising(found.trials, found.dealt_again, found.examples, 1, again)
    ours = numbers(asked(world, queries), "Output and nearest text")
    theirs = numbers(answer, "Output and nearest text")
    assert answer.verdict == "yes"
    assert theirs["agreement_trained"] == pytest.approx(ours["agreement_trained"], abs=0.05)
    with pytest.raises(QuestionError, match="can be trained again"):
        measure(subject, drop=5)
    assert "the model predicts the text it is said to have been trained on at" in subject.notes[-1]
    exchanged = Texts(texts.untrained, texts.trained, texts.queries)
    with pytest.raises(QuestionError, match="it cannot have been trained on it"):
        subject_at(tmp_path / "model", exchanged)


def test_a_checkpoint_continues_what_it_is_asked_and_says_what_it_has_memorised(world: World, tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed, so no checkpoint can be read")
    pytest.importorskip("safetensors", reason="needs the export extra: pip install 'scalewise[export]'")
    from scalewise.probes.memorising.models import HubModel
    from scalewise.probes.memorising.verbatim import checkpoint_texts
    from scalewise.publish import write_checkpoint

    write_checkpoint(world.model.model, tmp_path / "model")
    same = []
    for seed in (0, 1):  # facts it was trained on, and facts it was not
        (tmp_path / f"{seed}.txt").write_text("".join(facts(seed)))
        texts = checkpoint_texts(HubModel(tmp_path / "model"), str(tmp_path / f"{seed}.txt"), 50, 0)
        assert texts.fresh is not None
        assert len(texts.texts) == len(texts.fresh) == 50
        same.append(np.mean([said == fresh for said, fresh in zip(texts.texts, texts.fresh, strict=True)]))
    assert same[0] > 0.5
    assert same[1] < 0.1
    (tmp_path / "short.txt").write_text("short")
    with pytest.raises(QuestionError, match="gives 0 passages of 32 tokens"):
        checkpoint_texts(HubModel(tmp_path / "model"), str(tmp_path / "short.txt"), 50, 0)


def test_repeated_passages_are_left_out_and_both_sides_stay_equal() -> None:
    rng = np.random.default_rng(0)
    texts = rng.integers(0, 256, (100, 24))
    texts[10:20] = texts[0]  # ten repetitions where trained on
    texts[60:65] = texts[1]  # and five passages of the other side that were trained on after all
    sides = np.arange(100) < 50
    passages = Passages(texts[:, :16], texts[:, 16:], sides, np.arange(100), np.arange(100))
    kept, share = distinct(passages)
    assert share == pytest.approx(0.15)
    assert kept.trained.sum() == (~kept.trained).sum() == 40
    whole = np.concatenate([kept.beginnings, kept.following], axis=1)
    assert len(np.unique(whole, axis=0)) == 80
    assert distinct(kept) == (kept, 0.0)
    few = Passages(texts[:30, :16], texts[:30, 16:], np.arange(30) < 20, np.arange(30), np.arange(30))
    with pytest.raises(QuestionError, match="without repetitions there are 10 passages"):
        distinct(few)


def test_states_that_never_differ_are_refused(world: World) -> None:
    silent = LabModel(TrainedModel(SHAPE, torch.zeros_like(world.model.model.row)))
    passages = lab_passages(silent, world.reading, 1000, str(world.untrained))
    with pytest.raises(QuestionError, match="the same for every passage"):
        neighbours(silent, passages, near_copies(0))
