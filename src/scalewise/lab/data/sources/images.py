"""A folder of images: grey, 16 by 16 pixels, 16 levels; what a sub-folder is called is the class of what is in it."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from scalewise.errors import MissingExtraError, StudyError
from scalewise.lab.data.corpus import Corpus, Options
from scalewise.lab.data.pixels import Image, grey_pixels, image_corpus

SIDE, LEVELS = 16, 16
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
MOST_CLASSES = 256 - LEVELS


def images(folder: str, options: Options) -> Corpus:
    """257 tokens an image. Raises StudyError when no image is there, or one cannot be read; MissingExtraError."""
    if find_spec("PIL") is None:
        raise MissingExtraError("Pillow", "images", f"data: corpus 'images:{folder}'")
    root = Path(folder)
    files = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise StudyError(f"data: corpus 'images:{folder}': there is no image in that folder.")
    classes = sorted({path.parent.relative_to(root).as_posix() for path in files})
    if len(classes) > MOST_CLASSES:
        raise StudyError(f"data: corpus 'images:{folder}' has {len(classes)} sub-folders; at most {MOST_CLASSES}.")
    return image_corpus(root.name, _read(root, files, classes), LEVELS, len(classes))


def _read(root: Path, files: list[Path], classes: list[str]) -> Iterator[Image]:
    for path in files:
        grey = grey_pixels(path, SIDE)
        if grey is None:
            raise StudyError(f"data: {path} is not an image that can be read; take it out of the folder.")
        label = path.relative_to(root)
        yield label.as_posix(), classes.index(label.parent.as_posix()), (grey // (256 // LEVELS)).astype(np.uint8)
