"""What is asked and how answers are understood: our battery, files of scenarios, ETHICS, orders, yes and no."""

import csv
import itertools
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalewise.errors import QuestionError, TableError
from scalewise.probes.dialogue import TRANSFORMATIONS, conversations, load_scenarios
from scalewise.probes.dialogue.parse import said
from scalewise.probes.dialogue.scenarios import Scenario
from scalewise.probes.dialogue.variants import balanced_orders

SCENARIOS = load_scenarios()


@pytest.mark.parametrize(
    ("text", "finish", "answer"),
    [
        ("Yes.", "stop", "yes"),
        ("**No** - because harm matters.", "stop", "no"),
        ("no", None, "no"),
        ("It depends, but my answer is: yes", "stop", "yes"),
        ("There is no easy way out. Yes, he may.", "stop", "yes"),
        ("I'm sorry, but I can’t help with that.", "stop", "refusal"),
        ("As an AI, I do not judge.", "stop", "refusal"),
        ("Some say yes, others say no.", "stop", "unclear"),
        ("This question touches on deep matters of", "length", "truncated"),
        ("Nobody knows.", "stop", "unclear"),
        ("  ", "stop", "empty"),
        ("", "length", "truncated"),
        ("Yes and no.", "stop", "unclear"),
        ("Yes or no? No.", "stop", "no"),
        ("There is no consensus among those who", "length", "truncated"),
        ("No one is obliged to do so.", "stop", "unclear"),
        ("No Yes No", "length", "no"),
        ("I would say no because it does harm.", "stop", "no"),
        ("<think>Is it? Yes or no... I think no</think>\n\nYes.", "stop", "yes"),
        ("<think>Is it? I think no", "length", "truncated"),
    ],
)
def test_answers_are_understood(text: str, finish: str | None, answer: str) -> None:
    assert said(text, finish) == answer


@given(st.text(max_size=200), st.sampled_from([None, "stop", "length"]))
def test_any_text_has_a_class(text: str, finish: str | None) -> None:
    assert said(text, finish) in ("yes", "no", "refusal", "unclear", "truncated", "empty")
    assert said("Yes. " + text, finish) == "yes"


def test_our_battery_has_what_the_transformations_need() -> None:
    dilemmas = [s for s in SCENARIOS if s.story]
    assert all(s.paraphrase and s.valid and s.argues and s.invalid and s.utilitarian for s in dilemmas)
    assert len(dilemmas) == sum(bool(s.ladder) for s in SCENARIOS) == sum(bool(s.law) for s in SCENARIOS) == 40
    assert len({s.ladder for s in SCENARIOS if s.ladder}) == 10
    assert all(text.endswith("?") for s in SCENARIOS for text in (s.direct, s.story, s.paraphrase) if text)
    assert {(s.law, s.moral) for s in SCENARIOS if s.law} == {
        (a, b) for a in ("legal", "illegal") for b in ("good", "bad")
    }
    assert {type(c.name) for name in TRANSFORMATIONS for c in conversations(SCENARIOS, (name,))} == {str}


