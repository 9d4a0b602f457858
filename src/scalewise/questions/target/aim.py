"""What is to be reached: a level of an outcome, from below or from above."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.runs.columns import BY_NAME

Floats = NDArray[np.float64]
Direction = Literal["up", "down"]

LEAST_TREND = 0.2
"""A rank correlation below this says nothing about the direction."""


@dataclass(frozen=True)
class Aim:
    """`level` of the outcome `y`, which rises or falls to it. `error` is the level's own standard error.

    Laws of a rising outcome are fitted to y, those of a falling one to log y. A falling outcome without a logarithm is
    fitted as `mirror` - y, which rises.
    """

    y: str
    level: float
    error: float
    rising: bool
    mirror: float | None
    chance: float | None
    ceiling: float | None

    @property
    def up(self) -> bool:
        """Whether what is fitted rises."""
        return self.rising or self.mirror is not None

    def fitted(self, y: Floats) -> Floats:
        """Outcomes as they are fitted; the same again takes what was fitted back to outcomes."""
        return y if self.mirror is None else self.mirror - y

    @property
    def fitted_level(self) -> float:
        """The level as it is fitted."""
        return self.level if self.mirror is None else self.mirror - self.level

    def reached(self, y: Floats) -> NDArray[np.bool_]:
        """Which outcomes are at the level or beyond it."""
        return np.asarray(y >= self.level if self.rising else y <= self.level)


def aim_at(
    y: str,
    values: Floats,
    rank_trend: float,
    level: float,
    error: float | None,
    direction: Direction | None,
    chance: float | None,
    ceiling: float | None,
    items: bool,
) -> Aim:
    """The aim for outcomes `values` (points,), whose ranks go with x as `rank_trend` says.

    Raises QuestionError for a level that cannot be meant, or a direction that nothing tells.
    """
    if not np.isfinite(level):
        raise QuestionError(f"--level {level:g}: must be a finite number.")
    if error is not None and not (np.isfinite(error) and error >= 0):
        raise QuestionError(f"--level-error {error:g}: must be a standard error, 0 or more.")
    share = bool(np.all((values >= 0) & (values <= 1)))
    if share and not 0 <= level <= 1 and (level > 2 or items):
        raise QuestionError(
            f"--level {level:g}: {y} lies between 0 and 1 here ({values.min():.4g} to {values.max():.4g}); give the "
            f"level as a share too{f', perhaps {level / 100:g}' if 1 < level <= 100 else ''}."
        )
    rising = _rises(y, rank_trend) if direction is None else direction == "up"
    if not rising and (chance is not None or ceiling is not None):
        raise QuestionError(f"--chance and --ceiling are for an outcome that rises to its level; {y} falls to it.")
    if chance is not None and level <= chance:
        raise QuestionError(f"--level {level:g}: guessing already reaches it (--chance {chance:g}).")
    if ceiling is not None:
        if level > ceiling:
            raise QuestionError(f"--level {level:g}: lies above the ceiling that was given ({ceiling:g}).")
        if values.max() > ceiling:
            raise QuestionError(f"--ceiling {ceiling:g}: {y} is already {values.max():.4g}.")
    mirror = None
    if not rising and (items or values.min() <= 0 or level <= 0):
        mirror = 1.0 if share else 0.0
    return Aim(y, float(level), float(error or 0.0), rising, mirror, chance, ceiling)


def _rises(y: str, rank_trend: float) -> bool:
    """A loss falls and an accuracy rises, whatever these runs do; others do what they do along x."""
    kind = BY_NAME[y].kind if y in BY_NAME else None
    if kind == "loss" or y == "accuracy":
        return y == "accuracy"
    if abs(rank_trend) < LEAST_TREND:
        raise QuestionError(
            f"{y} neither rises nor falls with x (rank correlation {rank_trend:.2f}); say whether it must go up or "
            "down to the level with --direction."
        )
    return rank_trend > 0
