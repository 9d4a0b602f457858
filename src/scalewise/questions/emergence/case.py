"""One outcome against one scale, with the laws that describe it on the raw axis and what each makes of "emergent"."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import Fit
from scalewise.laws.families import CONSTANT, LINEAR, LOGISTIC, STEP, EveryToken, Family, Logistic, RisingPower
from scalewise.laws.families.every_token import BoundEveryToken
from scalewise.laws.fit import Estimate
from scalewise.laws.residual import Binomial, Residual
from scalewise.questions.averaging import Average, averaged
from scalewise.questions.emergence.definitions import (
    AT_BASE,
    FAMILIES,
    TURNING,
    Definition,
    Shape,
    exponents,
    plain,
    prior,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRAIGHT = 1.25
"""A power of x within this factor of 1 counts as a straight line."""
DESCRIBED = 0.5
"""At more weight than this of a curve that turns, the laws of a rise do not describe the outcome."""


@dataclass(frozen=True)
class Case:
    """x and y (points,), y turned so that it rises with x; `falls` says that it was turned.

    `tokens` is above 1 where the laws are of one token's accuracy, and y is right when all of them are. `families`
    are the laws as they were fitted, by name.
    """

    x: Floats
    y: Floats
    residual: Residual | None
    falls: bool
    tokens: float
    shape: Shape
    families: dict[str, Family]
    average: Average

    @classmethod
    def of(
        cls,
        x: Floats,
        y: Floats,
        residual: Residual | None,
        chance: float | None,
        clusters: Ints | None,
        steeper: float,
        resamples: int,
        seed: int,
        tokens: float = 1.0,
    ) -> "Case":
        """Raises ValueError when no law can be fitted."""
        falls = bool(np.cov(np.log(x), y)[0, 1] < 0) and tokens == 1
        whole = 1.0 if isinstance(residual, Binomial) else 0.0
        if falls:
            y, chance = whole - y, None if chance is None else whole - chance
        base = None if chance is None else chance ** (1 / tokens) if tokens > 1 else chance
        families = [_given(family, base) for family in FAMILIES]
        if tokens > 1:
            families = [EveryToken(family, tokens) for family in families]
        refuse = _leaves_the_scale if isinstance(residual, Binomial) else _nothing
        average = averaged(families, x, y, residual, clusters, resamples, seed, refuse, prior)
        named = {family.name: family for family in families}
        return cls(x, y, residual, falls, tokens, Shape(x, base, steeper), named, average)

    def shown(self, y: Floats) -> Floats:
        """Outcomes as they were given."""
        whole = 1.0 if isinstance(self.residual, Binomial) else 0.0
        return whole - y if self.falls else y

    @property
    def described(self) -> bool:
        return self.weight_of(TURNING) <= DESCRIBED

    def weight_of(self, name: str) -> float:
        """The weight of the law of this name."""
        return sum(w for n, w in self.average.all_weights.items() if plain(self.families[n]).name == name)

    def probability(self, definition: Definition) -> float | None:
        """The weighted share of refits of which it holds; None where the laws do not describe the outcome.

        A logistic that is steep enough passes for any jump between two neighbours. Where it is as likely as the jump,
        a jump has half of the step's weight at most, however few parameters it has.
        """
        if not self.described:
            return None
        share = self.average.ask(self.shape.holds(definition)).probability
        return share / (1 + self._smooth_against_jump) if definition == "discontinuity" else share

    @property
    def _smooth_against_jump(self) -> float:
        """The likelihood ratio of the logistic to the step, 1 at most; 1 where there are too few points for one."""
        misfit = {plain(self.families[name]).name: m for name, m in self.average.misfits.items()}
        if not {LOGISTIC.name, STEP.name} <= set(misfit):
            return 1.0
        return float(np.exp(min(0.0, (misfit[STEP.name] - misfit[LOGISTIC.name]) / 2)))

    @property
    def shapes(self) -> dict[str, float]:
        """The probability that the outcome does not change, is straight, rises ever more slowly, or steeper at first.

        The last is what "super-linear" means.
        """

        def straight(fit: Fit) -> Floats:
            near = np.abs(np.log(np.maximum(exponents(fit), 1e-300))) <= np.log(STRAIGHT)
            held: Floats = near * float(isinstance(plain(fit.family), RisingPower) or plain(fit.family) is LINEAR)
            return held

        def flat(fit: Fit) -> Floats:
            return 1 - (1 - float(plain(fit.family) is CONSTANT)) * self.shape.rises(fit)

        steep = self.shape.holds("super-linear")
        found = {
            "flat": self.average.ask(flat).probability,
            "straight": self.average.ask(lambda f: straight(f) * (1 - flat(f)) * (1 - steep(f))).probability,
            "steeper": self.average.ask(steep).probability,
        }
        return {**found, "slower": max(0.0, 1 - sum(found.values()))}

    def exponent(self, fit: Fit) -> Estimate | None:
        """The power of x by which a law leaves its base; None for those that have none."""
        if plain(fit.family) is LINEAR:
            return Estimate(1.0, 1.0, 1.0)
        if not isinstance(plain(fit.family), Logistic | RisingPower):
            return None
        k = exponents(fit)
        low, high = np.quantile(k[1:], (0.025, 0.975))
        return Estimate(float(k[0]), float(low), float(high))

    @property
    def averaged_exponent(self) -> Estimate | None:
        """The exponent averaged over the laws that have one; None where these have less than half of the weight."""
        having = [i for i, fit in enumerate(self.average.fits) if self.exponent(fit) is not None]
        weights = self.average.weights[having]
        if weights.sum() < 0.5:
            return None
        part = replace(self.average, fits=tuple(self.average.fits[i] for i in having), weights=weights / weights.sum())
        return part.ask(lambda fit: exponents(fit)[:, None]).estimates()[0]


def _given(family: Family, base: float | None) -> Family:
    """A family that knows the level without the ability, where it is known."""
    if base is None:
        return family
    if isinstance(family, Logistic):
        return replace(family, chance=base)
    return replace(family, base=base) if isinstance(family, RisingPower) else family


def _nothing(fit: Fit) -> None:
    return None


def _leaves_the_scale(fit: Fit) -> str | None:
    """Cut off at 0 or 1, a straight line would pass for a threshold."""
    inner = fit.bound.base if isinstance(fit.bound, BoundEveryToken) else fit.bound
    assert inner is not None
    assert fit.data is not None
    share = inner.predict(fit.theta, fit.data.x)[0]
    room = AT_BASE * float(np.ptp(share))
    if share.min() < -room or share.max() > 1 + room:
        return "it is a share below 0 or above 1 at some of these x"
    return None
