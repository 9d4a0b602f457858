"""Dialogue over real HTTP: plants recovered inside their intervals, and a client that loses nothing."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import SupportsFloat

import numpy as np
import polars as pl
import pytest

import scalewise as sw
from scalewise.errors import QuestionError
from scalewise.probes.dialogue import TRANSFORMATIONS, Asking, ask_all, conversations, load_scenarios
from scalewise.probes.dialogue.client import Endpoint
from scalewise.probes.dialogue.scenarios import Scenario
from scalewise.probes.dialogue.variants import ASSERTED, BARE, NO_YES, PERSONA, SUFFIX
from scalewise.questions.consistency import consistency
from scalewise.questions.consistency.behaviour import ladders
from scalewise.runs.trials import Trials

from .dialogue_server import Messages, Mind, serving

pytest.importorskip("httpx")
SCENARIOS = load_scenarios()
STORIES = {s.story: s for s in SCENARIOS if s.story}
FEW_OF_EACH = [*SCENARIOS[:8], *SCENARIOS[40:48], *[s for s in SCENARIOS if s.law][2:10]]
VALID = {s.valid for s in SCENARIOS if s.valid}
INVALID = {s.invalid for s in SCENARIOS if s.invalid}


def planted(seed: int) -> dict[str, float]:
    """What a world's model does: chances of yes in each guise, and of flipping under each kind of pressure."""
    rng = np.random.default_rng(seed)
    names = ("plain", "story", "options swapped", "suffix", "persona", "persona later")
    pushes = ("asked again", "told otherwise", "valid argument", "invalid argument")
    return {name: float(rng.uniform(0.1, 0.9)) for name in (*names, *pushes)}


def mind_of(plants: dict[str, float]) -> Mind:
    """A model with these chances, the same for every scenario."""

    def mind(messages: Messages, rng: np.random.Generator) -> str:
        last = messages[-1]["content"]
        before = messages[-2]["content"] if len(messages) > 2 else ""
        kind = next((k for k, mark in pushed.items() if mark(last)), None)
        if kind and before in ("Yes.", "No."):
            flip = rng.random() < plants[kind]
            return before if not flip else {"Yes.": "No.", "No.": "Yes."}[before]
        if PERSONA in last:
            chance = plants["persona"]
        elif PERSONA in messages[0]["content"]:
            chance = plants["persona later"]
        elif any(story in last for story in STORIES if story):
            chance = plants["story"]
        elif NO_YES in last:
            chance = plants["options swapped"]
        else:
            chance = plants["suffix" if SUFFIX in last else "plain"]
        return "Yes." if rng.random() < chance else "No."

    pushed: dict[str, Callable[[str], bool]] = {
        "asked again": lambda text: text.startswith(BARE),
        "told otherwise": lambda text: text.startswith(ASSERTED.split(".")[0]),
        "valid argument": lambda text: any(text.startswith(v) for v in VALID),
        "invalid argument": lambda text: any(text.startswith(v) for v in INVALID),
    }
    return mind


CHOSEN = ("wording", "options", "suffix", "persona", "pressure")


def asked(
    url: str,
    into: Path,
    repeats: int = 3,
    most: int = 20,
    chosen: tuple[str, ...] = CHOSEN,
    scenarios: Sequence[Scenario] = SCENARIOS,
    **how: object,
) -> Trials:
    held = conversations(scenarios[:most], chosen)
    return ask_all(held, Asking(Endpoint(url, "planted", **how), repeats, into))  # type: ignore[arg-type]


def cells(answer: sw.Answer, title: str) -> dict[str, dict[str, object]]:
    """A finding by its first column."""
    finding = answer.finding(title)
    return {str(row[0]): dict(zip(finding.columns, row, strict=True)) for row in finding.rows}


def inside(row: dict[str, object], name: str, truth: SupportsFloat) -> bool:
    low, high = float(str(row[f"{name}_low"])), float(str(row[f"{name}_high"]))
    return low - 1e-9 <= float(truth) <= high + 1e-9


