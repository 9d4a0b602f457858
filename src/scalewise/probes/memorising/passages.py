"""The passages that are compared: text the model was trained on, as much of the same kind that it was not, and queries.

Each passage is a beginning, by which it is found, and what follows.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.lab.data.windows import held_out_windows
from scalewise.lab.reading import Reading
from scalewise.probes.memorising.documents import corpus_files, numbered_lines, pieces
from scalewise.probes.memorising.models import LanguageModel
from scalewise.runs.progress import tracked

BEGINNING, FOLLOWING = 64, 32
"""Tokens of a passage, at most half and a quarter of the model's context."""
SHORTEST = 3
"""Tokens of a query."""
FEWEST = 20
"""Fewer passages on a side, or queries, are no sample."""


@dataclass(frozen=True)
class Passages:
    """Beginnings (n, P) and what follows (n, F), as tokens; which were trained on; which come from one file."""

    beginnings: NDArray[Any]
    following: NDArray[Any]
    trained: NDArray[np.bool_]
    files: NDArray[np.int64]
    windows: NDArray[np.int64]
    """The number of the window that a passage is in a run's own text, else -1."""


@dataclass(frozen=True)
class Queries:
    """Prompts as tokens, and the right answer to each where one is known."""

    prompts: list[NDArray[np.int64]]
    answers: list[str | None]


