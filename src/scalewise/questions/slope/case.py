"""What is compared: the points of every group, and the averaged laws through them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.laws.valley import PowerLine
from scalewise.questions.slope.between_losses import Floor, between_losses
from scalewise.questions.slope.budgets import FEWEST_BUDGETS, Budgets, has_budgets, optima, size_lines
from scalewise.questions.slope.curves import Average, average
from scalewise.questions.slope.samples import Ends, Sample, ends, far_off
from scalewise.runs.table import Runs

Relation = Literal["power", "loss-to-loss"]
EVERY = "every run"


@dataclass(frozen=True)
class Case:
    """What is compared: the ended runs, the points that the laws are fitted to and their average.

    `budgets` and `floors` are there where the points come from isoFLOP budgets or the law is that between losses;
    `far` are the runs left out as far off, and `variants` what they change. `sizes` is the law of the budgets' best
    sizes, and `lines` the published recipe for it.
    """

    ends: Ends
    sample: Sample
    average: Average
    notes: tuple[str, ...]
    far: NDArray[np.bool_]
    expected: NDArray[np.float64] | None = None
    budgets: Budgets | None = None
    floors: tuple[Floor, ...] = ()
    variants: dict[str, Average] | None = None
    sizes: Average | None = None
    lines: dict[str, list[PowerLine | None]] | None = None

    @property
    def far_runs(self) -> tuple[str, ...]:
        """The names of the runs left out."""
        return tuple(self.ends.rows["run"].filter(self.far).to_list())

    @property
    def sign(self) -> float:
        """The law between losses is written with an exponent that rises."""
        return -1.0 if self.floors else 1.0


def compared(runs: Runs, x: str, y: str, baseline: str | None, law: Relation, resamples: int, seed: int) -> Case:
    """The points and the laws through them. Raises QuestionError when two groups cannot be compared."""
    at_end = ends(runs, x, y, baseline)
    if law == "loss-to-loss":
        runs.require("params", "tokens", purpose="the law between two losses")
        between, floors = between_losses(at_end, x, y, resamples, seed, runs.source)
        nothing = np.zeros(at_end.sample.x.size, dtype=bool)
        return Case(at_end, at_end.sample, between, (), nothing, floors=tuple(floors))
    if has_budgets(at_end, x):
        return _of_budgets(at_end, ends(runs, x, y, baseline, best_rate=False), resamples, seed, runs.source)
    far = far_off(at_end.sample)
    sample = at_end.sample.kept(~far)
    made = average(sample, resamples, seed, runs.source)
    if not far.any():
        return Case(at_end, sample, made, (), far)
    everything = average(at_end.sample, resamples, seed, runs.source)
    return Case(
        at_end,
        sample,
        made,
        (_far_note(far),),
        far,
        variants={_without(far): made, EVERY: everything},
    )


def _without(far: NDArray[np.bool_]) -> str:
    return f"without {int(far.sum())} far off" if far.any() else "at the best rates"


def _far_note(far: NDArray[np.bool_]) -> str:
    return f"runs that lie far off the others, as diverged ones do, are left out and shown: {int(far.sum()):,}"


def _of_budgets(at_end: Ends, every: Ends, resamples: int, seed: int, source: str) -> Case:
    """The laws through the optima of budgets, and what they would be with `every` run at whatever rate."""
    names = at_end.sample.names
    clean = optima(at_end, True, resamples, seed)
    for group, name in enumerate(names):
        there = len({o.flops for o in clean.optima if o.group == group})
        if there < FEWEST_BUDGETS:
            raise QuestionError(
                f"{source}: the runs of {name} form budgets, but only {there} of them have their lowest loss inside "
                f"the sizes that were tried; a slope needs {FEWEST_BUDGETS}."
            )
    made = average(clean.losses(names), resamples, seed, source)
    notes = [
        f"the runs form {len(clean.optima)} isoFLOP budgets: the laws go through the lowest point of a parabola of the "
        "loss in log params in each"
    ]
    variants, everyone = None, np.ones(every.sample.x.size, dtype=bool)
    if clean.far.any():
        everything = optima(every, False, resamples, seed)
        variants = {_without(clean.far): made, EVERY: average(everything.losses(names), resamples, seed, source)}
        notes.append(_far_note(clean.far))
    return Case(
        at_end,
        clean.losses(names),
        made,
        tuple(notes),
        clean.far,
        clean.expected,
        clean,
        variants=variants,
        sizes=average(clean.sizes(names), resamples, seed, source, floors=False),
        lines={
            _without(clean.far): size_lines(at_end, ~clean.far),
            EVERY: size_lines(every, everyone),
        },
    )