@pytest.mark.slow
def test_ten_planted_minds_are_recovered_inside_their_intervals(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    hits: list[bool] = []
    for seed in range(10):
        plants = planted(seed)
        with serving(mind_of(plants), seed) as server:
            answer = consistency(asked(server.url, tmp_path / str(seed), 2, 16), "again")
        guises = cells(answer, "What each guise changes")
        called = {"persona later": "persona, next question"}
        hits += [
            inside(guises[called.get(name, name)], "difference", plants[name] - plants["plain"])
            for name in ("story", "options swapped", "suffix", "persona", "persona later")
        ]
        flips = cells(answer, "Flips from one turn to the next")
        pushes = ("asked again", "told otherwise", "valid argument", "invalid argument")
        hits += [inside(flips[push], "flips", plants[push]) for push in pushes]
    coverage = np.mean(hits)
    record_property("coverage", f"{sum(hits)} of {len(hits)} plants")
    print(f"{sum(hits)} of {len(hits)} plants inside their 95 % intervals")
    assert len(hits) == 90
    assert coverage >= 0.9


@pytest.fixture(scope="module")
def framed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trials, sw.Answer]:
    """Yes to a fifth of plain questions and to nine tenths of stories; nothing else matters."""
    plants = planted(0) | {"plain": 0.2, "story": 0.9, "options swapped": 0.2, "suffix": 0.2}
    with serving(mind_of(plants)) as server:
        trials = asked(server.url, tmp_path_factory.mktemp("framed"), chosen=("wording", "options", "suffix"))
    return trials, consistency(trials, "again")


def test_a_framing_effect_is_found_and_nothing_else(framed: tuple[Trials, sw.Answer]) -> None:
    _, answer = framed
    guises = cells(answer, "What each guise changes")
    assert inside(guises["story"], "difference", 0.7)
    assert inside(guises["story"], "flips_beyond_repeats", 0.49)
    assert float(str(guises["story"]["p_holm"])) < 0.01
    for guise in ("paraphrase", "options swapped", "suffix"):
        assert float(str(guises[guise]["p_holm"])) > 0.05
    assert answer.verdict == "no"
    assert "the largest effect is of 'story'" in answer.sentence
    assert sw.Answer.from_json(answer.to_json()) == answer


def test_the_variance_is_split_as_planted(framed: tuple[Trials, sw.Answer]) -> None:
    """Chances .2, .9 and .2 by wording: their variance is .163, and what repeats do is .16, .09 and .16."""
    _, answer = framed
    parts = cells(answer, "Where the variance of answers comes from")
    assert inside(parts["wording"], "variance", np.var([0.2, 0.9, 0.2], ddof=1))
    assert inside(parts["repeat"], "variance", np.mean([0.16, 0.09, 0.16]))
    assert float(str(parts["order"]["variance"])) < 0.03
    agree = cells(answer, "Consistency")
    assert inside(agree["same guise, another repeat"], "agree", 1 - 2 * np.mean([0.16, 0.09, 0.16]))


def test_repeats_are_planned_from_a_pilot(framed: tuple[Trials, sw.Answer]) -> None:
    _, answer = framed
    finding = answer.finding("How many repeats are worth asking")
    errors = [float(str(row[1])) for row in finding.rows]
    assert errors == sorted(errors, reverse=True)
    assert [row[3] for row in finding.rows].count("enough") <= 1
    assert answer.next_run


def test_planned_repeats_stop_at_what_scenarios_differ_by(tmp_path: Path) -> None:
    """A guise that moves half of the scenarios for certain is measured no better with more repeats."""

    def mind(messages: Messages, rng: np.random.Generator) -> str:
        text = messages[-1]["content"]
        moved = SUFFIX in text and any(s.direct in text for s in SCENARIOS[:20:2])
        return "Yes" if moved else "No"

    with serving(mind) as server:
        answer = consistency(asked(server.url, tmp_path, chosen=("suffix",)), "again")
    errors = [float(str(row[1])) for row in answer.finding("How many repeats are worth asking").rows]
    assert errors[0] == pytest.approx(errors[-1]) == pytest.approx(0.5 / 20**0.5, rel=0.05)
    assert "ask more scenarios: with these 20" in str(answer.next_run)


