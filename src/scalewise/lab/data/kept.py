"""The corpus of a study, kept in its folder when it begins: every worker maps it into memory, on whatever machine, and
a study goes on with the text it was begun on even where the source has changed since."""

import json
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scalewise.lab.data.corpus import Corpus
from scalewise.runs.files import write_text, write_whole

FOLDER, RECORD, FILES = "corpus", "corpus.json", "corpus_files.csv"
SIDES = ("train", "held_out")


def keep(corpus: Corpus, directory: Path) -> None:
    """Write the corpus into a study's folder. Its record is written last, so that a corpus with a record is whole."""
    for side in SIDES:
        write_whole(directory / FOLDER / f"{side}.npy", partial(_save, getattr(corpus, side)))
    write_text(directory / FILES, corpus.file_list)
    write_text(directory / RECORD, json.dumps(corpus.record, indent=1))


def _save(content: NDArray[np.uint8], path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, content)


def is_kept(directory: Path) -> bool:
    return (directory / RECORD).is_file()


def kept(directory: Path) -> Corpus:
    """The corpus in a study's folder, mapped into memory."""
    record = json.loads((directory / RECORD).read_text(encoding="utf-8"))
    train, held_out = (np.load(directory / FOLDER / f"{side}.npy", mmap_mode="r") for side in SIDES)
    files = (directory / FILES).read_text(encoding="utf-8")
    return Corpus(record["corpus"], train, held_out, record["files"], record["sha256"], files)
