"""A law of the accuracy of one token, seen through answers that are right only when every one of their tokens is."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families.family import BoundFamily, Family, Space

Floats = NDArray[np.float64]

LEAST = 1e-9
"""An accuracy at or below this has no more to lose."""


@dataclass(frozen=True, init=False)
class EveryToken(Family):
    """A family to the power of `tokens`: y = p(x)^tokens, where the family is a law of p, the accuracy of one token.

    Tokens are taken to be right independently of each other (Schaeffer et al. 2023, arXiv 2304.15004, section 3).
    The bounds and the starts are those that the family has for p = y^(1 / tokens), but where y is 0 it is not known
    that p is: answers of many tokens are all wrong long before their tokens are.
    """

    base: Family
    tokens: float

    def __init__(self, base: Family, tokens: float) -> None:
        if not tokens >= 1:
            raise ValueError(f"an answer has one token or more, not {tokens:g}")
        super().__init__(
            name=f"{base.name}, every token",
            formula=f"({base.formula})^{tokens:g}",
            source=base.source,
            inputs=base.inputs,
            parameters=base.parameters,
        )
        object.__setattr__(self, "base", base)
        object.__setattr__(self, "tokens", float(tokens))

    def bind(self, x: Floats, y: Floats) -> "BoundEveryToken":
        return BoundEveryToken(self, self.base.bind(x, np.clip(y, 0.0, 1.0) ** (1 / self.tokens)))


@dataclass(frozen=True)
class BoundEveryToken(BoundFamily):
    """The coordinates of the law of one token."""

    family: EveryToken
    base: BoundFamily
    space: ClassVar[Space] = "linear"

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        return self.base.bounds

    @property
    def prior(self) -> tuple[Floats, Floats]:
        return self.base.prior

    def starts(self, count: int, rng: np.random.Generator) -> Floats:
        return self.base.starts(count, rng)

    def evaluate(self, theta: Floats, x: Floats) -> Floats:
        one: Floats = np.maximum(self.base.value_in("linear", theta, x), LEAST) ** self.family.tokens
        return one

    def evaluate_with_jacobian(self, theta: Floats, x: Floats) -> tuple[Floats, Floats]:
        value, jacobian = self.base.in_space("linear", theta, x)
        inside = np.maximum(value, LEAST)
        steep = np.where(value > LEAST, self.family.tokens * inside ** (self.family.tokens - 1), 0.0)
        return inside**self.family.tokens, jacobian * steep[:, None]

    def natural(self, theta: Floats) -> dict[str, Floats]:
        return self.base.natural(theta)
