"""The byte tokenizer in the format of the `tokenizers` library: 256 tokens, token b is the byte b, nothing is merged.

That library spells bytes as printable characters, the way GPT-2 did (Radford et al. 2019, `bytes_to_unicode`).
"""

from typing import Any


def byte_characters() -> list[str]:
    """The printable character that stands for each of the 256 bytes."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def tokenizer_json() -> dict[str, Any]:
    """The content of tokenizer.json."""
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


def tokenizer_config(context: int, end_of_text: int | None) -> dict[str, Any]:
    """The content of tokenizer_config.json. `end_of_text` is the byte that ends an answer, if one does."""
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
        "add_bos_token": False,
        "add_eos_token": False,
    }
    return config if end_of_text is None else config | {"eos_token": byte_characters()[end_of_text]}
