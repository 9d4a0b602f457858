"""From documents to a corpus: duplicates dropped, one document in 32 held out by the hash of its content."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from scalewise.errors import StudyError
from scalewise.lab.data.corpus import BYTES, Corpus, Options, Tokens
from scalewise.lab.data.tokenizer import Tokenizer

HELD_OUT_IN = 32
"""One document in 32 is held out, chosen by the hash of its content, so that no text is on both sides under two
names."""
FEWEST_TRAIN, FEWEST_HELD_OUT = 100_000, 2_000
Document = tuple[str, bytes]
"""A label, and the content."""


def text_corpus(name: str, documents: Iterable[Document], options: Options, listed: bool = True) -> Corpus:
    """A corpus of text: its bytes, or what a tokenizer makes of them."""
    tokenizer = Tokenizer(options.tokenizer) if options.tokenizer else None
    return assembled(name, documents, b"\n", BYTES, tokenizer, listed)


def assembled(
    name: str,
    documents: Iterable[Document],
    between: bytes,
    vocabulary: int,
    tokenizer: Tokenizer | None = None,
    listed: bool = True,
) -> Corpus:
    """Raises StudyError when there is too little on either side. A single document is split by position."""
    lines = ["path,bytes,sha256,side"]
    digest = hashlib.sha256()
    sides: dict[str, list[bytes]] = {"train": [], "held out": [], "duplicate": []}
    seen: set[bytes] = set()
    for label, content in documents:
        own = hashlib.sha256(content)
        side = "duplicate" if own.digest() in seen else "held out" if _is_held_out(own.digest()) else "train"
        seen.add(own.digest())
        digest.update(b"\0".join((label.encode(), side.encode(), content, b"")))
        sides[side].append(content if side != "duplicate" else b"")
        if listed:
            lines.append(f'"{label}",{len(content)},{own.hexdigest()},{side}')
    train, held_out = sides["train"], sides["held out"]
    count = sum(map(len, sides.values()))
    if count == 1:
        whole = (train or held_out)[0]
        cut = len(whole) * (HELD_OUT_IN - 1) // HELD_OUT_IN
        train, held_out = [whole[:cut]], [whole[cut:]]
    texts = (between.join(train), between.join(held_out))
    if tokenizer:
        digest.update(tokenizer.sha256)
    kept: list[Tokens] = [tokenizer.encode(t) if tokenizer else np.frombuffer(t, np.uint8) for t in texts]
    corpus = Corpus(
        name=name,
        train=kept[0],
        held_out=kept[1],
        files=count,
        sha256=digest.hexdigest(),
        file_list="\n".join(lines) + "\n",
        vocabulary=tokenizer.vocabulary if tokenizer else vocabulary,
        text_bytes=len(texts[0]) if tokenizer else 0,
        tokenizer=str(tokenizer.path) if tokenizer else "",
    )
    check_size(corpus)
    return corpus


def check_size(corpus: Corpus) -> None:
    """Raises StudyError when there is too little to train or to validate on."""
    if corpus.train.size < FEWEST_TRAIN or corpus.held_out.size < FEWEST_HELD_OUT:
        what = "bytes" if corpus.vocabulary == BYTES else "tokens"
        raise StudyError(
            f"data: corpus '{corpus.name}' has {corpus.train.size:,} training and {corpus.held_out.size:,} held-out "
            f"{what}; at least {FEWEST_TRAIN:,} and {FEWEST_HELD_OUT:,} are needed."
        )


def contents(root: Path, files: Iterable[Path]) -> Iterator[Document]:
    """Files by their paths under a root, in the order of those."""
    for label, path in sorted((path.relative_to(root).as_posix(), path) for path in files):
        yield label, path.read_bytes()


def bounded(documents: Iterable[Document], most_bytes: int) -> Iterator[Document]:
    """The first documents, as many as there is room for."""
    for label, content in documents:
        most_bytes -= len(content)
        if most_bytes < 0:
            return
        yield label, content


def _is_held_out(sha256: bytes) -> bool:
    return int.from_bytes(sha256[:4]) % HELD_OUT_IN == 0
