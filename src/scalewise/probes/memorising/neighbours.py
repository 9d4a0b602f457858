"""Does what a model says follow its nearest training text more than equally near text that it never saw?

The model's likeliest continuation of a query is compared with what follows the passages nearest to the query in the
model's own embedding space, among those it was trained on and among as many it was not. Had training on a passage no
effect, it would make no difference which were trained on: the p-values come from dealing that out again at random.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.probes.memorising.keys import Vectors, embedded, nearest
from scalewise.probes.memorising.models import AT_ONCE, LanguageModel, Tokens
from scalewise.probes.memorising.passages import Passages, Queries, by_length, lengths
from scalewise.runs.progress import tracked
from scalewise.runs.trials import Trials, trials_from

if TYPE_CHECKING:
    from pathlib import Path

DEPTH = 128
"""Neighbours looked at for each query, on both sides together."""
GRAM = 5
"""Agreement is the share of the output's stretches of this many characters that stand in the other text."""
ANSWER = 4
"""Characters of a known answer with which an output must begin to be right."""
Example = tuple[str, str, str, str, str, float, float]
ALIKE = 1000
"""Embeddings that are looked at for whether they differ at all."""
SHOWN = 40
"""Characters of a text that are shown."""
TRAINED, UNTRAINED = "trained on", "not trained on"


Search = Callable[[Vectors, NDArray[np.float16], int], tuple[NDArray[np.int64], NDArray[np.float64]]]
"""Queries, keys and how many neighbours; their numbers and cosines."""


@dataclass(frozen=True)
class Neighbours:
    """What was found. Arrays have a row per query; `numbers`, `cosines` and `agreement` a column per neighbour."""

    outputs: list[Tokens]
    numbers: NDArray[np.int64]
    cosines: NDArray[np.float64]
    agreement: NDArray[np.float64]
    right: list[bool | None]
    trained: NDArray[np.bool_]
    files: NDArray[np.int64]


def neighbours(
    model: LanguageModel,
    passages: Passages,
    queries: Queries,
    keep: "Path | None" = None,
    search: Search = nearest,
) -> Neighbours:
    """Continue every query and find what lies near it. Raises QuestionError where all embeddings are alike."""
    _, length = lengths(model)
    keys = embedded(model, passages.beginnings, keep)
    if float(np.ptp(keys[:ALIKE].astype(np.float32), axis=0).max()) == 0:
        raise QuestionError("the model's states are the same for every passage: nothing is nearer than anything else.")
    outputs: list[Tokens] = [np.empty(0, np.int64)] * len(queries.prompts)
    vectors = np.empty((len(queries.prompts), keys.shape[1]), np.float32)
    groups = [part[i : i + AT_ONCE] for part in by_length(queries.prompts) for i in range(0, len(part), AT_ONCE)]
    for index in tracked(groups, len(queries.prompts), "continuing the queries", len):
        prompts = np.stack([queries.prompts[i] for i in index])
        vectors[index] = model.embed(prompts)
        for i, output in zip(index, model.continued(prompts, length), strict=True):
            outputs[i] = output
    numbers, cosines = search(vectors, keys, DEPTH)
    texts = [model.decode(output) for output in outputs]
    following = {int(n): _grams(model.decode(passages.following[n])) for n in np.unique(numbers)}
    agreement = np.array(
        [[_shared(_grams(text), following[int(n)]) for n in row] for text, row in zip(texts, numbers, strict=True)]
    )
    right = [
        None if answer is None else text.lstrip().startswith(answer.lstrip()[:ANSWER])
        for text, answer in zip(texts, queries.answers, strict=True)
    ]
    return Neighbours(outputs, numbers, cosines, agreement, right, passages.trained, passages.files)


def trials(found: Neighbours, k: int, source: str) -> Trials:
    """Two rows a query: `value` is the agreement with the most agreeing of the `k` nearest passages of a side,
    `similarity` the cosine of the nearest, `answered` whether the output was right."""
    import polars as pl

    rows = []
    for condition, side in ((TRAINED, True), (UNTRAINED, False)):
        values, cosines = _statistics(found, found.trained, side, k)
        rows += [
            {
                "run": source,
                "item": f"query {i}",
                "condition": condition,
                "value": float(values[i]),
                "similarity": float(cosines[i]),
                "answered": {True: "right", False: "wrong", None: "not known"}[found.right[i]],
            }
            for i in range(len(values))
        ]
    return trials_from(pl.DataFrame(rows), source)


def examples(
    found: Neighbours, model: LanguageModel, passages: Passages, queries: Queries, k: int, count: int
) -> list[Example]:
    """The outputs that agree most with one of the `k` nearest passages that were trained on.

    Each: the query, the output, that passage, what follows it, whether the output was right, cosine, agreement.
    """
    among = _first(found.trained[found.numbers], k)
    column = np.where(among, found.agreement, -1.0).argmax(axis=1)
    rows = np.arange(len(column))
    order = np.argsort(-found.agreement[rows, column], kind="stable")[:count]
    shown = []
    for i in order:
        n = found.numbers[i, column[i]]
        texts = (queries.prompts[i], found.outputs[i], passages.beginnings[n], passages.following[n])
        right = {True: "right", False: "wrong", None: "-"}[found.right[i]]
        numbers = float(found.cosines[i, column[i]]), float(found.agreement[i, column[i]])
        prompt, output, beginning, following = (_one_line(model.decode(text)) for text in texts)
        shown.append((prompt[-SHOWN:], output, beginning[-SHOWN:], following, right, *numbers))
    return shown


def suspects(found: Neighbours, passages: Passages, k: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The queries whose outputs agree most with one of the `k` nearest passages trained on, and the windows that all of
    these nearest passages are."""
    among = _first(found.trained[found.numbers], k)
    order = np.argsort(-np.where(among, found.agreement, -1.0).max(axis=1), kind="stable")[:count]
    return order, np.unique(passages.windows[found.numbers[order][among[order]]])


def dealt_again(found: Neighbours, k: int, permutations: int, seed: int) -> NDArray[np.float64]:
    """Differences in agreement and in similarity (permutations, 2, queries) when the files that were trained on are
    dealt out at random, as many as there are."""
    rng = np.random.default_rng(seed)
    files, place = np.unique(found.files, return_inverse=True)
    of_file = np.zeros(files.size, bool)
    of_file[place[found.trained]] = True
    differences = np.empty((permutations, 2, len(found.outputs)))
    for i in range(permutations):
        labels = rng.permutation(of_file)[place]
        sides = [_statistics(found, labels, side, k) for side in (True, False)]
        differences[i] = np.subtract(sides[0], sides[1])
    return differences


def _statistics(
    found: Neighbours, labels: NDArray[np.bool_], side: bool, k: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Agreement and similarity (queries,) with one side of the passages."""
    among = _first(labels[found.numbers] == side, k)
    values = np.where(among, found.agreement, 0.0).max(axis=1)
    cosines = np.where(among, found.cosines, -1.0).max(axis=1)
    return values, cosines


def _first(mask: NDArray[np.bool_], k: int) -> NDArray[np.bool_]:
    """The first `k` true places of each row."""
    first: NDArray[np.bool_] = mask & (np.cumsum(mask, axis=1) <= k)
    return first


def _one_line(text: str) -> str:
    return text.replace("\n", "⏎").replace("\t", "⇥")


def _grams(text: str) -> frozenset[str]:
    return frozenset(text[i : i + GRAM] for i in range(len(text) - GRAM + 1))


def _shared(own: frozenset[str], other: frozenset[str]) -> float:
    return len(own & other) / len(own) if own else 0.0
