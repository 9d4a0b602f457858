"""What a finished run of the lab has read, and what of its text it has not."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import StudyError
from scalewise.lab.compute import Compute
from scalewise.lab.data.corpus import Corpus, Tokens
from scalewise.lab.data.kept import kept
from scalewise.lab.data.windows import WindowOrder
from scalewise.lab.findings import RECORD, recorded_findings
from scalewise.lab.recipe import Recipe
from scalewise.lab.search import Choice
from scalewise.lab.study import load_study
from scalewise.runs.store import RunFolder, Store

EXPONENTS = range(-24, 9)
"""Learning rates are powers of two; these are all that a search can come to."""


@dataclass(frozen=True)
class Reading:
    """A run's recipe, its corpus, and the order in which it read the windows (context + 1 bytes) of its text."""

    recipe: Recipe
    corpus: Corpus
    compute: Compute = field(default_factory=Compute)
    """What it was trained with, so that training again on this machine's CPU gives the same numbers."""

    @cached_property
    def order(self) -> WindowOrder:
        return WindowOrder(self.corpus.train, self.recipe.shape.context, self.recipe.seed)

    @property
    def windows(self) -> int:
        """Windows of the whole text."""
        return (self.corpus.train.size - 1) // self.recipe.shape.context

    @cached_property
    def read(self) -> NDArray[np.int64]:
        """The numbers of the windows as they were read one after the other, in every epoch again."""
        return np.array([self.order.number(i) for i in range(self.recipe.steps * self.recipe.batch_windows)], np.int64)

    @cached_property
    def unread(self) -> NDArray[np.int64]:
        """The numbers of the windows that were not read, in the order in which they would have been."""
        first = self.read.size
        return np.array([self.order.number(i) for i in range(first, max(first, self.windows))], np.int64)

    def windows_at(self, numbers: NDArray[np.int64]) -> Tokens:
        """The windows of these numbers: (n, context + 1)."""
        return np.stack([self.order.window(int(number)) for number in numbers])


def reading_of(folder: RunFolder) -> Reading:
    """What a run has read.

    Raises StudyError when the study does not give this run (one with a search over several hyperparameters), or its
    tokens are not the bytes of a text.
    """
    store = Store(folder.path.parents[1])
    corpus = kept(store.path)
    study = load_study(store.path / "study.toml").on(corpus)
    config = folder.config()
    if not corpus.is_bytes_of_text:
        raise StudyError(f"{folder.path}: was trained on '{corpus.name}', whose tokens are not the bytes of a text.")
    for arm in study.all_arms:
        for size in study.sizes_of(arm):
            for budget in study.budgets(arm, size):
                for exponent in EXPONENTS:
                    made = study.recipe(arm, size, budget, Choice(exponent), config["seed"], corpus)
                    recipe = replace(made, code=config["code"])  # the code may have changed since
                    if recipe.name == folder.path.name:
                        return Reading(recipe, corpus, _compute(store.path))
    raise StudyError(
        f"{folder.path}: its recipe does not follow from the study file alone (tuning.search chose some of it), "
        "so what it read cannot be told."
    )


def _compute(directory: Path) -> Compute:
    if not (directory / RECORD).is_file():
        return Compute()
    compute = recorded_findings(directory).compute
    return compute if compute.device == "cpu" else Compute()


def run_at(path: Path) -> bool:
    """Whether a path is a run's folder or a study's."""
    return Store.is_store(path) or (path.parent.name == "runs" and (path / "config.json").is_file())
