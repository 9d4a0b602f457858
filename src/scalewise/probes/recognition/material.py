"""What is studied: pairs of items of one length as tokens, and what a model is pretrained on.

A pair is two items of which one is studied and the other is its foil; which is which depends on the list. `novel`: the
other item is of another class (a line of another file); `exemplar`: another of the same class; `state`: the same item,
slightly changed (an image moved by a pixel, a line with one word replaced).
"""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import MissingExtraError, ScalewiseError
from scalewise.lab.data.corpus import Corpus, load_corpus
from scalewise.lab.data.pixels import grey_pixels
from scalewise.lab.data.sources.images import SUFFIXES
from scalewise.probes.recognition import glyphs
from scalewise.runs.progress import tracked
from scalewise.runs.table import listed

CONDITIONS = ("novel", "exemplar", "state")
LINE = 48
"""Bytes of a line that are studied."""
FOLDER_SIDE, FOLDER_LEVELS = 12, 8
GLYPHS = 6_000
FEWEST_IMAGES_LEFT = 200
Tokens = NDArray[np.uint8]


@dataclass(frozen=True)
class Material:
    """`first` and `second` (pairs, T + 2) are the items of every pair, between two marks of their ends; `condition`
    (pairs,) is their kind. `corpus` is other material of the same source, for pretraining; `notes` say what was left
    out of it."""

    name: str
    vocabulary: int
    first: Tokens
    second: Tokens
    condition: NDArray[np.str_]
    corpus: Corpus
    notes: tuple[str, ...] = ()

    @property
    def context(self) -> int:
        return int(self.first.shape[1]) - 1

    @property
    def sha256(self) -> str:
        """Of the pairs and the corpus."""
        pairs = self.first.tobytes() + self.second.tobytes()
        return hashlib.sha256(pairs + self.corpus.sha256.encode()).hexdigest()

    def divided(self, pairs: int) -> tuple["Material", "Material"]:
        """The first so many pairs of each condition, and the others."""
        within = np.arange(len(self.condition)) % (len(self.condition) // len(CONDITIONS))
        return self._part(within < pairs), self._part(within >= pairs)

    def _part(self, pairs: NDArray[np.bool_]) -> "Material":
        return replace(self, first=self.first[pairs], second=self.second[pairs], condition=self.condition[pairs])


def material_of(data: str, pairs: int, seed: int) -> Material:
    """`pairs` of each condition from 'lines' (of the standard library), 'glyphs', 'digits' or a folder of images.

    Raises ScalewiseError where there is too little, MissingExtraError without scikit-learn or Pillow.
    """
    rng = np.random.default_rng([seed, 1])
    if data == "lines":
        return _lines(pairs, rng)
    if data == "glyphs":
        return _glyphs(pairs, rng)
    if data == "digits":
        images, classes = _digits()
        return _images("digits of scikit-learn", images, classes, 9, pairs, rng)
    folder = Path(data)
    if not folder.is_dir():
        raise ScalewiseError(f"--data {data}: is neither lines, glyphs, digits nor a folder of images.")
    images, classes, notes = _folder(folder)
    return replace(_images(folder.name, images, classes, FOLDER_LEVELS, pairs, rng), notes=notes)


def _glyphs(pairs: int, rng: np.random.Generator) -> Material:
    classes = glyphs.strokes(4 * pairs, rng)
    novel, other, same, state = np.split(classes, 4)
    still = glyphs.exemplars(state, rng)
    first = np.concatenate([glyphs.exemplars(novel, rng), glyphs.exemplars(same, rng), still])
    second = np.concatenate([glyphs.exemplars(other, rng), glyphs.exemplars(same, rng), _moved(still, rng)])
    rest = glyphs.exemplars(np.repeat(glyphs.strokes(GLYPHS // 20, rng), 20, axis=0), rng)
    return _of_images("generated glyphs", first, second, rest, glyphs.LEVELS, pairs, rng)


def _images(
    name: str, images: Tokens, classes: NDArray[np.int64], levels: int, pairs: int, rng: np.random.Generator
) -> Material:
    """Pairs from labelled images (n, side, side); no image is in two pairs, and what is left is for pretraining."""
    if len(images) < 5 * pairs + FEWEST_IMAGES_LEFT:
        raise ScalewiseError(
            f"--data {name}: {len(images):,} different images are too few; {5 * pairs + FEWEST_IMAGES_LEFT:,} are "
            f"needed for {pairs} pairs a condition (those to tune on are among them), or a smaller --pairs."
        )
    free: list[int] = rng.permutation(len(images)).tolist()
    found = _paired(free, classes, pairs, alike=False) + _paired(free, classes, pairs, alike=True)
    if len(found) < 2 * pairs or len(free) <= pairs:
        raise ScalewiseError(
            f"--data {name}: {pairs} pairs of two classes and {pairs} of one cannot be made from so few classes "
            f"({len(np.unique(classes)):,}); a sub-folder is a class."
        )
    still = images[[free.pop() for _ in range(pairs)]]
    left, right = ([pair[k] for pair in found] for k in (0, 1))
    first, second = np.concatenate([images[left], still]), np.concatenate([images[right], _moved(still, rng)])
    return _of_images(name, first, second, images[free], levels, pairs, rng)


def _paired(free: list[int], classes: NDArray[np.int64], pairs: int, alike: bool) -> list[tuple[int, int]]:
    """Takes so many pairs of one class, or else of two, out of `free`; fewer where there are no more."""
    left = Counter(classes[free].tolist())
    found: list[tuple[int, int]] = []
    alone: list[int] = []
    while free and len(found) < pairs:
        one = free.pop()
        left[classes[one]] -= 1
        if left[classes[one]] if alike else len(free) - left[classes[one]]:
            other = next(i for i in free if (classes[i] == classes[one]) == alike)
            free.remove(other)
            left[classes[other]] -= 1
            found.append((one, other))
        else:
            alone.append(one)
    free += alone
    return found


def _of_images(
    name: str, first: Tokens, second: Tokens, rest: Tokens, levels: int, pairs: int, rng: np.random.Generator
) -> Material:
    """Images as tokens, row by row; `levels` is the mark between two of them."""
    rest = rest[rng.permutation(len(rest))]
    held = max(8, len(rest) // 20)
    flat = [_marked(part.reshape(len(part), -1), levels) for part in (first, second, rest[held:], rest[:held])]
    train, held_out = (np.append(part[:, :-1].ravel(), np.uint8(levels)) for part in flat[2:])
    digest = hashlib.sha256(train.tobytes() + held_out.tobytes()).hexdigest()
    corpus = Corpus(name, train, held_out, len(rest), digest, "")
    return Material(name, levels + 1, flat[0], flat[1], np.repeat(CONDITIONS, pairs), corpus)


def _marked(items: Tokens, mark: int) -> Tokens:
    """Items (n, T) between two marks: (n, T + 2)."""
    return np.pad(items, ((0, 0), (1, 1)), constant_values=mark)


def _moved(images: Tokens, rng: np.random.Generator) -> Tokens:
    """Every image moved by one pixel in a direction of its own; what enters repeats the edge."""
    moved = np.empty_like(images)
    for i, (image, way) in enumerate(zip(images, rng.integers(0, 4, len(images)), strict=True)):
        padded = np.pad(image, 1, mode="edge")
        y, x = ((0, 1), (2, 1), (1, 0), (1, 2))[way]
        moved[i] = padded[y : y + image.shape[0], x : x + image.shape[1]]
        if (moved[i] == image).all():  # an image without structure that way
            moved[i] = image[::-1, ::-1]
        if (moved[i] == image).all():  # or any
            moved[i, 0, 0] = image[0, 0] - 1 if image[0, 0] else 1
    return moved


def _digits() -> tuple[Tokens, NDArray[np.int64]]:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingExtraError("scikit-learn", "images", "--data digits") from None
    digits = load_digits()
    return (digits.images // 2).astype(np.uint8), digits.target.astype(np.int64)


def _folder(folder: Path) -> tuple[Tokens, NDArray[np.int64], tuple[str, ...]]:
    """Different images in grey, the folder that each lies in as its class, and what was left out."""
    if find_spec("PIL") is None:
        raise MissingExtraError("Pillow", "images", "a folder of images")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not paths:
        raise ScalewiseError(f"--data {folder}: there are no images in it ({', '.join(s[1:] for s in SUFFIXES)}).")
    found: dict[bytes, tuple[Tokens, Path]] = {}
    unreadable = []
    for path in tracked(paths, len(paths), "reading images", lambda _: 1):
        grey = grey_pixels(path, FOLDER_SIDE)
        if grey is None:
            unreadable.append(path.name)
        else:
            image = grey // (256 // FOLDER_LEVELS)
            found.setdefault(image.tobytes(), (image, path.parent))
    if not found:
        raise ScalewiseError(f"--data {folder}: none of its {len(paths):,} images can be read.")
    notes = []
    if unreadable:
        notes.append(f"files left out that cannot be read as images: {len(unreadable):,} ({listed(unreadable)})")
    if alike := len(paths) - len(unreadable) - len(found):
        notes.append(f"images left out that look like another one at {FOLDER_SIDE} by {FOLDER_SIDE}: {alike:,}")
    _, classes = np.unique([str(place) for _, place in found.values()], return_inverse=True)
    return np.stack([image for image, _ in found.values()]), classes.astype(np.int64), tuple(notes)


def _lines(pairs: int, rng: np.random.Generator) -> Material:
    """Lines of the standard library's held-out files, cut to LINE bytes; pretraining is on the other files, in which
    none of them stands."""
    corpus = load_corpus("stdlib")
    pretrained_on = set(_long_lines(corpus.train.tobytes()))
    by_file = _lines_by_file(corpus.held_out.tobytes(), pretrained_on)
    several = [lines for lines in by_file if len(lines) >= 2]
    needed = 3 * pairs
    pool = [lines[i] for lines in several for i in range(min(len(lines), 40))]
    if len(several) < 2 or len(pool) < 4 * needed:
        raise ScalewiseError(f"--data lines: only {len(pool):,} lines are long enough here; give a smaller --pairs.")
    first: list[bytes] = []
    second: list[bytes] = []
    words = sorted({word for line in pool for word in re.findall(rb"[A-Za-z_]{4,}", line)})
    used: set[bytes] = set()
    while len(first) < needed:
        kind = CONDITIONS[len(first) // pairs]
        one_file, other_file = rng.choice(len(several), 2, replace=False)
        one = several[one_file][rng.integers(len(several[one_file]))]
        if kind == "state":
            other = _reworded(one, words, rng)
        else:
            source = several[other_file if kind == "novel" else one_file]
            other = source[rng.integers(len(source))]
        if other != one and not used & {one, other}:
            used |= {one, other}
            first.append(one)
            second.append(other)
    end = ord("\n")
    items = [_marked(np.frombuffer(b"".join(part), np.uint8).reshape(-1, LINE), end) for part in (first, second)]
    name = f"lines of the {corpus.name}"
    return Material(name, 256, items[0], items[1], np.repeat(CONDITIONS, pairs), corpus)


def _long_lines(text: bytes) -> list[bytes]:
    return [line[:LINE] for line in text.split(b"\n") if len(line.strip()) >= LINE]


def _lines_by_file(text: bytes, without: set[bytes]) -> list[list[bytes]]:
    """Distinct lines that are long enough, in stretches of about a file's length."""
    lines = _long_lines(text)
    stretches = [lines[i : i + 40] for i in range(0, len(lines), 40)]
    return [list(dict.fromkeys(line for line in stretch if line not in without)) for stretch in stretches]


def _reworded(line: bytes, words: list[bytes], rng: np.random.Generator) -> bytes:
    """The line with one word replaced by another of its length, or as it is where there is none."""
    found = list(re.finditer(rb"[A-Za-z_]{4,}", line))
    if not found:
        return line
    match = found[rng.integers(len(found))]
    alike = [w for w in words if len(w) == len(match.group())]
    return line[: match.start()] + alike[rng.integers(len(alike))] + line[match.end() :]
