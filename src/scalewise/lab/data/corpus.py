"""A corpus: the tokens that are trained on, those that are held out, and exactly where they are from."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scalewise.lab.declared import Data

Tokens: TypeAlias = NDArray[np.integer[Any]]
BYTES = 256


@dataclass(frozen=True)
class Corpus:
    """Two rows of tokens and the record of where they came from. A task has none: its tokens are made when read."""

    name: str
    train: Tokens
    held_out: Tokens
    files: int
    """Documents: files, rows of a data set, images."""
    sha256: str
    file_list: str
    """CSV: path, bytes, hash and side (train, held out, or duplicate: left out) of every file."""
    vocabulary: int = BYTES
    task: str = ""
    text_bytes: int = 0
    """Of the training text before a tokenizer cut it; 0 where tokens are bytes or not text."""
    tokenizer: str = ""
    """The file (tokenizer.json) that cut the text, where one did."""
    loss_floor: float | None = None
    """Nats per token that nobody can do better than, where that is known."""

    @property
    def is_bytes_of_text(self) -> bool:
        """Whether a token is a byte of text, so that everybody can read what a model writes."""
        return self.vocabulary == BYTES and not self.task and not self.text_bytes

    @property
    def record(self) -> dict[str, str | int | float]:
        record: dict[str, str | int | float] = {
            "corpus": self.name,
            "files": self.files,
            "train_tokens": self.train.size,
            "held_out_tokens": self.held_out.size,
            "train_bytes": self.text_bytes or self.train.nbytes,
            "held_out_bytes": self.held_out.nbytes,
            "vocabulary": self.vocabulary,
            "sha256": self.sha256,
        }
        if self.task:
            record["task"] = self.task
        if self.text_bytes:
            record["bytes_per_token"] = self.text_bytes / self.train.size
        if self.loss_floor is not None:
            record["loss_floor"] = self.loss_floor
        return record


@dataclass(frozen=True)
class Options:
    """What a source may need to know beside its name."""

    context: int = 128
    tokenizer: Path | None = None
    column: str = "text"
    most_bytes: int = 200_000_000


def corpus_source(declared: str, study_path: Path) -> str:
    """What a study names, a path relative to the study file when it is there, else as it stands."""
    kind, colon, place = declared.rpartition(":")
    beside = study_path.parent / place
    return f"{kind}{colon}{beside.resolve()}" if place and beside.exists() else declared


def corpus_of(data: "Data", study_path: Path) -> Corpus:
    """The corpus that a study declares. Raises StudyError, and MissingExtraError for a source that needs one."""
    tokenizer = Path(corpus_source(data.tokenizer, study_path)) if data.tokenizer else None
    options = Options(data.context, tokenizer, data.column, data.most_bytes)
    return load_corpus(corpus_source(data.corpus, study_path), options)


def load_corpus(source: str, options: Options = Options()) -> Corpus:
    """The corpus of a name or path, as `sources` lists them.

    Raises StudyError when there is no such thing or too little of it, MissingExtraError when it cannot be read without
    a package that is not installed.
    """
    from scalewise.lab.data.sources import read

    return read(source, options)
