"""Generated images: letters and digits in the font that comes with Pillow, shifted, turned, and a little noisy."""

from collections.abc import Iterator
from importlib.util import find_spec
from string import ascii_letters
from string import digits as ascii_digits

import numpy as np

from scalewise.errors import MissingExtraError
from scalewise.lab.data.corpus import Corpus, Options
from scalewise.lab.data.pixels import Image, image_corpus

CHARACTERS = ascii_digits + ascii_letters
SIDE, LEVELS = 12, 8
IMAGES = 20_000
MOST_TURN = 20.0
"""Degrees."""
NOISE = 0.3
"""Standard deviation, in levels."""


def glyphs(options: Options) -> Corpus:
    """2.9 million tokens, 145 an image, the same everywhere with one version of Pillow. Raises MissingExtraError."""
    if find_spec("PIL") is None:
        raise MissingExtraError("Pillow", "images", "data: corpus 'glyphs'")
    return image_corpus("generated glyphs", _drawn(), LEVELS, len(CHARACTERS))


def _drawn() -> Iterator[Image]:
    from PIL import Image as Picture
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default()
    random = np.random.default_rng(0)
    for number in range(IMAGES):
        kind = int(random.integers(len(CHARACTERS)))
        picture = Picture.new("L", (SIDE, SIDE))
        shift = random.integers(0, 5, 2)
        ImageDraw.Draw(picture).text((int(shift[0]), int(shift[1]) - 1), CHARACTERS[kind], fill=255, font=font)
        turned = np.asarray(picture.rotate(float(random.uniform(-MOST_TURN, MOST_TURN)), Picture.Resampling.BILINEAR))
        noisy = turned / 255 * (LEVELS - 1) + random.normal(0, NOISE, turned.shape)
        yield f"{CHARACTERS[kind]}-{number}", kind, np.clip(np.rint(noisy), 0, LEVELS - 1).astype(np.uint8)
