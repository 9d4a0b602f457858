"""The order in which a run reads its corpus.

The corpus is cut into windows that do not overlap; every epoch visits each once, in an order that depends on
the seed and the epoch alone. Runs of one seed therefore read the same text in the same order whatever their
size, batch or learning rate, so their differences carry no data noise, and an interrupted run needs to
remember only how many windows it has read. A window of a task is made from the seed and its number.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scalewise.lab.data.corpus import Corpus, Tokens
from scalewise.lab.data.tasks import TASKS

HELD_OUT = 2**32 - 1
"""The seed of a task's held-out windows, which is no run's seed."""


class ReadingOrder(Protocol):
    """An endless row of windows."""

    def read(self, start: int, count: int) -> Tokens:
        """Windows number `start` to `start + count - 1`: (count, context + 1), inputs and next-token targets."""


def reading_order(corpus: Corpus, context: int, seed: int) -> ReadingOrder:
    """The order in which runs of a seed read a corpus."""
    return FreshWindows(corpus.task, context, seed) if corpus.task else WindowOrder(corpus.train, context, seed)


class WindowOrder:
    """Windows of `context + 1` tokens, shuffled per epoch."""

    def __init__(self, text: Tokens, context: int, seed: int) -> None:
        self._text = text
        self._context = context
        self._seed = seed
        self._windows = (text.size - 1) // context
        self._epoch = -1
        self._order: NDArray[np.int64] = np.empty(0, np.int64)

    def read(self, start: int, count: int) -> Tokens:
        return _readable(np.stack([self.window(self.number(index)) for index in range(start, start + count)]))

    def number(self, index: int) -> int:
        """Which window of the text, counted from its beginning, is number `index` of the endless order."""
        epoch, place = divmod(index, self._windows)
        if epoch != self._epoch:
            self._order = np.random.default_rng([self._seed, epoch]).permutation(self._windows)
            self._epoch = epoch
        return int(self._order[place])

    def window(self, number: int) -> Tokens:
        """The window of that number: (context + 1,)."""
        offset = number * self._context
        return self._text[offset : offset + self._context + 1]


class FreshWindows:
    """Windows of a task, each made when it is read, none of them twice."""

    def __init__(self, task: str, context: int, seed: int) -> None:
        self._window = TASKS[task].window
        self._context = context
        self._seed = seed

    def read(self, start: int, count: int) -> Tokens:
        made = [
            self._window(np.random.default_rng([self._seed, i]), self._context + 1) for i in range(start, start + count)
        ]
        return np.stack(made)


def held_out_windows(corpus: Corpus, context: int, count: int) -> Tokens:
    """The fixed windows every run is validated on, spread evenly over the held-out text: (count, context + 1)."""
    if corpus.task:
        return FreshWindows(corpus.task, context, HELD_OUT).read(0, count)
    last = corpus.held_out.size - context - 1
    offsets = np.unique(np.linspace(0, last, count).astype(np.int64))
    return _readable(np.stack([corpus.held_out[offset : offset + context + 1] for offset in offsets]))


def _readable(windows: Tokens) -> Tokens:
    """PyTorch does little with unsigned numbers of more than 8 bits."""
    return windows if windows.dtype == np.uint8 else windows.astype(np.int32)
