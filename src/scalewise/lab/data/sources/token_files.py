"""Tokens as nanoGPT writes them: unsigned 16-bit numbers and nothing else, mapped into memory, never copied."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import StudyError
from scalewise.lab.data.corpus import Corpus, Options
from scalewise.lab.data.documents import HELD_OUT_IN, check_size

AT_ONCE = 2**24


def token_files(path: str, options: Options) -> Corpus:
    """A folder with train.bin and val.bin, or one file, whose last 1/32 is held out.

    The vocabulary reaches to the largest token there; a study may declare a larger one. Raises StudyError when the
    files are not there or not of whole tokens.
    """
    place = Path(path)
    if place.is_dir():
        files = [place / "train.bin", place / "val.bin"]
        train, held_out = (_mapped(file) for file in files)
    else:
        files = [place]
        whole = _mapped(place)
        cut = whole.size * (HELD_OUT_IN - 1) // HELD_OUT_IN
        train, held_out = _mapped(place, 0, cut), _mapped(place, cut, whole.size - cut)
    sides = [("train", train), ("held out", held_out)]
    digest, largest, lines = hashlib.sha256(), 0, ["path,bytes,sha256,side"]
    for side, tokens in sides:
        own = hashlib.sha256()
        for start in range(0, tokens.size, AT_ONCE):
            part = tokens[start : start + AT_ONCE]
            own.update(part.data)
            largest = max(largest, int(part.max()))
        digest.update(side.encode() + own.digest())
        lines.append(f'"{files[-1 if side == "held out" else 0].name}",{tokens.nbytes},{own.hexdigest()},{side}')
    corpus = Corpus(
        place.name, train, held_out, len(files), digest.hexdigest(), "\n".join(lines) + "\n", vocabulary=largest + 1
    )
    check_size(corpus)
    return corpus


def _mapped(file: Path, start: int = 0, count: int | None = None) -> NDArray[np.uint16]:
    if not file.is_file() or not file.stat().st_size:
        raise StudyError(
            f"data: corpus 'tokens:...': {file} is not there or empty; give FILE.bin, or a folder with "
            "train.bin and val.bin."
        )
    if file.stat().st_size % 2:
        raise StudyError(f"data: corpus 'tokens:...': {file} has an odd number of bytes, so it is not 16-bit tokens.")
    return np.memmap(file, "<u2", "r", 2 * start, shape=None if count is None else (max(1, count),))
