"""Images as tokens: what is in the image, then its pixels row by row, each at one of a few levels of grey."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from scalewise.lab.data.corpus import Corpus
from scalewise.lab.data.documents import Document, assembled

Image = tuple[str, int, NDArray[np.uint8]]
"""A label, the number of its class, and levels (height, width)."""


def image_corpus(name: str, images: Iterable[Image], levels: int, classes: int) -> Corpus:
    """One document an image: its class, a token from `levels` on, and its pixels, tokens below that."""

    def document(image: Image) -> Document:
        label, number, pixels = image
        return label, bytes([levels + number]) + pixels.astype(np.uint8).tobytes()

    return assembled(name, map(document, images), b"", levels + classes)
