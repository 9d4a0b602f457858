"""Images as tokens: what is in the image, then its pixels row by row, each at one of a few levels of grey."""

from collections.abc import Iterable
from pathlib import Path

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


def grey_pixels(path: Path, side: int) -> NDArray[np.uint8] | None:
    """The image in a file, shrunk to `side` by `side` pixels of grey from 0 to 255; None where it cannot be read.

    It is turned as its camera says, what is transparent is white, and 16 bits a pixel become 8.
    """
    from PIL import Image as Picture
    from PIL import ImageOps

    try:
        with Picture.open(path) as opened:
            picture: Picture.Image = ImageOps.exif_transpose(opened)
            if picture.has_transparency_data:
                whole = picture.convert("RGBA")
                picture = Picture.alpha_composite(Picture.new("RGBA", whole.size, "white"), whole)
            if picture.mode.startswith("I"):  # which `convert` would cut off at 255
                picture = Picture.fromarray((np.asarray(picture) // 257).astype(np.uint8))
            return np.asarray(picture.convert("L").resize((side, side)))
    except (OSError, ValueError, SyntaxError, Picture.DecompressionBombError):  # SyntaxError: Pillow's for a broken PNG
        return None
