"""What was asked, and the points and the aim that it means for one group of runs."""

from dataclasses import dataclass

import numpy as np

from scalewise.errors import QuestionError
from scalewise.questions.target.aim import Aim, Direction, aim_at
from scalewise.questions.target.curve import Curve, Which, curve_of
from scalewise.runs.table import Runs, listed


@dataclass(frozen=True)
class Asked:
    """The options of the question."""

    y: str
    scales: tuple[str, ...]
    within: float
    level: float | None
    level_column: str | None
    level_error: float | None
    direction: Direction | None
    chance: float | None
    ceiling: float | None
    items: str | None
    points: Which

    @property
    def x(self) -> str:
        return self.scales[0]

    def check(self) -> None:
        """Raise QuestionError for options that contradict each other."""
        if (self.level is None) == (self.level_column is None):
            raise QuestionError("which level must be reached? Give either --level or --level-column.")
        if not (np.isfinite(self.within) and self.within >= 1):
            raise QuestionError(f"--within {self.within:g}: must be a number, 1 or more.")
        if len(set(self.scales)) < len(self.scales) or self.y in self.scales:
            raise QuestionError(f"--x, --also and --y name different columns; got {', '.join((*self.scales, self.y))}.")
        if len(self.scales) > 1 and self.points == "frontier":
            raise QuestionError("--points frontier is for one scale; with --also every run counts.")

    def of_group(self, runs: Runs) -> tuple[Curve, Aim]:
        """The points of these runs and what they aim at. Raises QuestionError where they say too little."""
        also = self.scales[1:]
        first = "ended" if self.points == "frontier" else self.points
        curve = curve_of(runs, self.x, also, self.y, first, self.items)
        aim = aim_at(
            self.y,
            curve.y,
            _rank_trend(curve),
            self._level(runs),
            self.level_error,
            self.direction,
            self.chance,
            self.ceiling,
            self.items is not None,
        )
        if self.points == "frontier":
            curve = curve_of(runs, self.x, also, self.y, "frontier", self.items, aim.rising)
        return curve, aim

    def _level(self, runs: Runs) -> float:
        """The level of these runs, which all have the same."""
        if self.level is not None or self.level_column is None:
            return float(self.level or 0.0)
        levels = runs.table[self.level_column].drop_nulls().unique().sort().to_list()
        if len(levels) != 1:
            shown = listed(f"{v:g}" for v in levels) or "none"
            raise QuestionError(
                f"{runs.source}: column '{self.level_column}' must hold one level for each group; it holds {shown}."
            )
        return float(levels[0])


def _rank_trend(curve: Curve) -> float:
    """The rank correlation of the outcome with all scales together."""
    ranks = [np.unique(v, return_inverse=True)[1] for v in (np.log(curve.x).mean(axis=1), curve.y)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
