"""Bars with the time left: what they say, and that they are quiet where nobody looks."""

import pytest

from scalewise.runs.progress import Bar, duration, in_words, tracked


@pytest.mark.parametrize(
    ("seconds", "told"), [(42.4, "42 s"), (89.0, "89 s"), (90.0, "2 min"), (3000.0, "50 min"), (9000.0, "2.5 h")]
)
def test_durations_are_short(seconds: float, told: str) -> None:
    assert duration(seconds) == told
    assert in_words(seconds) == f"about {told} left"
    assert in_words(None) == ""


def test_without_a_terminal_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(tracked([3, 4], 7, "counting", float)) == [3, 4]
    assert capsys.readouterr() == ("", "")


def test_or_a_line_now_and_then_with_what_is_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("scalewise.runs.progress.time.monotonic", lambda: clock[0])
    with Bar("asking", 10, line_every_seconds=15.0) as bar:
        bar.skip(2)  # known before: says nothing of how fast the others come
        clock[0] = 10.0
        bar.advance(1)
        clock[0] = 20.0
        bar.advance(1, "0.50 dollars")
    assert capsys.readouterr().err == "asking: 4 of 10  about 60 s left  0.50 dollars\n"
