"""The size that is cheapest over training and serving, at the loss that the compute asked about can buy."""

import numpy as np
from numpy.typing import NDArray

from scalewise.laws.fit import EDGE_SHARE, estimate
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.model_size.allocation import GOLDEN, ITERATIONS
from scalewise.questions.model_size.choice import Case, Choice, exponential, triple

Floats = NDArray[np.float64]

SERVED = (0.1, 1.0, 10.0, 100.0)
"""Tokens served, in units of the tokens that the compute-optimal model reads."""


class Lifetime:
    """Training and serving at a fixed loss, under every refit of Chinchilla's law at once.

    At the loss L, a model of N params must read (B / (L - E - A / N^alpha))^(1 / beta) tokens. The loss is the one that
    the optimum reaches with the compute asked about (Sardana et al. 2023, arXiv 2401.00448).
    """

    def __init__(self, case: Case, choice: Choice) -> None:
        law = case.fit.parameter_draws()
        losses = choice.budget.loss(choice.optimum[:, None])[:, 0]
        sound = (law["alpha"] > 0) & (law["beta"] > 0) & (losses > law["E"])
        self.cost = case.cost
        self.alpha, self.beta = law["alpha"][sound], law["beta"][sound]
        self.log_size_term, self.log_data_term = np.log(law["A"][sound]), np.log(law["B"][sound])
        self.reducible = losses[sound] - law["E"][sound]
        self.optimum = choice.optimum[sound]
        self.known = bool(sound[0]) and float(sound.mean()) > 1 - EDGE_SHARE
        """Whether size and data both help, in the best fit and in almost all refits; the others are left out."""

    def log_tokens(self, log_params: Floats) -> Floats:
        """Log tokens (rows,) to the loss; infinite for a size that never gets there."""
        left = self.reducible - np.exp(self.log_size_term - self.alpha * log_params)
        with np.errstate(divide="ignore", invalid="ignore"):
            tokens: Floats = (self.log_data_term - np.log(np.maximum(left, 0.0))) / self.beta
        return np.asarray(np.where(left > 0, tokens, np.inf))

    def log_training(self, log_params: Floats) -> Floats:
        return self.cost.log_flops_per_token(log_params) + self.log_tokens(log_params)

    def log_total(self, log_params: Floats, served: float) -> Floats:
        """Log operations (rows,) to train and then serve so many tokens, a third of the cost of training on one."""
        serving = self.cost.log_flops_per_token(log_params) + np.log(served / 3.0)
        return np.asarray(np.logaddexp(self.log_training(log_params), serving))

    def cheapest(self, served: float) -> Floats:
        """Log of the size with the lowest total (rows,): golden section below the compute-optimal size."""
        low = np.minimum((self.log_size_term - np.log(self.reducible)) / self.alpha, self.optimum)
        high = self.optimum.copy()
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        for _ in range(ITERATIONS):
            go_left = self.log_total(left, served) < self.log_total(right, served)
            high, low = np.where(go_left, right, high), np.where(go_left, low, left)
            left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        return 0.5 * (low + high)


def lifetime(case: Case, choice: Choice, served: float | None) -> list[Finding]:
    """For several amounts of serving, the one asked about among them."""
    life = Lifetime(case, choice)
    if not life.known:
        return []
    usual = [factor * float(np.exp(choice.budget.log_tokens(choice.optimum)[0])) for factor in SERVED]
    rows: list[tuple[Cell, ...]] = []
    for tokens in sorted({*usual, *([served] if served else [])}):
        best = life.cheapest(tokens)
        ratio = np.exp(life.log_total(best, tokens) - life.log_total(life.optimum, tokens))
        saved = estimate(float(1 - ratio[0]), 1 - ratio[1:])
        numbers = (exponential(best), exponential(best - life.optimum), exponential(life.log_tokens(best)))
        total = float(np.exp(life.log_total(best, tokens)[0]))
        training = float(np.exp(life.log_training(best)[0]))
        rows.append((tokens, *(n for e in numbers for n in triple(e)), training, total, *triple(saved)))
    columns = ("served_tokens", *with_interval("params", "share_of_optimum", "tokens"), "training_flops", "total_flops")
    note = (
        "flops = training + serving (a third of training per token); saved: against serving the compute-optimal size."
    )
    title = "Cheapest over its lifetime, at the loss of the optimum"
    return [Finding(title, (*columns, *with_interval("saved")), tuple(rows), note)]
