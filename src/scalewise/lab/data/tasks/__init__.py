"""Synthetic tasks: tokens that are made when they are read, so that no run reads one twice. One file each.

A new task is a file here and a line below.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.lab.data.corpus import Corpus
from scalewise.lab.data.tasks import copying, modular_addition

Ints = NDArray[np.uint8]


@dataclass(frozen=True)
class Task:
    """`window` draws so many tokens, one problem or several; `floor` is the best loss of windows of a context, nats per
    token."""

    vocabulary: int
    window: Callable[[np.random.Generator, int], Ints]
    floor: Callable[[int], float]


TASKS = {
    "copy": Task(copying.VOCABULARY, copying.window, copying.floor),
    "modular-addition": Task(modular_addition.VOCABULARY, modular_addition.window, modular_addition.floor),
}


def task_corpus(name: str, context: int) -> Corpus:
    """A corpus without tokens of its own; its hash is that of what it begins with."""
    task = TASKS[name]
    first = task.window(np.random.default_rng(0), 1024)
    empty = np.empty(0, np.uint8)
    sha256 = hashlib.sha256(name.encode() + first.tobytes()).hexdigest()
    return Corpus(name, empty, empty, 0, sha256, "", task.vocabulary, name, loss_floor=task.floor(context))
