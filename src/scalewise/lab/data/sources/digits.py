"""The 1,797 handwritten digits of 8 by 8 pixels and 17 levels that come with scikit-learn (Alpaydin & Kaynak 1998)."""

from importlib.util import find_spec

import numpy as np

from scalewise.errors import MissingExtraError
from scalewise.lab.data.corpus import Corpus, Options
from scalewise.lab.data.pixels import image_corpus

LEVELS, CLASSES = 17, 10


def digits(options: Options) -> Corpus:
    """65 tokens an image. Raises MissingExtraError without scikit-learn."""
    if find_spec("sklearn") is None:
        raise MissingExtraError("scikit-learn", "images", "data: corpus 'digits'")
    from sklearn.datasets import load_digits

    found = load_digits()
    images = ((str(i), int(found.target[i]), found.images[i].astype(np.uint8)) for i in range(len(found.target)))
    return image_corpus("scikit-learn digits", images, LEVELS, CLASSES)