def test_a_consistent_mind_is_not_called_inconsistent(tmp_path: Path) -> None:
    """Certain answers that differ between scenarios only: no guise flips any, and no probability is claimed."""

    def mind(messages: Messages, rng: np.random.Generator) -> str:
        text = messages[-1]["content"]
        own = next(s for s in SCENARIOS if any(t and t in text for t in (s.direct, s.story, s.paraphrase)))
        return "Yes" if len(own.id) % 2 else "No"

    with serving(mind) as server:
        answer = consistency(asked(server.url, tmp_path, chosen=("wording", "options")), "again")
    assert answer.verdict == "the data cannot tell"
    parts = cells(answer, "Where the variance of answers comes from")
    assert float(str(parts["item"]["variance"])) > 0.2
    assert all(float(str(parts[p]["variance"])) == 0 for p in ("wording", "order", "repeat"))
    assert any("repeats never differed" in line for line in answer.assumptions)


def test_every_transformation_is_asked_and_every_finding_made(tmp_path: Path) -> None:
    plants = planted(5)

    def mind(messages: Messages, rng: np.random.Generator) -> str:
        if "nswer with" not in messages[-1]["content"]:
            return "This is a complex question with many sides to consider, and reasonable people differ about it. Yes."
        return mind_of(plants)(messages, rng) if rng.random() > 0.1 else "I'm sorry, but I cannot answer that."

    with serving(mind) as server:
        trials = asked(server.url, tmp_path, 2, 24, tuple(TRANSFORMATIONS), FEW_OF_EACH)
    assert (~trials.table["parsed"]).sum() > 20
    answer = consistency(trials, "again")
    titles = {finding.title for finding in answer.findings}
    assert titles >= {
        "A utilitarian persona",
        "Flips from one turn to the next",
        "How long an answer lasts when it is denied",
        "When a contradiction is pointed out",
        "Law against morality",
        "Severity ladders",
        "Templates in open answers",
        "What was answered",
    }
    answered = cells(answer, "What was answered")
    assert int(str(answered["refusal"]["count"])) == (trials.table["said"] == "refusal").sum() > 20
    templates = cells(answer, "Templates in open answers")
    assert float(str(templates["saved by compressing all answers together"]["share"])) > 0.5


def test_an_effect_of_the_place_is_found(tmp_path: Path) -> None:
    """Yes to a fifth of first questions and to seven tenths of later ones, whatever is asked."""

    def mind(messages: Messages, rng: np.random.Generator) -> str:
        return "Yes" if rng.random() < (0.2 if len(messages) == 1 else 0.7) else "No"

    with serving(mind) as server:
        trials = asked(server.url, tmp_path, 2, 24, ("order",))
        assert len(server.calls) == 2 * (24 + 6 * 4 * 3)  # first questions are the plain ones
    answer = consistency(trials, "again")
    assert inside(cells(answer, "What each guise changes")["asked later"], "difference", 0.5)
    places = cells(answer, "Where a question stands among others")
    assert [inside(places[place], "yes", 0.2 if place == "1" else 0.7) for place in "1234"] == [True] * 4


def test_one_family_of_questions_has_an_interval_of_everything(tmp_path: Path) -> None:
    """Scenarios that all err together are one observation, of which nothing is known but its bounds."""
    family = [Scenario(str(i), f"Is it right to do {i}?", family="one") for i in range(4)]
    with serving(lambda messages, rng: "Yes" if rng.random() < 0.5 else "No") as server:
        answer = consistency(asked(server.url, tmp_path, 2, 4, ("suffix",), family), "again")
    row = cells(answer, "What each guise changes")["suffix"]
    assert (row["difference_low"], row["difference_high"]) == (-1, 1)
    assert sw.Answer.from_json(answer.to_json()) == answer


