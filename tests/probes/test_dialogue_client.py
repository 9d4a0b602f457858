"""The client over real HTTP: it loses no answer, passes no budget, and tells a wrong address from a hiccup."""

import asyncio
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scalewise.errors import ScalewiseError
from scalewise.probes.dialogue.client import tokens_guessed
from scalewise.runs.trials import Trials

from .dialogue_server import Failure, serving
from .test_dialogue import asked, mind_of, planted

pytest.importorskip("httpx")


def test_a_second_start_asks_nothing_again(tmp_path: Path) -> None:
    with serving(mind_of(planted(1))) as server:
        first = asked(server.url, tmp_path, 2, 4, ("suffix",))
        calls = len(server.calls)
        again = asked(server.url, tmp_path, 2, 4, ("suffix",))
        assert len(server.calls) == calls == 16
        with (tmp_path / "answers.jsonl").open("a") as file:
            file.write('{"key": "half a li')
        asked(server.url, tmp_path, 3, 4, ("suffix",))
        assert len(server.calls) == calls + 8
        asked(server.url, tmp_path, 3, 4, ("suffix",))
        assert len(server.calls) == calls + 8  # the first answer after half a line is kept too
    assert again.table.equals(first.table)
    assert len({str(call["seed"]) for call in server.calls}) == len(server.calls)


def test_a_notebook_that_runs_a_loop_can_ask(tmp_path: Path) -> None:
    async def cell(url: str) -> Trials:
        return asked(url, tmp_path, 1, 4, ("suffix",))

    with serving(mind_of(planted(1))) as server:
        assert len(asyncio.run(cell(server.url))) == 8


def test_conversations_that_begin_alike_share_their_first_answer(tmp_path: Path) -> None:
    with serving(mind_of(planted(2))) as server:
        trials = asked(server.url, tmp_path, 1, 4, ("pressure",))
        assert len(server.calls) == 4 * (1 + 3 + 3)  # the plain question, what is said once, and thrice
    assert (
        trials.table.group_by("scenario").agg(pl.col("said").filter(pl.col("turn") == 1).n_unique())["said"].max() == 1
    )


def test_a_busy_server_is_asked_again_and_a_refusing_one_is_not(tmp_path: Path) -> None:
    with serving(mind_of(planted(1)), failures=[429, 500, 429]) as server:
        assert len(asked(server.url, tmp_path / "a", 1, 3, ("suffix",))) == 6
        assert len(server.calls) == 9
    with (
        serving(mind_of(planted(1)), failures=[401]) as server,
        pytest.raises(ScalewiseError, match="answered 401"),
    ):
        asked(server.url, tmp_path / "b", 1, 3, ("suffix",), concurrency=1)


@pytest.mark.parametrize("counts", [True, False])
def test_the_budget_is_never_passed_and_keeps_the_answers(tmp_path: Path, counts: bool) -> None:
    """A dollar for ten tokens, of which answers have at most ten; what was spent before a new start counts too."""
    how: dict[str, Any] = {"price_in": 0.0, "price_out": 1e5, "max_tokens": 10}
    with serving(lambda messages, rng: f"Yes. {'x' * 25}", counts=counts) as server:
        for _ in range(2):
            with pytest.raises(ScalewiseError, match=r"budget of 3 dollars, of which 3 are spent"):
                asked(server.url, tmp_path, 1, 4, ("suffix",), budget=3.0, **how)
            assert len(server.calls) == 3
        assert len(asked(server.url, tmp_path, 1, 4, ("suffix",), budget=8.0, **how)) == 8
        assert len(server.calls) == 8


def test_prompts_are_paid_where_a_server_counts_no_tokens(tmp_path: Path) -> None:
    """After a new start too: of eight more calls only one can still be paid."""
    how: dict[str, Any] = {"price_in": 1e6, "price_out": 0.0, "concurrency": 1}
    with serving(mind_of(planted(1)), counts=False) as server:
        asked(server.url, tmp_path, 1, 4, ("suffix",), **how)
        paid = [tokens_guessed(call["messages"]) for call in server.calls]
        with pytest.raises(ScalewiseError, match="might pass the budget"):
            asked(server.url, tmp_path, 2, 4, ("suffix",), budget=sum(paid) + 1.5 * min(paid), **how)
        assert len(server.calls) in (8, 9)


def test_a_server_that_misbehaves_costs_time_and_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scalewise.probes.dialogue.client.FIRST_WAIT", 0.001)
    failures: list[Failure] = [429, 500, 503, "closes"]
    with serving(mind_of(planted(1)), failures=failures) as server:
        first = asked(server.url, tmp_path, 1, 4, ("suffix",), concurrency=1)
        server.failures += [200, "html", "no choices", "closes", 502]
        second = asked(server.url, tmp_path, 2, 4, ("suffix",), concurrency=1)
        assert len(server.calls) == 16 + 8
    assert (first.table.height, second.table.height) == (8, 16)


def test_what_a_model_does_not_take_is_left_out(tmp_path: Path) -> None:
    with serving(mind_of(planted(1)), failures=["max_tokens", "seed"]) as server:
        asked(server.url, tmp_path, 1, 4, ("suffix",), concurrency=1)
        assert len(server.calls) == 8 + 2
        assert {"max_completion_tokens", "temperature", "model", "messages"} == set(server.calls[-1])


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        ("html", "gives no chat completion: <html>"),
        ("no choices", r'gives no chat completion: \{"choices": \[\]\}'),
        (401, r"answered 401: .*; is the key right \(--key-from\)\?"),
        (404, r"answered 404: .*is the URL given up to and with its /v1"),
    ],
)
def test_a_wrong_address_is_told_at_once(tmp_path: Path, failure: Failure, message: str) -> None:
    with serving(mind_of(planted(1)), failures=[failure]) as server:
        with pytest.raises(ScalewiseError, match=message):
            asked(server.url, tmp_path, 1, 4, ("suffix",), concurrency=1)
        assert len(server.calls) == 1


@pytest.mark.parametrize("url", ["localhost:8000/v1", "nonsense", "ftp://a/v1", "http://127.0.0.1:99999/v1", "http://"])
def test_what_is_no_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ScalewiseError, match="is no address"):
        asked(url, tmp_path, 1, 4, ("suffix",))


def test_the_rate_limit_is_kept(tmp_path: Path) -> None:
    import time

    with serving(mind_of(planted(1))) as server:
        began = time.monotonic()
        asked(server.url, tmp_path, 1, 3, ("suffix",), per_minute=600)
        assert time.monotonic() - began > 0.4


def test_a_server_that_is_not_there_is_one_sentence_at_once(tmp_path: Path) -> None:
    with pytest.raises(ScalewiseError, match=r"cannot be reached .*; is the server running"):
        asked("http://127.0.0.1:9/v1", tmp_path, 1, 3, ("suffix",))
