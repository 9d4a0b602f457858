"""The order in which a run reads its corpus.

The corpus is cut into windows that do not overlap; every epoch visits each once, in an order that depends on
the seed and the epoch alone. Runs of one seed therefore read the same text in the same order whatever their
size, batch or learning rate, so their differences carry no data noise, and an interrupted run needs to
remember only how many windows it has read.
"""

import numpy as np
from numpy.typing import NDArray

from scalewise.lab.data.corpus import Corpus


class WindowOrder:
    """Windows of `context + 1` bytes (inputs and next-byte targets), shuffled per epoch."""

    def __init__(self, text: NDArray[np.uint8], context: int, seed: int) -> None:
        self._text = text
        self._context = context
        self._seed = seed
        self._windows = (text.size - 1) // context
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, np.int64)

    def read(self, start: int, count: int) -> NDArray[np.uint8]:
        """Windows number `start` to `start + count - 1` of the endless order: (count, context + 1)."""
        return np.stack([self.window(self.number(index)) for index in range(start, start + count)])

    def number(self, index: int) -> int:
        """Which window of the text, counted from its beginning, is number `index` of the endless order."""
        epoch, place = divmod(index, self._windows)
        if epoch != self._epoch:
            self._order = np.random.default_rng([self._seed, epoch]).permutation(self._windows)
            self._epoch = epoch
        return int(self._order[place])

    def window(self, number: int) -> NDArray[np.uint8]:
        """The window of that number: (context + 1,)."""
        offset = number * self._context
        return self._text[offset : offset + self._context + 1]


def held_out_windows(corpus: Corpus, context: int, count: int) -> NDArray[np.uint8]:
    """The fixed windows every run is validated on, spread evenly over the held-out text: (count, context + 1)."""
    last = corpus.held_out.size - context - 1
    offsets = np.unique(np.linspace(0, last, count).astype(np.int64))
    return np.stack([corpus.held_out[offset : offset + context + 1] for offset in offsets])
