"""Byte corpora: what is trained on, what is held out, and exactly which files and bytes they are."""

import hashlib
import platform
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import StudyError

HELD_OUT_IN = 32
"""One file in 32 is held out, chosen by the hash of its content, so that no text is on both sides under two names."""


@dataclass(frozen=True)
class Corpus:
    """Two byte strings and the record of where they came from."""

    name: str
    train: NDArray[np.uint8]
    held_out: NDArray[np.uint8]
    files: int
    sha256: str
    file_list: str
    """CSV: path, bytes, hash and side (train, held out, or duplicate: left out) of every file."""

    @property
    def record(self) -> dict[str, str | int]:
        return {
            "corpus": self.name,
            "files": self.files,
            "train_bytes": self.train.size,
            "held_out_bytes": self.held_out.size,
            "sha256": self.sha256,
        }


def corpus_source(declared: str, study_path: Path) -> str:
    """`stdlib`, or the path that a study names: relative to the study file when it is there, else as it stands."""
    beside = study_path.parent / declared
    return str(beside.resolve()) if declared != "stdlib" and beside.exists() else declared


def load_corpus(source: str) -> Corpus:
    """The corpus a study names: `stdlib`, or the path of a text file or folder.

    Raises StudyError when the path is missing or has too little text.
    """
    if source == "stdlib":
        root = Path(sysconfig.get_paths()["stdlib"])
        files = [p for p in root.rglob("*.py") if "site-packages" not in p.parts and "dist-packages" not in p.parts]
        name = f"Python {platform.python_version()} standard library source"
    else:
        root = Path(source)
        if not root.exists():
            raise StudyError(f"data: corpus '{source}' is neither 'stdlib' nor an existing file or folder.")
        files = [root] if root.is_file() else [p for p in root.rglob("*") if p.is_file()]
        name = root.name
        root = root.parent if root.is_file() else root
    return _assemble(name, root, files)


def _assemble(name: str, root: Path, files: list[Path]) -> Corpus:
    lines = ["path,bytes,sha256,side"]
    relative = sorted((path.relative_to(root).as_posix(), path) for path in files)
    digest = hashlib.sha256()
    sides: dict[str, list[bytes]] = {"train": [], "held out": [], "duplicate": []}
    seen: set[bytes] = set()
    for label, path in relative:
        content = path.read_bytes()
        own = hashlib.sha256(content)
        side = "duplicate" if own.digest() in seen else "held out" if _is_held_out(own.digest()) else "train"
        seen.add(own.digest())
        digest.update(b"\0".join((label.encode(), side.encode(), content, b"")))
        sides[side].append(content)
        lines.append(f'"{label}",{len(content)},{own.hexdigest()},{side}')
    train, held_out = sides["train"], sides["held out"]
    if len(relative) == 1:  # a single file is split by position: its last 1/32 is held out
        whole = (train or held_out)[0]
        cut = len(whole) * (HELD_OUT_IN - 1) // HELD_OUT_IN
        train, held_out = [whole[:cut]], [whole[cut:]]
    corpus = Corpus(
        name=name,
        train=np.frombuffer(b"\n".join(train), np.uint8),
        held_out=np.frombuffer(b"\n".join(held_out), np.uint8),
        files=len(relative),
        sha256=digest.hexdigest(),
        file_list="\n".join(lines) + "\n",
    )
    if corpus.train.size < 100_000 or corpus.held_out.size < 4_000:
        raise StudyError(
            f"data: corpus '{name}' has {corpus.train.size:,} training and {corpus.held_out.size:,} held-out bytes; "
            "at least 100,000 and 4,000 are needed."
        )
    return corpus


def _is_held_out(sha256: bytes) -> bool:
    return int.from_bytes(sha256[:4]) % HELD_OUT_IN == 0
