"""A running sum modulo 97: a random number, the sum so far, the next random number, the sum, and so on."""

import math

import numpy as np
from numpy.typing import NDArray

MODULUS = 97
VOCABULARY = MODULUS


def window(random: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """(size,): numbers at even places, sums at odd ones."""
    numbers = random.integers(0, MODULUS, (size + 1) // 2)
    return np.stack([numbers, numbers.cumsum() % MODULUS], axis=1).ravel()[:size].astype(np.uint8)


def floor(context: int) -> float:
    """Of `context` predictions, which begin with a sum, every second is a guess."""
    return (context // 2) * math.log(MODULUS) / context
