"""Questions: one file per question that a person asks. Runs in, Answer out; `answer.py` says what an Answer is.

A question never fits by hand: it calls `laws`, and `checks` for what is unfair. The list below is the whole set.
"""

from collections.abc import Callable
from typing import Any

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


def ask(question: str, runs: Any, **options: Any) -> Answer:
    """Ask a question by name. `runs` is a Runs, or anything `read` accepts; options are the question's own.

    Raises QuestionError for an unknown question or option.
    """
    if question not in QUESTIONS:
        hint = did_you_mean(question, QUESTIONS)
        raise QuestionError(f"there is no question '{question}'{hint}; there are {', '.join(QUESTIONS)}.")
    function = QUESTIONS[question]
    known = function.__annotations__.keys() - {"runs", "return"}
    for name in options:
        if name not in known:
            hint = did_you_mean(name, known)
            raise QuestionError(f"{question} has no option '{name}'{hint}; it has {', '.join(sorted(known))}.")
    return function(runs if isinstance(runs, Runs) else read(runs), **options)


__all__ = ["QUESTIONS", "Answer", "ask"]
