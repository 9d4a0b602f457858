"""Copying: random symbols, a sign, and the same symbols again."""

import math

import numpy as np
from numpy.typing import NDArray

SYMBOLS = 32
SIGN = SYMBOLS
VOCABULARY = SYMBOLS + 1


def window(random: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """(size,): as many symbols as fit twice around the sign; a last place that is left over is a sign too."""
    symbols = random.integers(0, SYMBOLS, (size - 1) // 2, np.uint8)
    filled = np.concatenate([symbols, [SIGN], symbols])
    return np.append(filled, [SIGN] * (size - filled.size)).astype(np.uint8)


def floor(context: int) -> float:
    """Of `context` predictions those of the symbols after the first, before the sign, are guesses."""
    return (context // 2 - 1) * math.log(SYMBOLS) / context
