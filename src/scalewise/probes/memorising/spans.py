"""How long are the stretches that a text shares with a corpus, word for word? By a suffix array, exactly.

libdivsufsort sorts 30 MB in about 4 seconds; NumPy's prefix doubling takes minutes.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import MissingExtraError, QuestionError

MOST_BYTES = 100_000_000
"""Larger texts want an index on disk: `spans_on_disk.py`."""
LONGEST = 1000
"""Stretches are followed up to this many bytes."""


@dataclass(frozen=True)
class Span:
    """The longest stretch of a text that stands in the corpus."""

    text: bytes
    occurrences: int
    log10_chance: float
    """Log10 probability of the stretch if its bytes were drawn independently: how unremarkable it is to find it."""


class SpanIndex:
    """A corpus sorted by its suffixes. Raises QuestionError beyond 100 MB, MissingExtraError without pydivsufsort."""

    def __init__(self, corpus: bytes) -> None:
        if len(corpus) > MOST_BYTES:
            raise QuestionError(
                f"the corpus has {len(corpus):,} bytes; verbatim spans are searched in at most {MOST_BYTES:,}: keep "
                "an index on disk with --index, or give a part of it."
            )
        try:
            from pydivsufsort import divsufsort
        except ImportError:
            raise MissingExtraError("pydivsufsort", "spans", "searching verbatim spans") from None
        self.corpus = corpus
        self.order: NDArray[np.int32] = divsufsort(np.frombuffer(corpus, np.uint8).copy())

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How often each byte is in the corpus."""
        return np.bincount(np.frombuffer(self.corpus, np.uint8), minlength=256)

    def matches(self, text: bytes) -> NDArray[np.int64]:
        """How many bytes from each place of a text on stand together in the corpus: (len(text),)."""
        return np.array([self._match(text[place : place + LONGEST]) for place in range(len(text))], np.int64)

    def longest(self, text: bytes) -> Span:
        lengths = self.matches(text)
        if not lengths.size or not lengths.max():
            return Span(b"", 0, 0.0)
        place = int(lengths.argmax())
        span = text[place : place + int(lengths[place])]
        return Span(span, self.count(span), log10_chance(span, self.counts))

    def count(self, span: bytes) -> int:
        """How often a stretch stands in the corpus."""
        after = self._place(span, past=True)
        return after - self._place(span)

    def _match(self, wanted: bytes) -> int:
        """The longest beginning of `wanted` that is in the corpus: it is shared with a neighbour in the order."""
        place = self._place(wanted)
        neighbours = (self.order[i] for i in (place - 1, place) if 0 <= i < self.order.size)
        return max((_shared(wanted, self.corpus[s : s + len(wanted)]) for s in neighbours), default=0)

    def _place(self, wanted: bytes, past: bool = False) -> int:
        """The first suffix in order that is not below `wanted`; with `past`, the first that does not begin with it."""
        low, high = 0, self.order.size
        while low < high:
            middle = (low + high) // 2
            start = int(self.order[middle])
            suffix = self.corpus[start : start + len(wanted)]
            if suffix < wanted or (past and suffix == wanted):
                low = middle + 1
            else:
                high = middle
        return low


def log10_chance(span: bytes, counts: NDArray[np.int64]) -> float:
    """Log10 probability of a stretch of independent bytes, from (256,) counts; a byte not there counts once."""
    seen = np.maximum(counts, 1)
    return float(np.log10(seen / seen.sum())[np.frombuffer(span, np.uint8)].sum())


def _shared(one: bytes, other: bytes) -> int:
    """Bytes that two strings have in common from their beginnings."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
