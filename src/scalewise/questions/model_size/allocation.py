"""How a compute budget is best divided between size and data, under a fitted law of both."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.families import BoundFamily
from scalewise.laws.memory import remembered

Floats = NDArray[np.float64]

SIX_ND_WITHIN = 0.02
FEWEST_FOR_PARABOLA = 4
GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
BISECTIONS = 50
ITERATIONS = 55
"""Golden-section steps: they shrink 60 natural-log units of size to 2e-10. Closer to its lowest point a loss differs by
less than rounding, so that further steps would find nothing."""


class Laws(Protocol):
    """One law or several, a row each: a fit and its refits, or laws that are set side by side."""

    @property
    def best_and_draws(self) -> Floats:
        """(rows, parameters)."""

    def curves(self, x: Floats) -> Floats:
        """Loss at x (points, 2), or (rows, points, 2): (rows, points)."""


@dataclass(frozen=True)
class OneLaw:
    """A single law, without refits: theta (1, parameters)."""

    bound: BoundFamily
    best_and_draws: Floats

    def curves(self, x: Floats) -> Floats:
        return self.bound.predict(self.best_and_draws, x)


@dataclass(frozen=True)
class TokenCost:
    """Training operations per token at each size, as the runs themselves spent them.

    The log of the ratio to 6 params is a smooth curve in log size, a parabola where there are four sizes or more;
    beyond the observed sizes it stays as at the edge. Joining the sizes by straight lines instead would put kinks at
    them, and a kink holds an optimum fast. When every run is within 2 % of 6ND, 6ND itself is used.
    """

    coefficients: Floats
    smallest: float
    largest: float

    @staticmethod
    def of(params: Floats, tokens: Floats, flops: Floats) -> "TokenCost":
        ratio = np.log(flops / (6.0 * params * tokens))
        sizes = np.unique(params)
        medians = np.array([np.median(ratio[params == size]) for size in sizes])
        logs = np.log(sizes)
        if np.abs(medians).max() <= np.log1p(SIX_ND_WITHIN):
            return TokenCost(np.zeros(1), logs[0], logs[-1])
        degree = 2 if logs.size >= FEWEST_FOR_PARABOLA else 1
        return TokenCost(np.polyfit(logs, medians, degree), logs[0], logs[-1])

    @property
    def is_six_nd(self) -> bool:
        return not self.coefficients.any()

    def log_flops_per_token(self, log_params: Floats) -> Floats:
        if self.is_six_nd:
            return np.asarray(np.log(6.0) + log_params)
        inside = np.clip(log_params, self.smallest, self.largest)
        return np.asarray(np.log(6.0) + log_params + np.polyval(self.coefficients, inside))


@dataclass(frozen=True)
class Budget:
    """A fixed amount of training compute, spent under a fitted law. Every method works on the best fit (row 0) and
    all refits at once."""

    fit: Laws
    cost: TokenCost
    flops: float

    def log_tokens(self, log_params: Floats) -> Floats:
        return np.asarray(np.log(self.flops) - self.cost.log_flops_per_token(log_params))

    def loss(self, log_params: Floats) -> Floats:
        """Loss of sizes log_params (fits, points) that spend the whole budget: (fits, points)."""
        inputs = np.exp(np.stack([log_params, self.log_tokens(log_params)], axis=-1))
        return self.fit.curves(inputs)

    @remembered
    def optimum(self) -> Floats:
        """Log of the compute-optimal size: (1 + resamples,). Golden section; the loss is unimodal in log size."""
        rows = self.fit.best_and_draws.shape[0]
        low = np.zeros((rows, 1))
        high = np.full((rows, 1), np.log(self.flops / 6.0))
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        at_left, at_right = self.loss(left), self.loss(right)
        for _ in range(ITERATIONS):
            go_left = at_left < at_right
            high, low = np.where(go_left, right, high), np.where(go_left, low, left)
            new_left, new_right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
            fresh = self.loss(np.where(go_left, new_left, new_right))
            at_left, at_right = np.where(go_left, fresh, at_right), np.where(go_left, at_left, fresh)
            left, right = new_left, new_right
        return np.asarray(0.5 * (low + high)[:, 0])

    def smallest_within(self, optimum: Floats, relative: float, nats: float = 0.0) -> Floats:
        """Log of the smallest size whose loss is at most (1 + relative) times the optimum's plus `nats`."""
        return self._farthest_within(optimum, np.zeros_like(optimum), relative, nats)

    def largest_within(self, optimum: Floats, relative: float, nats: float = 0.0) -> Floats:
        """Log of the largest such size."""
        return self._farthest_within(optimum, np.full_like(optimum, np.log(self.flops / 6.0)), relative, nats)

    @remembered
    def _farthest_within(self, optimum: Floats, end: Floats, relative: float, nats: float) -> Floats:
        """Log of the size nearest to `end` that is still within the tolerance: bisection from the optimum."""
        allowed = self.loss(optimum[:, None]) * (1.0 + relative) + nats
        outside, inside = end[:, None], optimum[:, None]
        for _ in range(BISECTIONS):
            middle = 0.5 * (outside + inside)
            within = self.loss(middle) <= allowed
            inside, outside = np.where(within, middle, inside), np.where(within, outside, middle)
        return np.asarray(inside[:, 0])