def test_a_valid_argument_counts_by_what_it_argues_for(tmp_path: Path) -> None:
    """A mind that always ends where the valid argument points, and is told otherwise twice before it gives in."""
    argues = {s.valid: s.argues for s in SCENARIOS if s.valid}

    def mind(messages: Messages, rng: np.random.Generator) -> str:
        last = messages[-1]["content"]
        said = next((a for v, a in argues.items() if v and last.startswith(v)), None)
        if said:
            return said
        other = {"Yes": "No", "No": "Yes"}
        own = "Yes" if len(messages[0]["content"]) % 2 else "No"
        return other[own] if len(messages) == 7 else own

    with serving(mind) as server:
        answer = consistency(asked(server.url, tmp_path, 1, 10, ("suffix", "pressure")), "again")
    flips = answer.finding("Flips from one turn to the next").rows
    found = {(row[0], row[1]): row[2] for row in flips}
    assert found["valid argument", "move"] == 1
    assert found["valid argument for what was said", "stay"] == 0
    assert found["told otherwise", "stay"] == 0
    lasts = answer.finding("How long an answer lasts when it is denied").rows
    assert [(row[0], row[1]) for row in lasts] == [(1, 0), (2, 0), (3, 1)]


def test_ladders_have_intervals(tmp_path: Path) -> None:
    """Chances of yes that fall with harm on half of the ladders, and rise on the others."""
    steps = {s.direct: (s.severity or 0, n // 4 % 2) for n, s in enumerate(s for s in SCENARIOS if s.ladder)}

    def mind(messages: Messages, rng: np.random.Generator) -> str:
        severity, rises = next(v for text, v in steps.items() if text in messages[0]["content"])
        chance = 0.2 * severity if rises else 1 - 0.2 * severity
        return "Yes" if rng.random() < chance else "No"

    with serving(mind) as server:
        trials = asked(server.url, tmp_path, 5, 40, ("wording",), SCENARIOS[40:80])  # there is no other wording
    finding = ladders(trials, 0)
    assert finding is not None
    rows: dict[str, dict[str, object]] = {
        str(row[0]): dict(zip(finding.columns, row, strict=True)) for row in finding.rows
    }
    levels = np.array([0.2, 0.4, 0.6, 0.8])
    falling, rising = np.mean((1 - levels[1:]) * levels[:-1]), np.mean(levels[1:] * (1 - levels[:-1]))
    truths = [rising if n % 2 else falling for n in range(10)]
    names = list(dict.fromkeys(s.ladder for s in SCENARIOS if s.ladder))
    hits = [inside(rows[str(name)], "violations", truth) for name, truth in zip(names, truths, strict=True)]
    assert sum(hits) >= 8
    assert inside(rows["all"], "violations", np.mean(truths))
    assert float(str(rows["all"]["violations_low"])) > 0.1


def test_nothing_to_compare_is_refused(tmp_path: Path) -> None:
    with serving(lambda messages, rng: "Hm.") as server:
        trials = asked(server.url, tmp_path, 1, 4, ("suffix",))
    with pytest.raises(QuestionError, match=r"fewer than two scenarios .* of 8 answers: 8 'unclear'"):
        consistency(trials, "again")


def test_the_command(tmp_path: Path) -> None:
    with serving(mind_of(planted(3) | {"plain": 0.1, "story": 0.9})) as server:
        words = ["probe", "dialogue", server.url, "--model", "m", "--into", str(tmp_path / "d"), "--most", "12"]
        words += ["--transformation", "wording", "--transformation", "options"]
        call = [sys.executable, "-m", "scalewise", *words]
        done = subprocess.run(call, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        assert "the largest effect is of 'story'" in " ".join(done.stdout.split())
        assert pl.read_parquet(tmp_path / "d" / "trials.parquet").height == 12 * 6 * 3
        plan = subprocess.run([*call, "--plan"], capture_output=True, text=True, timeout=60, check=True)
        assert "at most 216 calls" in plan.stdout
        unpriced = subprocess.run([*call, "--budget", "3"], capture_output=True, text=True, timeout=60, check=False)
        assert unpriced.returncode == 2
        assert "--budget needs --price-in" in unpriced.stderr
