"""The tokenizer of a published model, in the format of the `tokenizers` library: the bytes, or a file that the study
named.

With bytes there are 256 tokens, token b is the byte b and nothing is merged. That library spells bytes as printable
characters, the way GPT-2 did (Radford et al. 2019, `bytes_to_unicode`).
"""

import json
from pathlib import Path
from typing import Any, Protocol

from scalewise.errors import StudyError


class Tokenizer(Protocol):
    def json(self) -> dict[str, Any]:
        """The content of tokenizer.json."""

    def token(self, text: str) -> int:
        """The number of the one token that a text is. Raises StudyError when it is several."""

    def config(self, context: int, end_of_text: int | None) -> dict[str, Any]:
        """The content of tokenizer_config.json; `end_of_text` is the token that ends an answer, if one does."""


def byte_characters() -> list[str]:
    """The printable character that stands for each of the 256 bytes."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


class ByteTokenizer:
    """A token is a byte."""

    def json(self) -> dict[str, Any]:
        spelling: dict[str, Any] = {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": True,
            "use_regex": False,
        }
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [],
            "normalizer": None,
            "pre_tokenizer": spelling,
            "post_processor": None,
            "decoder": spelling,
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "vocab": {character: byte for byte, character in enumerate(byte_characters())},
                "merges": [],
            },
        }

    def token(self, text: str) -> int:
        return _only(text, list(text.encode()))

    def config(self, context: int, end_of_text: int | None) -> dict[str, Any]:
        return _config(context, None if end_of_text is None else byte_characters()[end_of_text])


class FileTokenizer:
    """A tokenizer.json. Raises StudyError for a file that is none, MissingExtraError without `tokenizers`."""

    def __init__(self, path: Path) -> None:
        from scalewise.lab.data.tokenizer import Tokenizer as FromFile

        self._tokenizer, self._path = FromFile(path), path

    def json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
        return content

    def token(self, text: str) -> int:
        return _only(text, self._tokenizer.encode(text.encode()).tolist())

    def config(self, context: int, end_of_text: int | None) -> dict[str, Any]:
        return _config(context, None if end_of_text is None else self._tokenizer.spelled(end_of_text))


def _only(text: str, tokens: list[int]) -> int:
    if len(tokens) != 1:
        raise StudyError(f"the end of an answer, {text!r}, is {len(tokens)} tokens of this model; it must be one.")
    return tokens[0]


def _config(context: int, end: str | None) -> dict[str, Any]:
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
        "add_bos_token": False,
        "add_eos_token": False,
    }
    return config if end is None else config | {"eos_token": end}
