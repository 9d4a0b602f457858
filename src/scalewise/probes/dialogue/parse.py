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
THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.IGNORECASE | re.DOTALL)
"""What some models think aloud before they answer."""
BOTH = re.compile(r"\b(?:yes|no)(?:\s+(?:and|or)\s+|\s*/\s*)(?:yes|no)\b", re.IGNORECASE)
"""The options repeated, or both of them taken: neither says anything."""
GOES_ON = "because|since|as|it|its|he|she|they|i|you|we|this|that|the|there|and|but|if|unless|not|my|in|to|yes|no"
DETERMINER = re.compile(rf"\bno[ \t]+(?!(?:{GOES_ON})\b)(?=[^\W\d_])", re.IGNORECASE)
"""The no of `no one` or `no easy answer`, unlike that of `no because`, `no it is not`, or one before a mark."""
WORD = re.compile(r"\b(yes|no)\b", re.IGNORECASE)
LEAD = re.compile(r"^\W*(yes|no)\b", re.IGNORECASE)
FINAL = re.compile(r"\b(?:answer|verdict|conclusion)\W+(?:is\W+)?(yes|no)\b", re.IGNORECASE)


def said(text: str, finish_reason: str | None = None) -> Said:
    """An answer that begins with yes or no says so; so does one that names its final answer, or uses only one of the
    words. An answer cut off before it said either is `truncated`; refusals are not a no."""
    cut_off = finish_reason == "length"
    text = THOUGHT.sub("", text)
    if not text.strip():
        return "truncated" if cut_off else "empty"
    told = DETERMINER.sub("", BOTH.sub("", text))
    if (lead := LEAD.match(told)) and LEAD.match(text):
        return _word(lead.group(1))
    if final := FINAL.findall(told):
        return _word(final[-1])
    if any(phrase in text.lower().replace("’", "'") for phrase in REFUSALS):
        return "refusal"
    words = {word.lower() for word in WORD.findall(told)}
    if len(words) == 1:
        return _word(words.pop())
    return "truncated" if cut_off else "unclear"


def _word(word: str) -> Said:
    return "yes" if word.lower() == "yes" else "no"
