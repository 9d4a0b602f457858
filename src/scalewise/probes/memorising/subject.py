"""What is put to the question: a model with the text it was trained on, text it was not, and queries."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scalewise.errors import QuestionError
from scalewise.lab.reading import Reading, reading_of, run_at
from scalewise.lab.weights import load_weights, run_folder
from scalewise.probes.memorising.models import HubModel, LabModel, LanguageModel, is_checkpoint
from scalewise.probes.memorising.passages import (
    Passages,
    Queries,
    corpus_passages,
    distinct,
    lab_passages,
    lab_queries,
    read_queries,
)

JUDGED = 200
"""Passages of each side by which it is judged whether a model was trained on one of them."""
CERTAIN = 3.0
"""Standard errors."""


@dataclass(frozen=True)
class Subject:
    """`reading` is known of a run of the lab, and of nothing else."""

    name: str
    model: LanguageModel
    passages: Passages
    queries: Queries
    reading: Reading | None = None
    notes: tuple[str, ...] = ()
    """What the answer should say of the texts."""

    @property
    def sha256(self) -> str:
        """Of the passages and the queries."""
        digest = hashlib.sha256()
        for tokens in (self.passages.beginnings, self.passages.following, *self.queries.prompts):
            digest.update(np.ascontiguousarray(tokens, np.int64).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Texts:
    """Where text is: trained on, not trained on, and the queries; None for what a run of the lab knows itself.

    `count` queries are taken from held-out text, and at most `most` passages of each side are compared.
    """

    trained: str | None = None
    untrained: str | None = None
    queries: Path | None = None
    count: int = 100
    most: int = 2000
    seed: int = 0


def subject_at(path: Path, texts: Texts) -> Subject:
    """The model at a path with its texts.

    Raises QuestionError when it is no model, or a checkpoint is given without its texts, and StudyError when a run has
    kept no weights.
    """
    if is_checkpoint(path):
        return _checkpoint(path, texts)
    if not run_at(path):
        raise QuestionError(f"{path}: is neither a trained run or study, nor a checkpoint with a config.json.")
    if texts.trained is not None:
        raise QuestionError(f"--trained is for a checkpoint; what {path} has read is kept with it.")
    folder = run_folder(path)
    model = LabModel(load_weights(folder))
    reading = reading_of(folder)
    passages = lab_passages(model, reading, texts.most, texts.untrained, texts.seed)
    passages, repeated = distinct(passages)
    queries = read_queries(model, texts.queries) if texts.queries else lab_queries(model, reading, texts.count)
    return Subject(folder.path.name, model, passages, queries, reading, _repetitions(repeated))


def _checkpoint(path: Path, texts: Texts) -> Subject:
    if texts.trained is None or texts.untrained is None or texts.queries is None:
        raise QuestionError(
            f"{path}: of a checkpoint nobody knows what it was trained on; give --trained, --untrained and --queries."
        )
    if texts.trained == texts.untrained:
        raise QuestionError("--trained and --untrained are one and the same text; name one the model has not read.")
    model = HubModel(path)
    queries = read_queries(model, texts.queries)
    passages = corpus_passages(model, texts.trained, texts.untrained, texts.most, texts.seed)
    passages, repeated = distinct(passages)
    notes = (*_repetitions(repeated), _trained_on(model, passages, texts.trained))
    return Subject(path.name, model, passages, queries, notes=notes)


def _repetitions(share: float) -> tuple[str, ...]:
    return (f"{100 * share:.2g} % of the passages repeated others and were left out",) if share else ()


def _trained_on(model: LanguageModel, passages: Passages, source: str) -> str:
    """How well the model predicts both sides. Raises QuestionError where what it is said to have been trained on is
    certainly the harder."""
    sides = []
    for side in (True, False):
        own = np.flatnonzero(passages.trained == side)
        own = own[np.linspace(0, own.size - 1, min(own.size, JUDGED)).astype(np.int64)]
        sides.append(-model.log_likelihood(passages.beginnings[own], passages.following[own]))
    trained, other = sides
    harder = float(trained.mean() - other.mean())
    error = float((trained.var(ddof=1) / trained.size + other.var(ddof=1) / other.size) ** 0.5)
    said = f"{trained.mean():.3g} nats per token, and the text it was not trained on at {other.mean():.3g}"
    if harder > CERTAIN * error:
        raise QuestionError(
            f"--trained {source}: the model predicts it at {said}: it cannot have been trained on it, or the two are "
            "not of one kind."
        )
    return f"the model predicts the text it is said to have been trained on at {said}"
