"""The optimum at one budget, and the smallest size whose loss is within a tolerance of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.errors import QuestionError
from scalewise.laws import Estimate, Fit
from scalewise.laws.fit import estimate
from scalewise.questions import wording
from scalewise.questions.model_size.allocation import Budget, OneLaw, TokenCost
from scalewise.questions.observations import SurfacePoints

Floats = NDArray[np.float64]
Triple = tuple[float, float, float]
EDGE = 1e-3
USUAL_TOLERANCE, WIDEST_TOLERANCE = 0.005, 0.2


@dataclass(frozen=True)
class Tolerance:
    """How much worse than the optimum is acceptable: a share of its loss, or nats."""

    relative: float
    nats: float = 0.0

    @staticmethod
    def of(relative: float | None, nats: float | None) -> "Tolerance":
        """Check what the user gave. Raises QuestionError."""
        if relative is not None and nats is not None:
            raise QuestionError("--tolerance and --tolerance-nats: give one of them.")
        if nats is not None:
            if not (np.isfinite(nats) and nats > 0):
                raise QuestionError(f"--tolerance-nats {nats:g}: must be a number greater than 0.")
            return Tolerance(0.0, nats)
        relative = USUAL_TOLERANCE if relative is None else relative
        if not 0 < relative < WIDEST_TOLERANCE:
            hint = f" for {relative:g} per cent write {relative / 100:g};" if WIDEST_TOLERANCE <= relative < 20 else ""
            raise QuestionError(
                f"--tolerance {relative:g}: must be a fraction of the loss between 0 and {WIDEST_TOLERANCE:g};{hint} "
                "0.005 is half a per cent."
            )
        return Tolerance(relative)

    def __str__(self) -> str:
        return f"{self.nats:g} nats" if self.nats else wording.share(self.relative)


@dataclass(frozen=True)
class Case:
    """The question, and the law and data it is asked of."""

    fit: Fit
    cost: TokenCost
    data: SurfacePoints
    flops: float
    tolerance: Tolerance

    @property
    def seen(self) -> float:
        """The largest compute of any run."""
        return float(self.data.flops.max())

    def budget(self, flops: float) -> Budget:
        return Budget(self.fit, self.cost, flops)

    def best_budget(self, flops: float) -> Budget:
        """The same under the best fit alone."""
        assert self.fit.bound is not None
        return Budget(OneLaw(self.fit.bound, self.fit.theta), self.cost, flops)

    def choose(self, flops: float | None = None) -> "Choice":
        """The choice at the compute asked about, or at another."""
        budget = self.budget(flops or self.flops)
        optimum = budget.optimum()
        return Choice(budget, optimum, budget.smallest_within(optimum, self.tolerance.relative, self.tolerance.nats))


@dataclass(frozen=True)
class Choice:
    """Log sizes of the optimum and of the smallest within tolerance: the best fit in row 0, then every refit."""

    budget: Budget
    optimum: Floats
    smallest: Floats

    @property
    def at_edge(self) -> bool:
        """Whether the optimum of the best fit is at the edge of what was searched: one parameter, or one token."""
        return bool(self._edges[0])

    @property
    def share_at_edge(self) -> float:
        """Share of refits whose optimum is at the edge: in them, size and data do not trade off."""
        return float(self._edges[1:].mean())

    @property
    def _edges(self) -> NDArray[np.bool_]:
        return (self.optimum < EDGE) | (self.budget.log_tokens(self.optimum) < EDGE)

    def tokens(self, log_params: Floats) -> Estimate:
        return exponential(self.budget.log_tokens(log_params))

    def loss(self, log_params: Floats) -> Estimate:
        losses = self.budget.loss(log_params[:, None])[:, 0]
        return estimate(float(losses[0]), losses[1:])

    def log_serving_flops(self, log_params: Floats, tokens: float) -> Floats:
        """Log operations to serve so many tokens: a forward pass is a third of the training cost of a token, so 2 per
        parameter where compute is 6ND (Kaplan et al. 2020, arXiv 2001.08361, section 2.1)."""
        return np.asarray(self.budget.cost.log_flops_per_token(log_params) + np.log(tokens / 3.0))

    def longer(self, log_params: Floats) -> Floats:
        """Log of how many times the optimum's tokens this size reads for the same compute."""
        return self.budget.log_tokens(log_params) - self.budget.log_tokens(self.optimum)


def exponential(logs: Floats) -> Estimate:
    """An estimate from logs: the best fit in row 0, then every refit."""
    return estimate(float(np.exp(logs[0])), np.exp(logs[1:]))


def triple(e: Estimate) -> Triple:
    return e.value, e.low, e.high
