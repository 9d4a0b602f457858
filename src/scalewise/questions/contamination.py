"""Do the answers of a test of arithmetic stand in the training text, more often than wrong answers do?"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from scalewise.questions.answer import Answer, Chart, Finding, Repeat, Row, judge, with_interval
from scalewise.version import VERSION

if TYPE_CHECKING:
    import polars as pl

WRONG = "wrong_"
"""Columns of wrong answers begin like this."""


def contamination(
    counts: "pl.DataFrame",
    examples: list[tuple[str, str, str, str]],
    pairs: int,
    asked: str,
    repeat: tuple[str, str, str],
) -> Answer:
    """An Answer from what was found. `counts` has a row per form, the narrow forms first and all of them last: `form`,
    `mentioned` (pairs), `right`, several `wrong_...`, `files`. `pairs` are all that can be asked, `asked` says of what
    kind; `repeat` is command, source and hash."""
    rows = [_row(row) for row in counts.iter_rows(named=True)]
    narrow, total = rows[0], rows[-1]
    probability = _more_right(total)
    forms = Finding(
        "Pairs found with an answer",
        ("form", "mentioned", "right", "wrong", *with_interval("right_minus_wrong"), "files"),
        tuple(
            (r["form"], r["mentioned"], r["right"], r["wrong"], r["excess"], r["low"], r["high"], r["files"])
            for r in rows
        ),
        "pairs of numbers, each counted once a form. mentioned: beside each other in that form, with or without an "
        "answer; wrong: the mean over the same search for answers that are off by 1 or 10. a, b and b, a are "
        "one pair where order does not matter.",
    )
    seen = ("form", "pair", "file", "text")
    where = Finding("Where right answers stand", seen, tuple(examples[:20]), "the first 20, to be looked at.")
    return Answer(
        question="contamination",
        claim=f"right answers to {asked} stand in the text more often than wrong ones",
        verdict=judge(probability),
        probability=probability,
        sentence=_sentence(narrow, total, pairs, asked),
        repeat=Repeat(repeat[0], VERSION, 0, repeat[1], repeat[2]),
        findings=(forms, *((where,) if examples else ())),
        charts=(_chart(rows),),
        assumptions=(
            "a wrong answer off by 1 or 10 comes about by accident as often as the right one",
            "pairs are found independently of each other; a table of sums in one file is not (see files)",
            "a sum that is only described in words (the double of seven) is not found",
        ),
    )


def _row(counts: dict[str, Any]) -> dict[str, Any]:
    """Right minus the mean of the wrong ones, with its interval."""
    wrong = [int(value) for name, value in counts.items() if name.startswith(WRONG)]
    right, mean = int(counts["right"]), sum(wrong) / len(wrong)
    low, high = difference(right, sum(wrong), len(wrong))
    return {**counts, "wrong": mean, "wrongs": sum(wrong), "kinds": len(wrong), "excess": right - mean} | {
        "low": low,
        "high": high,
    }


def difference(right: int, wrongs: int, kinds: int) -> tuple[float, float]:
    """The 95 % interval of a count minus the mean of `kinds` counts that sum to `wrongs`.

    Exact Poisson limits of each (Garwood 1936), joined by the square-and-add method (Zou and Donner 2008).
    """
    value = right - wrongs / kinds
    (r_low, r_high), (w_low, w_high) = poisson_limits(right), poisson_limits(wrongs)
    low = value - math.hypot(right - r_low, (w_high - wrongs) / kinds)
    high = value + math.hypot(r_high - right, (wrongs - w_low) / kinds)
    return low, high


def poisson_limits(count: int) -> tuple[float, float]:
    """The exact 95 % limits of a Poisson mean."""
    from scipy.special import gammaincinv

    low = float(gammaincinv(count, 0.025)) if count else 0.0
    return low, float(gammaincinv(count + 1, 0.975))


def _more_right(row: dict[str, Any]) -> float | None:
    """The probability that right answers are more frequent than each kind of wrong one (Jeffreys' prior)."""
    from scipy.special import betaincc

    if row["right"] + row["wrongs"] == 0:
        return None
    return float(betaincc(row["right"] + 0.5, row["wrongs"] + 0.5, 1 / (1 + row["kinds"])))


def _sentence(narrow: dict[str, Any], total: dict[str, Any], pairs: int, asked: str) -> str:
    if total["right"] + total["wrongs"] == 0:
        return f"Of {pairs:,} {asked} none stands in the text with its answer, nor with a wrong one, in any form."
    return (
        f"Of {pairs:,} {asked}, {total['right']:,} {'stands' if total['right'] == 1 else 'stand'} in the text with "
        f"{'its' if total['right'] == 1 else 'their'} answer in some form "
        f"({narrow['right']:,} in {narrow['form']}), and {total['wrong']:.3g} with a wrong one: the excess is "
        f"{total['excess']:.3g} [{total['low']:.3g}, {total['high']:.3g}] pairs, "
        f"{100 * total['excess'] / pairs:.2g} % [{100 * total['low'] / pairs:.2g}, {100 * total['high'] / pairs:.2g}]."
    )


def _chart(rows: list[dict[str, Any]]) -> Chart:
    shown: list[Row] = [
        {"label": row["form"], "value": float(row["excess"]), "low": float(row["low"]), "high": float(row["high"])}
        for row in rows
        if np.isfinite(row["excess"])
    ]
    return Chart(
        "intervals",
        "Right minus wrong answers",
        "For each way of writing, how many more pairs stand in the text with the right answer than with a wrong one, "
        "with 95 % intervals.",
        {"axes": [{"x": "pairs, right minus wrong"}], "rows": shown, "reference": [{"value": 0.0}]},
    )
