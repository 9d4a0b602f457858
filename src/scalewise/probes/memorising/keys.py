"""Where passages lie in a model's embedding space, and which are nearest to a query: exactly, chunk by chunk.

Up to some 20,000 queries against one corpus an exact search by matrix products is as fast as building an approximate
index (measured for 20,000 and 200,000 keys), and it is the same every time. Keys in a file need no memory: they are
mapped and read in chunks. `index.py` searches millions of them approximately.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.probes.memorising.models import LanguageModel
from scalewise.runs.files import write_text
from scalewise.runs.progress import tracked

Vectors = NDArray[np.float32]
EMBEDDED_AT_ONCE = 512
SEARCHED_AT_ONCE = 8192


def embedded(model: LanguageModel, tokens: NDArray[Any], keep: Path | None = None) -> NDArray[np.float16]:
    """Embeddings (n, width) of passages (n, P), as half-precision numbers.

    With `keep`, a .npy file that is memory-mapped: what a killed run had computed of it is not computed again.
    Raises QuestionError for a file of another name, or one that is of something else.
    """
    width = model.embed(tokens[:1]).shape[1]
    shape = (len(tokens), width)
    fingerprint = _fingerprint(model, tokens)
    keys, done = _kept(keep, shape, fingerprint) if keep else (np.empty(shape, np.float16), 0)
    starts = range(done, len(tokens), EMBEDDED_AT_ONCE)
    for start in tracked(starts, len(starts), "embedding the passages", lambda _: 1):
        part = slice(start, start + EMBEDDED_AT_ONCE)
        keys[part] = model.embed(tokens[part])
        if keep and isinstance(keys, np.memmap):
            keys.flush()
            done = min(len(tokens), start + EMBEDDED_AT_ONCE)
            write_text(keep.with_suffix(".json"), json.dumps({"fingerprint": fingerprint, "done": done}))
    return keys


def nearest(queries: Vectors, keys: NDArray[np.float16], depth: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The `depth` keys nearest to each query by cosine after centring: their numbers and cosines, each (q, depth).

    Centring takes out the direction that all texts have in common, which would dominate every cosine.
    """
    import torch

    centre = centre_of(keys)
    asked = torch.from_numpy(unit(queries - centre))
    best = torch.full((len(queries), 0), -2.0)
    found = torch.empty((len(queries), 0), dtype=torch.long)
    for start in starts(keys):
        part = torch.from_numpy(unit(keys[start : start + SEARCHED_AT_ONCE].astype(np.float32) - centre))
        cosines = torch.cat([best, asked @ part.T], dim=1)
        numbers = torch.cat([found, (start + torch.arange(len(part))).expand(len(queries), -1)], dim=1)
        best, order = cosines.topk(min(depth, cosines.shape[1]), dim=1)
        found = numbers.gather(1, order)
    return found.numpy(), best.double().numpy()


def centre_of(keys: NDArray[np.float16]) -> NDArray[np.float64]:
    """The mean key (width,)."""
    sums = np.stack([keys[i : i + SEARCHED_AT_ONCE].sum(axis=0, dtype=np.float64) for i in starts(keys)])
    centre: NDArray[np.float64] = sums.sum(axis=0) / len(keys)
    return centre


def starts(keys: NDArray[np.float16]) -> range:
    return range(0, len(keys), SEARCHED_AT_ONCE)


def unit(vectors: NDArray[Any]) -> Vectors:
    """Vectors (n, width) scaled to length 1."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled


def _fingerprint(model: LanguageModel, tokens: NDArray[Any]) -> str:
    """Of the passages, and of the model by what it makes of the first and the last of them."""
    digest = hashlib.sha256(np.ascontiguousarray(tokens).tobytes())
    digest.update(model.embed(tokens[[0, -1]]).tobytes())
    return digest.hexdigest()


def _kept(path: Path, shape: tuple[int, int], fingerprint: str) -> tuple[NDArray[np.float16], int]:
    """The file, opened where it holds these keys and made anew where not, and how many are done."""
    note = path.with_suffix(".json")
    if path.suffix != ".npy" or (path.exists() and not note.is_file()):
        raise QuestionError(f"--keep {path}: is not written over; name a new file that ends in .npy.")
    if path.is_file():
        record = json.loads(note.read_text(encoding="utf-8"))
        if record["fingerprint"] == fingerprint:
            return np.lib.format.open_memmap(path, mode="r+"), int(record["done"])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(note, json.dumps({"fingerprint": fingerprint, "done": 0}))
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape), 0
