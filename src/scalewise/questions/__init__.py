"""Questions: one file per question that a person asks. Runs in, Answer out; `answer.py` says what an Answer is.

A question never fits by hand: it calls `laws`, and `checks` for what is unfair. The list below is the whole set; each
question's function has its name, in the module or package of that name, and is loaded when it is asked.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

from scalewise.errors import QuestionError, did_you_mean
from scalewise.questions.option import Declared, Option

if TYPE_CHECKING:
    from scalewise.questions.answer import Answer


@dataclass(frozen=True)
class Question:
    """A question's name, what it settles in one sentence, and an example of its options on the command line."""

    name: str
    settles: str
    example: str

    @property
    def function(self) -> "Callable[..., Answer]":
        """The function that answers it."""
        module = self.name.replace("-", "_")
        function: Callable[..., Answer] = getattr(import_module(f"scalewise.questions.{module}"), module)
        return function

    @property
    def options(self) -> dict[str, Declared]:
        """What the function declares of every option, by name: the command line and the page are made of it."""
        hints = get_type_hints(self.function, include_extras=True)
        own = inspect.signature(self.function).parameters
        found = {}
        for name, hint in hints.items():
            if get_origin(hint) is Annotated:
                kind, *described = get_args(hint)
                option = next(d for d in described if isinstance(d, Option))
                found[name] = Declared(name, kind, option, own[name].default)
        return found


QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        Question(
            "equal-compute",
            "Every size at the same compute: which wins, and how much longer must the small ones train?",
            "smol --html out/equal-compute.html",
        ),
        Question(
            "model-size",
            "Which size for this compute: the optimum, and the smallest that is as good within a tolerance.",
            "smol --flops 1e12 --tolerance 0.005 --serve-tokens 1e9",
        ),
        Question(
            "emergence",
            "Is a jump in an outcome more than what a log axis makes of a straight line?",
            "runs.csv --x params --y accuracy --chance 0.25 --items 2000",
        ),
        Question(
            "target",
            "How much more of a scale until an outcome reaches a level: human accuracy, a loss?",
            "runs.csv --x tokens --y accuracy --level 0.95 --ceiling 1",
        ),
        Question(
            "slope",
            "Does a group (architecture, data, method) change the level of a scaling curve, or its slope?",
            "runs.csv --by architecture --x flops --y loss",
        ),
        Question(
            "gains",
            "Do small improvements add up? Power first, then single gains, their sum and product, and all together.",
            "runs.csv --change warmup --change ema --change qk_norm",
        ),
        Question(
            "beats",
            "Is method A better than B beyond luck, paired by seed, item or task?",
            "runs.csv --by method --a muon --b adam --pair seed",
        ),
        Question(
            "general-factor",
            "Does scale lift all tasks together: how much of all scores is one factor, and how much of it compute?",
            "scores.csv --by family --x flops",
        ),
        Question(
            "matched-loss",
            "At the same pretraining loss, does a bigger model still transfer better, or is loss all that matters?",
            "runs.csv --loss val_loss --y accuracy",
        ),
        Question(
            "trend",
            "Does an outcome change with a scale, by which law, does a second factor change that, and does it vanish?",
            "runs.csv --x params --y accuracy --by pretrained",
        ),
        Question(
            "audit",
            "Is the comparison in this table fair? Every check, with the runs concerned; what is fine is said too.",
            "runs.csv",
        ),
    )
}


def ask(question: str, runs: Any, **options: Any) -> "Answer":
    """Ask a question by name. `runs` is a Runs, or anything `read` accepts; options are the question's own.

    Raises QuestionError for an unknown question or option, or an option of the wrong kind.
    """
    from scalewise.runs import Runs, read

    asked = check_call(question, options)
    return asked.function(runs if isinstance(runs, Runs) else read(runs), **options)


def check_call(question: str, options: Mapping[str, Any]) -> Question:
    """The question of that name. Raises QuestionError when it, an option or an option's kind is wrong."""
    from pydantic import TypeAdapter, ValidationError

    if question not in QUESTIONS:
        hint = did_you_mean(question, QUESTIONS)
        raise QuestionError(f"there is no question '{question}'{hint}; there are {', '.join(QUESTIONS)}.")
    known = QUESTIONS[question].options
    for name, value in options.items():
        if name not in known:
            hint = did_you_mean(name, known)
            raise QuestionError(f"{question} has no option '{name}'{hint}; it has {', '.join(sorted(known))}.")
        kind, option = known[name].kind, known[name].option
        start = f"{question}: option '{name}' cannot be {value!r}"
        try:
            TypeAdapter(kind).validate_python(value)
        except ValidationError as error:
            raise QuestionError(f"{start}: {error.errors()[0]['msg']}.") from None
        if value is not None and option.least is not None and value < option.least:
            raise QuestionError(f"{start}: it must be at least {option.least:g}.")
        if value is not None and option.most is not None and value > option.most:
            raise QuestionError(f"{start}: it must be at most {option.most:g}.")
    return QUESTIONS[question]


def __getattr__(name: str) -> Any:
    if name == "Answer":
        return import_module("scalewise.questions.answer").Answer
    raise AttributeError(f"module 'scalewise.questions' has no attribute '{name}'")


__all__ = ["QUESTIONS", "Answer", "Declared", "Option", "Question", "ask", "check_call"]
