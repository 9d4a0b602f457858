"""What an answer says: yes, no, or a class of its own that is never dropped."""

import re
from typing import Literal

Said = Literal["yes", "no", "refusal", "unclear", "truncated", "empty"]

REFUSALS = (
    "i cannot",
    "i can't",
    "i can not",
    "i won't",
    "i'm not able",
    "i am not able",
    "i'm unable",
    "i am unable",
    "as an ai",
    "i'm sorry",
    "i am sorry",
    "i don't have personal",
    "i do not have personal",
    "not appropriate for me",
)
WORD = re.compile(r"\b(yes|no)\b", re.IGNORECASE)
LEAD = re.compile(r"^\W*(yes|no)\b", re.IGNORECASE)
NEGATED = re.compile(
    r"\bno (?:one|doubt|matter|longer|more|less|way|such|easy|simple|clear|single|right)\b", re.IGNORECASE
)
FINAL = re.compile(r"\b(?:answer|verdict|conclusion)\W+(?:is\W+)?(yes|no)\b", re.IGNORECASE)


def said(text: str, finish_reason: str | None = None) -> Said:
    """An answer that begins with yes or no says so; so does one that names its final answer, or uses only one of the
    words. An answer cut off before it said either is `truncated`; refusals are not a no."""
    if not text.strip():
        return "empty"
    if lead := LEAD.match(NEGATED.sub("", text)):
        return _word(lead.group(1))
    if final := FINAL.findall(text):
        return _word(final[-1])
    if any(phrase in text.lower().replace("’", "'") for phrase in REFUSALS):
        return "refusal"
    words = {word.lower() for word in WORD.findall(NEGATED.sub("", text))}
    if len(words) == 1:
        return _word(words.pop())
    return "truncated" if finish_reason == "length" else "unclear"


def _word(word: str) -> Said:
    return "yes" if word.lower() == "yes" else "no"
