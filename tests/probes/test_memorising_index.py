"""The approximate index against the exact search, on clustered keys as embeddings are."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra: pip install 'scalewise[train]'")
pytest.importorskip("faiss", reason="needs the neighbours extra: pip install 'scalewise[neighbours]'")

from scalewise.errors import QuestionError
from scalewise.probes.memorising.index import FEWEST, nearest_approximately
from scalewise.probes.memorising.keys import nearest


def world(keys: int) -> tuple[np.ndarray, np.ndarray]:
    """Queries that are noisy copies of keys, which lie in 200 clusters and far from the origin."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1, (200, 32))
    found = 3 + centres[rng.integers(0, 200, keys)] + rng.normal(0, 0.4, (keys, 32))
    queries = found[:: keys // 50] + rng.normal(0, 0.05, (len(found[:: keys // 50]), 32))
    return queries.astype(np.float32), found.astype(np.float16)


def test_most_of_the_exact_neighbours_are_found_with_their_exact_cosines() -> None:
    queries, keys = world(10_000)
    numbers, cosines = nearest(queries, keys, 10)
    theirs, approximate = nearest_approximately(queries, keys, 10)
    assert (theirs[:, 0] == numbers[:, 0]).mean() > 0.95
    shared = [len(set(a) & set(b)) / 10 for a, b in zip(numbers, theirs, strict=True)]
    assert np.mean(shared) > 0.9
    same = theirs == numbers
    assert approximate[same] == pytest.approx(cosines[same], abs=1e-5)
    assert (np.diff(approximate, axis=1) <= 0).all()
    again, _ = nearest_approximately(queries[:5], keys, 10)
    assert (again == theirs[:5]).all()


def test_few_keys_are_refused() -> None:
    with pytest.raises(QuestionError, match=f"is for {FEWEST:,} passages and more"):
        nearest_approximately(*world(5_000), 10)
