"""Answers kept as JSON lines, one for every model, messages, parameters and repeat: a killed probe asks none again."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scalewise.errors import TableError
from scalewise.runs.store import append_line

Message = Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """What came back; tokens are 0 where the server does not count them."""

    text: str
    finish_reason: str | None
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass
class Cache:
    """The answers of a file, and those that are added to it."""

    path: Path
    answers: dict[str, Reply] = field(default_factory=dict)
    asked: dict[str, tuple[str, Sequence[Message]]] = field(default_factory=dict)
    """The model and the messages that an answer is to, by its key."""

    def __post_init__(self) -> None:
        """Raises TableError when the file cannot be read or written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+", encoding="utf-8") as file:
                file.seek(0)
                text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise TableError(f"{self.path}: answers cannot be kept there ({why}); name another folder.") from None
        for key, reply, asked in _whole(text):
            self.answers[key], self.asked[key] = reply, asked

    def add(self, key: str, reply: Reply, model: str, messages: Sequence[Message]) -> None:
        self.answers[key], self.asked[key] = reply, (model, messages)
        append_line(self.path, {"key": key, "model": model, "reply": reply.__dict__, "messages": list(messages)})


def key_of(model: str, messages: Sequence[Message], parameters: Mapping[str, float], repeat: int) -> str:
    """24 hexadecimal digits, the same for the same question."""
    content = [model, list(messages), dict(parameters), repeat]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


def _whole(text: str) -> Iterator[tuple[str, Reply, tuple[str, Sequence[Message]]]]:
    """The records; a line that a kill cut off is left out, and asked for again."""
    for line in text.splitlines():
        try:
            record: dict[str, Any] = json.loads(line)
            yield str(record["key"]), Reply(**record["reply"]), (str(record["model"]), record["messages"])
        except (ValueError, KeyError, TypeError):
            continue
