"""An approximate index of passages, for more of them than an exact search gets through: an eighth of the keys' bytes
stay in memory.

faiss finds candidates by an inverted file of product-quantized keys (Jegou et al. 2011); their cosines are then
computed exactly from the keys themselves. What is not among the candidates is missed.
"""

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import MissingExtraError, QuestionError
from scalewise.probes.memorising.keys import SEARCHED_AT_ONCE, Vectors, centre_of, starts, unit
from scalewise.runs.progress import tracked

FEWEST = 10_000
"""Keys; the 256 centres of a code cannot be learnt from fewer."""
TRAINED_ON = 100_000
VALUES_A_BYTE = 4
"""Numbers of a key that one byte of its code stands for."""
CANDIDATES = 4
"""Candidates for each neighbour that is wanted."""
LISTS_SEARCHED = 0.1
"""Share of the inverted lists that are looked through."""
ROUNDS = 10
"""Of k-means."""


def nearest_approximately(
    queries: Vectors, keys: NDArray[np.float16], depth: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """As `keys.nearest`, but some neighbours may be missed.

    Raises QuestionError for few keys, and MissingExtraError without faiss.
    """
    try:
        import faiss
    except ImportError:
        raise MissingExtraError("faiss-cpu", "neighbours", "--approximate") from None
    if len(keys) < FEWEST:
        raise QuestionError(
            f"--approximate is for {FEWEST:,} passages and more; of {len(keys):,} an exact search is as fast."
        )
    faiss.omp_set_num_threads(1)  # the same index every time
    centre, width = centre_of(keys), keys.shape[1]
    codes = max(n for n in range(1, max(1, width // VALUES_A_BYTE) + 1) if width % n == 0)
    lists = int(2 * len(keys) ** 0.5)
    index = faiss.IndexIVFPQ(faiss.IndexFlatIP(width), width, lists, codes, 8, faiss.METRIC_INNER_PRODUCT)
    sample = np.linspace(0, len(keys) - 1, min(len(keys), TRAINED_ON)).astype(np.int64)
    index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1
    index.cp.niter = index.pq.cp.niter = ROUNDS
    index.train(unit(keys[sample].astype(np.float32) - centre))
    for start in tracked(starts(keys), len(starts(keys)), "building the index", lambda _: 1):
        index.add(unit(keys[start : start + SEARCHED_AT_ONCE].astype(np.float32) - centre))
    index.nprobe = max(1, int(LISTS_SEARCHED * lists))
    asked = unit(queries - centre)
    _, candidates = index.search(asked, min(CANDIDATES * depth, len(keys)))
    numbers = np.empty((len(asked), min(depth, len(keys))), np.int64)
    cosines = np.full(numbers.shape, -1.0)
    for i, row in enumerate(candidates):
        found = np.sort(row[row >= 0])
        exact = unit(keys[found].astype(np.float32) - centre) @ asked[i]
        order = np.argsort(-exact, kind="stable")[: numbers.shape[1]]
        numbers[i, : order.size], cosines[i, : order.size] = found[order], exact[order]
        numbers[i, order.size :] = found[order[-1]]  # too few candidates: the last once more, at no similarity
    return numbers, cosines
