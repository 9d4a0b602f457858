"""What both kinds of table share: the parts of the answer, and power, which comes first."""

from dataclasses import dataclass

import numpy as np

from scalewise.questions import wording
from scalewise.questions.answer import Chart, Finding
from scalewise.questions.gains.scale import Linear
from scalewise.questions.metric import Metric
from scalewise.questions.power import TWO_SIDED, pairs_at_noise, power_at

UNKNOWN = "nothing shows how noisy a run is: repeat runs with other seeds, or give --noise"


@dataclass(frozen=True)
class Told:
    """The parts of an Answer that depend on the kind of table."""

    claim: str
    probability: float | None
    sentence: str
    findings: tuple[Finding, ...]
    charts: tuple[Chart, ...]
    assumptions: tuple[str, ...]
    next_run: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Noise:
    """The standard deviation of log y between seeds; `freedom` is None where the user gave it."""

    size: float | None
    freedom: float | None

    @property
    def source(self) -> str:
        if self.size is None:
            return UNKNOWN
        return "given" if self.freedom is None else f"seen in the rows, {self.freedom:.0f} degrees of freedom"


def power_first(effect: float, noise: Noise, gains: list[Linear], level: float, metric: Metric) -> Finding:
    """How many paired seeds show the effect asked about, and the median gain found, and what the runs here show.

    `level` is the outcome at which the noise is also told in its own units.
    """
    middle = float(np.median([abs(gain.value) for gain in gains]))
    errors = [gain.error for gain in gains if gain.error]
    error = float(np.median(errors)) if errors else None
    rows = []
    for what, size in (("the effect asked about", effect), ("the median gain found", middle)):
        known = noise.size is not None and error is not None and size > 0
        needed = pairs_at_noise(size, noise.size) if known and noise.size else None
        here = 2 * (noise.size / error) ** 2 if known and noise.size and error else None
        power = power_at(size, error, noise.freedom, TWO_SIDED) if known and error else None
        rows.append((what, size, needed, here, power))
    told = UNKNOWN.capitalize()
    if noise.size is not None:
        own = f"{noise.size * level:.2g} where {metric.name} is {level:.4g}"
        told = f"Seed noise {wording.share(noise.size)}, {own} ({noise.source})"
    return Finding(
        "Power first",
        ("to_see", "gain", "paired_seeds_needed", "paired_seeds_here", "power_here"),
        tuple(rows),
        f"{told}. Needed for 80 % power at a two-sided 5 %: 2 (1.96 + 0.84)^2 (noise / gain)^2.",
    )


def power_sentence(effect: float, noise: Noise) -> str:
    """What comes before everything else, as the start of a sentence."""
    if noise.size is None:
        return f"How many seeds show {wording.share(effect)} cannot be said without the seed noise"
    needed = pairs_at_noise(effect, noise.size)
    return (
        f"Seeing {wording.share(effect)} at a seed noise of {wording.share(noise.size)} takes {needed:,} paired seeds"
    )


def interval(low: float | None, high: float | None) -> str:
    """` [1.2 %, 1.4 %]`, or nothing."""
    return "" if low is None or high is None else f" [{wording.share(low)}, {wording.share(high)}]"


def priced(what: str, runs: int, cost: float | None, budget: float | None, promise: str) -> str:
    """One sentence: what to run, what so many runs cost, and what they are expected to bring."""
    if cost is None:
        return f"{what}: {promise}."
    spent = cost * runs
    if budget is not None and spent > budget:
        return f"nothing within {wording.flops(budget)} flops would; {what} ({wording.flops(spent)} flops): {promise}."
    return f"{what} ({wording.flops(spent)} flops): {promise}."
