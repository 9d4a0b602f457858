"""Do a model's texts copy longer stretches of the text it was trained on than fresh text of the same kind does?

The control is what really followed each prompt: people repeat themselves too (McCoy et al. 2023, arXiv 2111.09509).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.lab.data.windows import held_out_windows
from scalewise.lab.reading import Reading
from scalewise.probes.memorising.documents import corpus_files, numbered_lines, pieces
from scalewise.probes.memorising.models import AT_ONCE, LabModel, LanguageModel, Tokens
from scalewise.probes.memorising.passages import cut
from scalewise.probes.memorising.spans import MOST_BYTES, Span
from scalewise.runs.progress import tracked
from scalewise.runs.trials import Trials, trials_from

MODEL, FRESH = "the model's", "fresh"
FEWEST = 20
TOKENS = 64
"""Of a checkpoint's prompts and of its texts, at most."""


@dataclass(frozen=True)
class Texts:
    """Texts of a model, and beside each a fresh one of the same length where there is one."""

    texts: list[bytes]
    fresh: list[bytes] | None


@dataclass(frozen=True)
class Verbatim:
    """`trials`: one row per text, the length of its longest verbatim span (bytes) as `value`; and the spans."""

    trials: Trials
    spans: list[Span]


class Searched(Protocol):
    """A corpus in memory or on disk."""

    def longest(self, text: bytes) -> Span:
        """The longest stretch of a text that stands in the corpus."""


def verbatim(index: Searched, texts: Texts, source: str) -> Verbatim:
    """Search every text in the corpus."""
    import polars as pl

    rows: list[dict[str, Any]] = []
    found: dict[str, list[Span]] = {}
    sides = {MODEL: texts.texts, FRESH: texts.fresh or []}
    for condition, own in sides.items():
        found[condition] = []
        for i, text in enumerate(tracked(own, len(own), f"searching {condition} texts", lambda _: 1)):
            span = index.longest(text)
            found[condition].append(span)
            rows.append({"run": source, "item": f"text {i}", "condition": condition, "value": float(len(span.text))})
    return Verbatim(trials_from(pl.DataFrame(rows), source), found[MODEL])


def read_so_far(reading: Reading) -> bytes:
    """The text a run has read, in its own order, with a zero byte where something in between was not read."""
    context = reading.recipe.shape.context
    numbers = np.unique(reading.read)
    text = reading.corpus.train.tobytes()
    together = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
    return b"\0".join(text[int(run[0]) * context : (int(run[-1]) + 1) * context] for run in together)


def lab_texts(model: LabModel, reading: Reading, count: int, seed: int) -> Texts:
    """Continuations of held-out prompts, sampled, and what really follows; half the model's context each."""
    half = model.context // 2
    windows = held_out_windows(reading.corpus, model.context, count)
    said = _continued(model, windows[:, :half], half, seed)
    return Texts([bytes(row.astype(np.uint8)) for row in said], [bytes(window[half : 2 * half]) for window in windows])


def checkpoint_texts(model: LanguageModel, untrained: str, count: int, seed: int) -> Texts:
    """Continuations of passages of a text that was not trained on, sampled, and what really follows: each as many
    tokens as half the context, at most `TOKENS`. Raises QuestionError when the text has too few passages."""
    half = min(TOKENS, model.context // 2)
    windows, _ = cut(model, untrained, 2 * half)
    if len(windows) < FEWEST:
        raise QuestionError(
            f"{untrained} gives {len(windows):,} passages of {2 * half} tokens; at least {FEWEST} are needed."
        )
    rng = np.random.default_rng(seed)
    windows = windows[np.sort(rng.choice(len(windows), min(count, len(windows)), replace=False))]
    said = _continued(model, windows[:, :half], half, seed)
    return _of_one_length(*([model.decode(row).encode() for row in rows] for rows in (said, windows[:, half:])))


def _continued(model: LanguageModel, prompts: NDArray[Any], length: int, seed: int) -> list[Tokens]:
    rng, starts = np.random.default_rng(seed), range(0, len(prompts), AT_ONCE)
    parts = tracked(starts, len(starts), "continuing the prompts", lambda _: 1)
    return [row for start in parts for row in model.continued(prompts[start : start + AT_ONCE], length, rng)]


def read_texts(path: Path) -> Texts:
    """JSON lines with `text`, and in all or none of them `fresh`. Raises QuestionError that names the line."""
    records = [_record(line, f"{path}, line {number}") for number, line in numbered_lines(path, "texts")]
    if len(records) < FEWEST:
        raise QuestionError(f"{path}: {len(records)} texts; at least {FEWEST} are needed.")
    with_fresh = ["fresh" in record for record in records]
    if any(with_fresh) and not all(with_fresh):
        raise QuestionError(f"{path}: some lines have a 'fresh' text and some do not; give all of them one, or none.")
    fresh = [str(record["fresh"]).encode() for record in records] if all(with_fresh) else None
    texts = [record["text"].encode() for record in records]
    return Texts(texts, fresh) if fresh is None else _of_one_length(texts, fresh)


def _of_one_length(texts: Sequence[bytes], fresh: Sequence[bytes]) -> Texts:
    """A longer text has a longer span by chance, so both of a pair are cut to the shorter."""
    sizes = [min(len(text), len(other)) for text, other in zip(texts, fresh, strict=True)]
    return Texts(
        [text[:n] for text, n in zip(texts, sizes, strict=True)],
        [other[:n] for other, n in zip(fresh, sizes, strict=True)],
    )


def _record(line: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("text"), str) or not record["text"]:
        raise QuestionError(f'{where}: write {{"text": "...", "fresh": "..."}}, one a line.')
    return record


def corpus_bytes(source: str) -> bytes:
    """A corpus as one string, a zero byte between files. Raises QuestionError when it is too large to sort."""
    files = corpus_files(source)
    total = sum(path.stat().st_size for path in files)
    if total > MOST_BYTES:
        raise QuestionError(
            f"{source}: {total:,} bytes; in memory at most {MOST_BYTES:,} are searched: keep an index on disk "
            "with --index DIR, or give a part of it."
        )
    parts, last = [], None
    for piece in tracked(pieces(files), total, f"reading {source}", lambda piece: piece.size):
        parts += [b"\0"] * (piece.file != last) + [piece.text.encode()]
        last = piece.file
    return b"".join(parts)
