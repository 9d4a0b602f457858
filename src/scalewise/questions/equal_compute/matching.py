"""On how many tokens a smaller model matches a bigger one's last loss, and whether it ever does."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.laws.extrapolate import DEGREES
from scalewise.laws.paths import Paths
from scalewise.questions import wording
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.equal_compute.contest import Entrant
from scalewise.questions.equal_compute.outlook import AVERAGE
from scalewise.questions.equal_compute.standings import Standing, Standings
from scalewise.runs.table import listed

Floats = NDArray[np.float64]

NEARLY = 1.05
"""A size given with --small or --big may be off by so much."""


@dataclass(frozen=True)
class Crossing:
    """Where paths come down to a level: the median and the 95 % interval, None for an end that lies nowhere.

    `impossible` is the share of paths whose floor is above the level.
    """

    value: float | None
    low: float | None
    high: float | None
    impossible: float


def crossing(paths: Paths, level: Floats | float) -> Crossing:
    """Where the paths first are as low as the level, one for all or one for each of (paths,)."""
    reached = paths.crossings(level)
    ends = np.quantile(reached, [0.5, 0.025, 0.975], method="inverted_cdf")
    value, low, high = (float(x) if np.isfinite(x) else None for x in ends)
    return Crossing(value, low, high, float(np.mean(paths.never(level))))


def pairs(standings: Standings, small: float | None, big: float | None) -> list[tuple[Standing, Standing]]:
    """Neighbouring sizes of each group, or the pair that was asked for; without `big` it is the largest size.

    Without `small` it is every smaller one. Raises QuestionError for a size that is not there, or no smaller one.
    """
    groups = {s.size.group: [t for t in standings.all if t.size.group == s.size.group] for s in standings.all}
    if small is None and big is None:
        return [pair for members in groups.values() for pair in pairwise(members)]
    sizes = sorted({s.size.params for s in standings.all})
    bigger = sizes[-1] if big is None else _nearest("big", big, sizes)
    smaller = [_nearest("small", small, sizes)] if small is not None else [s for s in sizes if s < bigger]
    if not smaller or min(smaller) >= bigger:
        named = "the smallest of all" if small is None else "not larger than the --small one"
        raise QuestionError(f"--big {wording.count(bigger)}: it is {named}; choose a larger one of {_shown(sizes)}.")
    found = [
        (s, b) for members in groups.values() for b in members for s in members
        if b.size.params == bigger and s.size.params in smaller
    ]  # fmt: skip
    if not found:
        raise QuestionError(f"--big {wording.count(bigger)}: no group has both it and {_shown(smaller)}.")
    return found


def _nearest(option: str, asked: float, sizes: list[float]) -> float:
    near = min(sizes, key=lambda size: abs(np.log(size / asked)) if asked > 0 else size)
    if not asked > 0 or not 1 / NEARLY < near / asked < NEARLY:
        raise QuestionError(f"--{option} {asked:g}: there is no model of that size; there are {_shown(sizes)} params.")
    return near


def _shown(sizes: list[float]) -> str:
    return listed((f"{size:.4g}" for size in sizes), most=12)


def tokens_to_match(standings: Standings, chosen: list[tuple[Standing, Standing]], seed: int) -> list[Finding]:
    """For each pair the tokens, and how many times its own training, after which the small one matches."""
    rows: list[tuple[Cell, ...]] = []
    for small, big in chosen:
        if small.outlook is None or big.ended is None:
            continue
        for way, (share, _) in small.outlook.ways.items():
            paths = small.outlook.paths[way]
            found = crossing(paths, _levels(big.ended, paths.limits.size, seed))
            longer = [None if c is None else c / small.spent for c in (found.value, found.low, found.high)]
            tokens = [None if c is None or small.tokens is None else c * small.tokens for c in longer]
            pair = (small.size.group, small.size.params, big.size.params, big.ended.loss)
            rows.append((*pair, way, share, *longer, *tokens, found.impossible))
    if not rows:
        return []
    rows.sort(key=lambda row: row[4] != AVERAGE)  # where two ways are averaged, the averages come first
    return [
        Finding(
            "Training for a small model to match a big one",
            (
                *("group", "small_params", "big_params", "loss", "by", "weight"),
                *with_interval("times_longer", "tokens"),
                "P(impossible)",
            ),
            tuple(rows),
            "until the small model's loss is what the big one had at its end. P(impossible): the share of refits, of "
            "all laws by weight, whose floor is above that loss. An interval without an upper end: more than 2.5 % of "
            "the refits never get there, or not within a million times the compute.",
        )
    ]


def _levels(ended: Entrant, count: int, seed: int) -> Floats | float:
    """The big model's last loss, as uncertain as it is."""
    if ended.scale is None:
        return ended.loss
    draws: Floats = ended.loss * np.exp(ended.scale * np.random.default_rng([seed, 4]).standard_t(DEGREES, count))
    return draws
