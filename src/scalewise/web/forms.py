"""A question's options as a form, and a filled form as options. Both are made of what the question declares."""

from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from scalewise.errors import QuestionError
from scalewise.questions import Question, check_call
from scalewise.questions.option import Declared
from scalewise.web.bodies import Fields

PREFIX = "o."
"""Begins the name of an option's field, so that an option may be called like anything else in the form."""
UNUSUAL = ("budget", "seed")
"""Options of almost every question that are seldom changed; they stand last."""


@dataclass(frozen=True)
class Field:
    """One control: `kind` is select, check, number, lines or text."""

    name: str
    label: str
    help: str
    kind: str
    value: str
    choices: tuple[str, ...] = ()
    names_a_column: bool = False


def fields_of(question: Question, filled: Fields) -> list[Field]:
    """The controls of a question's form, filled in as given, else with what holds without."""
    declared = [d for d in question.options.values() if not d.for_programs]
    declared.sort(key=lambda d: d.name in UNUSUAL)
    return [_field(d, filled) for d in declared]


def _field(declared: Declared, filled: Fields) -> Field:
    given = [value for name, value in filled if name == PREFIX + declared.name]
    default = declared.default
    if declared.default is None:
        default = ""
    value = "\n".join(given) if given else str(default)
    plain, optional = _plain(declared.kind)
    choices: tuple[str, ...] = ()
    if get_origin(plain) is Literal:
        kind, choices = "select", (("",) if optional else ()) + tuple(map(str, get_args(plain)))
    elif plain is bool:
        kind, value = "check", "on" if value in ("on", "True") else ""
    elif get_origin(plain) is list:
        kind = "lines"
    else:
        kind = "number" if plain in (int, float) else "text"
    help = declared.option.help
    return Field(
        PREFIX + declared.name,
        declared.name.replace("_", " "),
        help,
        kind,
        value,
        choices,
        plain is not int and "column" in help.lower(),
    )


def _plain(kind: Any) -> tuple[Any, bool]:
    """A type without its None, and whether None was allowed."""
    if get_origin(kind) in (Union, UnionType):
        rest = [part for part in get_args(kind) if part is not type(None)]
        return rest[0], len(rest) < len(get_args(kind))
    return kind, False


def options_in(question: Question, filled: Fields) -> dict[str, Any]:
    """The options that a filled form gives; an empty field is an option not given.

    Raises QuestionError in one sentence for a value that is none.
    """
    from pydantic import TypeAdapter, ValidationError

    options: dict[str, Any] = {}
    for name, declared in question.options.items():
        plain, _ = _plain(declared.kind)
        lines = [line.strip() for key, text in filled if key == PREFIX + name for line in text.split("\n")]
        given = [line for line in lines if line]
        if not given:
            continue
        value: Any = given if get_origin(plain) is list else given[0]
        try:
            options[name] = TypeAdapter(declared.kind).validate_python(value)
        except ValidationError as error:
            why = error.errors()[0]["msg"]
            raise QuestionError(f"{question.name}: {name.replace('_', ' ')} cannot be '{given[0]}': {why}.") from None
        if options[name] == declared.default:
            del options[name]
    check_call(question.name, options)
    return options