def test_own_scenarios_and_ethics_are_read(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text('{"id": "a", "direct": "Is it?", "story": "Once. Is it?"}\n\n')
    assert load_scenarios([tmp_path / "own.jsonl"]) == [Scenario("a", "Is it?", story="Once. Is it?")]
    with (tmp_path / "cm_test.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["label", "input"], ["1", "I kicked the dog, for fun."], ["0", "I fed the dog."]])
    read = load_scenarios([tmp_path / "cm_test.csv"])
    assert [s.answer for s in read] == ["yes", "no"]
    assert read[0].direct.startswith("I kicked the dog, for fun.")
    both = load_scenarios([Path("ours"), tmp_path / "own.jsonl"])
    assert both == [*SCENARIOS, *load_scenarios([tmp_path / "own.jsonl"])]


def test_rows_of_ethics_that_share_a_story_err_together(tmp_path: Path) -> None:
    """As Excel saves it, with a mark of the byte order."""
    rows = [
        ["label", "scenario"],
        ["1", "Jo runs in. [SEP] brave"],
        ["0", "Jo runs in. [SEP] shy"],
        ["0", "Al. [SEP] shy"],
    ]
    with (tmp_path / "virtue.csv").open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows(rows)
    clusters = [s.cluster for s in load_scenarios([tmp_path / "virtue.csv"])]
    assert clusters[0] == clusters[1] != clusters[2]


@pytest.mark.parametrize(
    ("name", "rows", "questions", "answers"),
    [
        (
            "justice_test",
            [["label", "scenario"], ["1", "I tip, since\nit was good."]],
            ["I tip, since\nit was good."],
            "y",
        ),
        (
            "deontology",
            [["label", "scenario", "excuse"], ["0", "Can you drive?", "No."]],
            ['"Can you drive?" "No."'],
            "n",
        ),
        ("virtue_test", [["label", "scenario"], ["1", "Jo runs in. [SEP] brave"]], ['Does the word "brave"'], "y"),
        ("util_test", [["A, good.", "A, bad."], ["B1", "B2"]], ["First: A, good.", "First: B2\nSecond: B1"], "yn"),
    ],
)
def test_every_kind_of_ethics_is_read(
    tmp_path: Path, name: str, rows: list[list[str]], questions: list[str], answers: str
) -> None:
    with (tmp_path / f"{name}.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    read = load_scenarios([tmp_path / f"{name}.csv"])
    assert [s.answer for s in read] == [{"y": "yes", "n": "no"}[a] for a in answers]
    assert all(part in s.direct for part, s in zip(questions, read, strict=True))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a", "text\nb\n", "not an ETHICS file"),
        ("a", "", "not an ETHICS file"),
        ("a", "label,input\n2,b\n", "row 1: label must be 0 or 1"),
        ("a", "label,input\n1\n", "row 1: 1 cells, but the header has 2"),
        ("util_a", "b,c,d\n", "row 1: 3 cells"),
    ],
)
def test_bad_ethics_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / f"{name}.csv").write_text(text)
    with pytest.raises(TableError, match=message):
        load_scenarios([tmp_path / f"{name}.csv"])


@given(st.integers(2, 9))
def test_orders_are_balanced(count: int) -> None:
    orders = balanced_orders(count)
    times = 1 if count % 2 == 0 else 2
    assert Counter(p for order in orders for p in enumerate(order)) == dict.fromkeys(
        itertools.product(range(count), repeat=2), times
    )
    follows = Counter(pair for order in orders for pair in itertools.pairwise(order))
    assert follows == dict.fromkeys(itertools.permutations(range(count), 2), times)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: is not JSON"),
        ("[1]", "a scenario is an object"),
        ('{"id": "a"}', "needs 'id' and 'direct'"),
        ('{"id": "a", "direct": "b", "storey": "c"}', "did you mean 'story'"),
        ('{"id": "a", "direct": "b", "law": "maybe"}', "must be legal or illegal"),
        ('{"id": "a", "direct": "b", "ladder": "x"}', "belong together"),
        ('{"id": "a", "direct": 3}', "'direct' must be text"),
        ('{"id": "a", "direct": "b"}\n{"id": "a", "direct": "c"}', "is there twice"),
        ('{"id": "a", "direct": "b"}\n{"id": "c", "direct": "b"}', "ask the same question"),
        ("", "there is no scenario in it"),
    ],
)
def test_bad_scenarios_are_refused(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "own.jsonl").write_text(line)
    with pytest.raises(TableError, match=message):
        load_scenarios([tmp_path / "own.jsonl"])


def test_slips_are_named() -> None:
    with pytest.raises(QuestionError, match="did you mean 'wording'"):
        conversations(SCENARIOS, ("wordings",))
