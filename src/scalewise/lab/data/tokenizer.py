"""A Hugging Face tokenizer file (tokenizer.json) instead of bytes."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from scalewise.errors import MissingExtraError, StudyError
from scalewise.lab.data.corpus import Tokens

AT_ONCE = 1_000_000
"""Characters that are tokenized together; cut at the end of a line."""


class Tokenizer:
    """Raises StudyError for a file that is none, MissingExtraError without the `tokenizers` package."""

    def __init__(self, path: Path) -> None:
        if find_spec("tokenizers") is None:
            raise MissingExtraError("tokenizers", "text", "data.tokenizer")
        from tokenizers import Tokenizer as FromFile

        if not path.is_file():
            raise StudyError(f"data.tokenizer: {path} is not there; name a tokenizer.json.")
        try:
            self._tokenizer = FromFile.from_file(str(path))
        except Exception as error:  # the package raises nothing narrower
            raise StudyError(f"data.tokenizer: {path} is not a tokenizer file ({error}).") from None
        self.path = path
        self.vocabulary: int = self._tokenizer.get_vocab_size()
        self.sha256 = hashlib.sha256(path.read_bytes()).digest()

    def spelled(self, token: int) -> str:
        """How the file writes a token."""
        return str(self._tokenizer.id_to_token(token))

    def encode(self, text: bytes) -> Tokens:
        """Token numbers, (tokens,); what is not UTF-8 becomes the replacement character."""
        characters = text.decode("utf-8", errors="replace")
        pieces, start = [], 0
        while start < len(characters):
            end = characters.find("\n", start + AT_ONCE) + 1 or len(characters)
            pieces.append(characters[start:end])
            start = end
        encoded = self._tokenizer.encode_batch(pieces, add_special_tokens=False)
        kind = np.uint16 if self.vocabulary <= 2**16 else np.uint32
        return np.concatenate([np.asarray(piece.ids, kind) for piece in encoded] or [np.empty(0, kind)])
