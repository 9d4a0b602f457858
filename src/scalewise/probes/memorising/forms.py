"""How a sum is written: the lists of `surface_forms.toml`, a user's beside them, and how text is brought to them."""

import html
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from scalewise.errors import TableError

Operation = Literal["plus", "minus", "times"]
LINE_END = "\n.\n"
"""Between lines that do not follow each other: no form."""
OPERATIONS: tuple[Operation, ...] = ("plus", "minus", "times")
ESCAPED = "escaped"
"""The form of what had to be decoded first: &#43;, %2B, \\plus."""
ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
TAG = re.compile(r"<[^<>]*>")
ESCAPE = re.compile(r"&#?\w+;|%[0-9a-fA-F]{2}|\\")
RULE = re.compile(r"([-=_])\1+")
DROPPED = re.compile(r"""\\(?:text|mathrm|operatorname)\b|\*\*|[$\\{}()\[\]"'`]""")
GROUPED = re.compile(r"(?<![\w.,'’])\d{1,3}(?:([,_'’\u00a0\u2009\u202f])\d{3})(?:\1\d{3})*(?![\w,'’]|\.\d)")
"""A number in groups of three digits: 1,234 or 1'234'567."""


@dataclass(frozen=True)
class Forms:
    """For each operation, the form that a separator belongs to; what may stand before an answer; words of numbers."""

    between: Mapping[str, Mapping[str, str]]
    equals: frozenset[str]
    numbers: Mapping[str, int]

    def kind(self, operation: str, separator: str) -> str | None:
        """The form of what stands between two operands, or None."""
        cleaned, decoded = clean(separator)
        form = self.between[operation].get(cleaned)
        return ESCAPED if form and decoded else form

    def is_equals(self, separator: str) -> bool:
        return clean(separator)[0] in self.equals

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Whole numbers in digits (0x and 0b too) or words, in small letters; no part of a name or a decimal.

        It begins with the characters that a number can begin with, which is what makes it fast.
        """
        by_first: dict[str, list[str]] = {}
        for word in sorted(self.numbers, key=len, reverse=True):
            by_first.setdefault(word[0], []).append(re.escape(word[1:]))
        words = "|".join(f"(?<={re.escape(first)})(?:{'|'.join(rest)})" for first, rest in by_first.items())
        digits = r"(?<=\d)(?:(?<=0)(?:x[0-9a-f]+|b[01]+)|\d{0,8})(?!\.\d)"
        firsts = "".join(map(re.escape, by_first))
        return re.compile(rf"[0-9{firsts}](?<![\w.#].)(?:{digits}|{words})(?!\w)")

    def value(self, number: str) -> int:
        """What a match of `pattern` stands for."""
        if number in self.numbers:
            return self.numbers[number]
        return int(number, 0) if number[:2] in ("0x", "0b") else int(number)


@lru_cache(maxsize=100_000)
def clean(separator: str) -> tuple[str, bool]:
    """What stands between two numbers, as the lists spell it, and whether something had to be decoded for that."""
    if not separator.strip():
        return ("newline" if "\n" in separator else "tab" if "\t" in separator else "space"), False
    decoded = bool(ESCAPE.search(separator))
    text = unquote(html.unescape(separator)) if decoded else separator
    text = " ".join(DROPPED.sub("", RULE.sub("=", TAG.sub("|", text))).lower().split())
    return text.strip("| ") or text, decoded


def ungrouped(text: str) -> str:
    """The lines in which numbers stand in groups of three digits, with those written in one."""
    return LINE_END.join(
        GROUPED.sub(lambda number: re.sub(r"\D", "", number.group()), line)
        for line in text.split("\n")
        if GROUPED.search(line)
    )


def load_forms(path: Path | None = None) -> Forms:
    """The shipped forms, and those of a file of the user's. Raises TableError for a table or list it cannot have."""
    shipped = tomllib.loads((files("scalewise.probes.memorising") / "surface_forms.toml").read_text(encoding="utf-8"))
    own = _own(path, list(shipped)) if path else {}
    between: dict[str, dict[str, str]] = {}
    for operation in OPERATIONS:
        lists: dict[str, list[str]] = {**shipped[operation]}
        for form, separators in own.get(operation, {}).items():
            lists[form] = [*lists.get(form, []), *separators]
        between[operation] = {s: form for form, separators in lists.items() for s in separators}
    equals = [s for table in (shipped, own) for separators in table.get("equals", {}).values() for s in separators]
    words = {word: value for value, word in enumerate(ONES)}
    for i, ten in enumerate(TENS, start=2):
        words |= {ten: 10 * i} | {f"{ten}{d}{one}": 10 * i + j for j, one in enumerate(ONES[:10]) if j for d in "- "}
    own_words = {word.lower(): value for word, value in own.get("numbers", {}).items()}
    return Forms(between, frozenset(equals), words | own_words)


def _own(path: Path, tables: list[str]) -> dict[str, Any]:
    if not path.is_file():
        raise TableError(f"{path}: there is no such file of forms.")
    try:
        own = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: not valid TOML: {error}.") from None
    for name, table in own.items():
        if name not in tables or not isinstance(table, dict):
            raise TableError(f"{path}: there is no table [{name}]; there are {', '.join(tables)}.")
        for key, value in table.items():
            good = isinstance(value, int) if name == "numbers" else _is_list_of_text(value)
            if not good:
                kind = "a whole number" if name == "numbers" else "a list of texts"
                raise TableError(f"{path}: {name}.{key} must be {kind}.")
    return own


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