def lengths(model: LanguageModel) -> tuple[int, int]:
    return min(BEGINNING, model.context // 2), min(FOLLOWING, model.context // 4)


def lab_passages(
    model: LanguageModel, reading: Reading, most: int, untrained: str | None = None, seed: int = 0
) -> Passages:
    """Windows that a run read, spread over its life, and as many that it would have read next, or of another text.

    The order of reading is random, so read and unread windows are samples of one text. Raises QuestionError when there
    is not enough to compare with.
    """
    read = np.array(list(dict.fromkeys(reading.read.tolist())), np.int64)
    first, second = lengths(model)
    if untrained is None:
        others: NDArray[Any] = np.empty((0, 0), np.uint8)
        if reading.unread.size:
            others = reading.windows_at(reading.unread[:most])
    else:
        windows, _ = cut(model, untrained, reading.recipe.shape.context)
        chosen_others = np.random.default_rng(seed).choice(len(windows), min(most, len(windows)), replace=False)
        others = windows[np.sort(chosen_others)]
    count = min(most, read.size, len(others))
    if count < FEWEST:
        raise QuestionError(
            f"the run has read {read.size:,} of {reading.windows:,} windows of its text and there are {len(others):,} "
            f"passages to compare with; at least {FEWEST} of each are needed: name text of the same kind that it was "
            "not trained on with --untrained."
        )
    chosen = read[np.linspace(0, read.size - 1, count).astype(np.int64)]
    windows = np.concatenate([reading.windows_at(chosen)[:, : first + second], others[:count, : first + second]])
    numbers = np.concatenate([chosen, np.full(count, -1)])
    trained = np.arange(2 * count) < count
    return Passages(windows[:, :first], windows[:, first:], trained, np.arange(2 * count), numbers)


def lab_queries(model: LanguageModel, reading: Reading, count: int) -> Queries:
    """Passages of the held-out text, with what really follows as the answer."""
    first, second = lengths(model)
    windows = held_out_windows(reading.corpus, first + second, count).astype(np.int64)
    return Queries(list(windows[:, :first]), [model.decode(window[first:]) for window in windows])


def corpus_passages(model: LanguageModel, trained: str, untrained: str, most: int, seed: int) -> Passages:
    """Passages of two corpora, equally many of each, drawn at random."""
    rng = np.random.default_rng(seed)
    sides = [cut(model, source, sum(lengths(model))) for source in (trained, untrained)]
    count = min(most, *(len(tokens) for tokens, _ in sides))
    if count < FEWEST:
        raise QuestionError(
            f"{trained} and {untrained} give {len(sides[0][0]):,} and {len(sides[1][0]):,} passages of "
            f"{sum(lengths(model))} tokens; at least {FEWEST} of each are needed."
        )
    chosen = [np.sort(rng.choice(len(tokens), count, replace=False)) for tokens, _ in sides]
    tokens = np.concatenate([side[0][index] for side, index in zip(sides, chosen, strict=True)])
    files = np.concatenate([sides[0][1][chosen[0]], sides[0][1].max() + 1 + sides[1][1][chosen[1]]])
    first, _ = lengths(model)
    return Passages(
        tokens[:, :first], tokens[:, first:], np.arange(len(tokens)) < count, files, np.full(len(tokens), -1)
    )


def distinct(passages: Passages) -> tuple[Passages, float]:
    """Every text once, where it was trained on if it was, and equally many on both sides; and what share was left out
    as a repetition. Raises QuestionError when too little is left."""
    texts = np.concatenate([passages.beginnings, passages.following], axis=1)
    order = np.argsort(~passages.trained, kind="stable")
    _, first = np.unique(texts[order], axis=0, return_index=True)
    kept = np.sort(order[first])
    if kept.size == len(texts):
        return passages, 0.0
    sides = [kept[passages.trained[kept] == side] for side in (True, False)]
    count = min(map(len, sides))
    if count < FEWEST:
        raise QuestionError(
            f"without repetitions there are {len(sides[0]):,} passages that were trained on and {len(sides[1]):,} "
            f"others; at least {FEWEST} of each are needed."
        )
    chosen = np.concatenate([side[np.linspace(0, len(side) - 1, count).astype(np.int64)] for side in sides])
    parts = (getattr(passages, name)[chosen] for name in ("beginnings", "following", "trained", "files", "windows"))
    return Passages(*parts), 1 - kept.size / len(texts)


def cut(model: LanguageModel, source: str, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The passages (n, length) into which a corpus falls, without overlap, and the number of the file of each."""
    files = corpus_files(source)
    number = {str(path): i for i, path in enumerate(files)}
    parts, owners = [np.empty((0, length), np.int64)], [np.empty(0, np.int64)]
    total = sum(path.stat().st_size for path in files)
    for piece in tracked(pieces(files), total, f"reading {source}", lambda piece: piece.size):
        tokens = np.asarray(model.encode(piece.text), np.int64)
        count = tokens.size // length
        parts.append(tokens[: count * length].reshape(count, length))
        owners.append(np.full(count, number[piece.file], np.int64))
    return np.concatenate(parts), np.concatenate(owners)


def read_queries(model: LanguageModel, path: Path) -> Queries:
    """One query a line: text, or JSON with `prompt` and perhaps `answer`. Raises QuestionError, naming the line."""
    _, second = lengths(model)
    prompts, answers = [], []
    for number, line in numbered_lines(path, "queries"):
        record: Any = {"prompt": line}
        if path.suffix == ".jsonl":
            record = _json(line, f"{path}, line {number}")
        tokens = model.encode(record["prompt"])[-(model.context - second) :]
        if len(tokens) < SHORTEST:
            raise QuestionError(
                f"{path}, line {number}: the prompt is too short to have neighbours, {len(tokens)} of at least "
                f"{SHORTEST} tokens."
            )
        prompts.append(np.asarray(tokens, np.int64))
        answers.append(None if record.get("answer") is None else str(record["answer"]))
    if len(prompts) < FEWEST:
        raise QuestionError(f"{path}: {len(prompts)} queries; at least {FEWEST} are needed.")
    return Queries(prompts, answers)


def _json(line: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("prompt"), str):
        raise QuestionError(f'{where}: write {{"prompt": "...", "answer": "..."}}, one a line.')
    return record


def by_length(prompts: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """The numbers of the prompts of each length, so that equal ones can be computed together."""
    sizes = np.array([prompt.size for prompt in prompts])
    return [np.flatnonzero(sizes == size) for size in np.unique(sizes)]
