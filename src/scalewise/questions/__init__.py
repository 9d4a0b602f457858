"""Questions: one file per question that a person asks. Runs in, Answer out; `answer.py` says what an Answer is.

A question never fits by hand: it calls `laws`, and `checks` for what is unfair. The list below is the whole set.
"""

from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from scalewise.errors import QuestionError, did_you_mean
from scalewise.questions.answer import Answer
from scalewise.questions.equal_compute import equal_compute
from scalewise.questions.model_size import model_size
from scalewise.runs.readers import read
from scalewise.runs.table import Runs

QUESTIONS: dict[str, Callable[..., Answer]] = {
    "equal-compute": equal_compute,
    "model-size": model_size,
}

LEAST = {"seed": 0, "resamples": 20}
"""Fewer resamples than this are no interval."""


def ask(question: str, runs: Any, **options: Any) -> Answer:
    """Ask a question by name. `runs` is a Runs, or anything `read` accepts; options are the question's own.

    Raises QuestionError for an unknown question or option, or an option of the wrong kind.
    """
    function = check_call(question, options)
    return function(runs if isinstance(runs, Runs) else read(runs), **options)


def check_call(question: str, options: Mapping[str, Any]) -> Callable[..., Answer]:
    """The question of that name. Raises QuestionError when it, an option or an option's kind is wrong."""
    from pydantic import TypeAdapter, ValidationError

    if question not in QUESTIONS:
        hint = did_you_mean(question, QUESTIONS)
        raise QuestionError(f"there is no question '{question}'{hint}; there are {', '.join(QUESTIONS)}.")
    function = QUESTIONS[question]
    kinds = {n: kind for n, kind in get_type_hints(function).items() if n not in ("runs", "return")}
    for name, value in options.items():
        if name not in kinds:
            hint = did_you_mean(name, kinds)
            raise QuestionError(f"{question} has no option '{name}'{hint}; it has {', '.join(sorted(kinds))}.")
        try:
            TypeAdapter(kinds[name]).validate_python(value)
        except ValidationError as error:
            why = error.errors()[0]["msg"]
            raise QuestionError(f"{question}: option '{name}' cannot be {value!r}: {why}.") from None
        if (least := LEAST.get(name)) is not None and value < least:
            raise QuestionError(f"{question}: option '{name}' cannot be {value!r}: it must be at least {least}.")
    return function


__all__ = ["QUESTIONS", "Answer", "ask", "check_call"]
