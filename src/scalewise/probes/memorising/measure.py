"""The whole measurement of one model: neighbours, what chance would give, texts to look at, and the causal check."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.probes.memorising.index import nearest_approximately
from scalewise.probes.memorising.keys import nearest
from scalewise.probes.memorising.models import LabModel
from scalewise.probes.memorising.neighbours import Example, dealt_again, examples, neighbours, suspects, trials
from scalewise.probes.memorising.retrain import answers_after
from scalewise.probes.memorising.subject import Subject
from scalewise.runs.trials import Trials

EXAMPLES = 10


@dataclass(frozen=True)
class Measured:
    """What `questions.memorising` makes an Answer of."""

    trials: Trials
    dealt_again: NDArray[np.float64]
    examples: list[Example]
    retrained: Trials | None


def measure(
    subject: Subject,
    k: int = 10,
    permutations: int = 999,
    drop: int | None = None,
    keep: Path | None = None,
    seed: int = 0,
    approximate: bool = False,
) -> Measured:
    """Look at the `k` nearest passages of every query; with `drop`, train again without those of so many queries.

    `keep` is a .npy file for the embeddings, from which a killed measurement goes on; `approximate` searches them by an
    index instead of exactly. Raises QuestionError when what
    cannot be trained again should be.
    """
    if drop is not None and (subject.reading is None or len({prompt.size for prompt in subject.queries.prompts}) > 1):
        raise QuestionError(
            f"{subject.name}: only a run of the lab can be trained again, and with queries of one length, as those "
            "from held-out text are."
        )
    search = nearest_approximately if approximate else nearest
    found = neighbours(subject.model, subject.passages, subject.queries, keep, search)
    retrained = None
    if drop is not None and subject.reading is not None and isinstance(subject.model, LabModel):
        asked, windows = suspects(found, subject.passages, k, drop)
        prompts = [subject.queries.prompts[i] for i in asked]
        outputs = [found.outputs[i] for i in asked]
        retrained = answers_after(subject.model, subject.reading, windows, prompts, outputs, seed)
    return Measured(
        trials(found, k, subject.name),
        dealt_again(found, k, permutations, seed),
        examples(found, subject.model, subject.passages, subject.queries, k, EXAMPLES),
        retrained,
    )
