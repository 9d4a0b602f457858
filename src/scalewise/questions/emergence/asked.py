"""What was asked of which runs: the outcomes against a scale, checked, and the laws fitted to them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.laws.residual import Binomial
from scalewise.questions.clusters import clusters
from scalewise.questions.emergence.case import Case
from scalewise.questions.outcomes import Outcomes, at_best_rates, outcomes
from scalewise.runs.table import Runs

FEWEST_X = 5
"""Fewer sizes fit any shape."""


@dataclass(frozen=True)
class Asked:
    """The options that every outcome of the answer shares; `cluster` is the column, `steeper` the power of x."""

    runs: Runs
    items: str | None
    errors: str | None
    chance: float | None
    cluster: str | None
    steeper: float
    seed: int

    def points(self, x: str, y: str, sized: bool = True) -> Outcomes:
        """One point per run; `sized` says whether the items or errors given are those of y.

        Raises QuestionError when they cannot show a shape.
        """
        items, errors = (self.items, self.errors) if sized else (None, None)
        points = outcomes(at_best_rates(self.runs, x)[0], x, y, items, errors)
        points.check(self.runs.source, x, y, FEWEST_X)
        return points

    def check_level(self, points: Outcomes, y: str, tokens: float) -> None:
        """Raises QuestionError when the chance level, or tokens, do not suit these outcomes."""
        share = isinstance(points.residual, Binomial) or tokens > 1
        if share and (points.y.min() < 0 or points.y.max() > 1):
            raise QuestionError(
                f"{self.runs.source}: tokens per answer need a share of answers that are right, between 0 and 1; {y} "
                f"goes from {points.y.min():g} to {points.y.max():g}."
            )
        if self.chance is None:
            return
        if share and not 0 <= self.chance < 1:
            raise QuestionError(f"--chance {self.chance:g}: {y} is a share, so chance must be from 0 to below 1.")
        if np.all(points.y < self.chance) or np.all(points.y > self.chance + 2 * np.ptp(points.y)):
            raise QuestionError(
                f"--chance {self.chance:g}: {y} goes from {points.y.min():g} to {points.y.max():g}, far from it; leave "
                "it out, or give the level of guessing."
            )

    def together(self, points: Outcomes, taken: tuple[str, ...]) -> tuple[NDArray[np.int64] | None, str]:
        """The clusters of these points, and what is assumed of them."""
        return clusters(self.runs, points.rows, self.cluster, taken)

    def case(self, points: Outcomes, x: str, y: str, resamples: int, chance: bool = True, tokens: float = 1.0) -> Case:
        """The laws fitted; `chance` says whether the level given is one of this outcome.

        Raises QuestionError when none can be.
        """
        alike, _ = self.together(points, (x, y))
        level = self.chance if chance else None
        try:
            return Case.of(
                points.x, points.y, points.residual, level, alike, self.steeper, resamples, self.seed, tokens
            )
        except ValueError as error:
            raise QuestionError(f"{self.runs.source}: {error}.") from None
