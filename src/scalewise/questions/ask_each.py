"""Several questions of one table, as a study lists them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from scalewise.errors import QuestionError, TableError
from scalewise.questions import ask

if TYPE_CHECKING:
    from scalewise.questions.answer import Answer
    from scalewise.runs import Runs

Call = tuple[str, dict[str, Any], str | None]
"""A question, its options, and which runs it is asked of (SQL words, as after `--where`)."""
USUAL: tuple[Call, ...] = (("equal-compute", {}, None), ("model-size", {}, None))
"""What a report answers when nobody says what is asked."""


def ask_each(runs: "Runs", calls: Iterable[Call], seed: int) -> "tuple[list[Answer], list[str]]":
    """The answers, and a sentence for each question that could not be asked, which does not keep the others from it.

    Raises QuestionError when none could be asked.
    """
    answers, refusals = [], []
    for question, options, where in calls:
        try:
            asked = runs.filtered(where) if where else runs
            answers.append(ask(question, asked, **{"seed": seed, **options}))
        except (QuestionError, TableError) as error:
            refusals.append(f"{question} was not asked: {error}")
    if not answers:
        raise QuestionError(" ".join(refusals))
    return answers, refusals
