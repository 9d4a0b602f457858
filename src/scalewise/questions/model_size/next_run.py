"""Which further run would narrow the answer most, within a budget, and by how much.

A run at (N, D) shows a loss m with noise. Among the refits, the smallest size s and that loss vary together, so
knowing m would leave of the variance of s the share 1 - cov(s, m)^2 / (var(s) (var(m) + noise^2)): the linear update of
a preposterior analysis (Raiffa and Schlaifer 1961). It chooses among hundreds of candidates. A robust fit learns less
from one run than that, so how wide the interval is afterwards is found by simulating the chosen run and refitting.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import CHINCHILLA, fit_law
from scalewise.questions import wording
from scalewise.questions.answer import Cell, Finding
from scalewise.questions.model_size.choice import Case, Choice, exponential
from scalewise.questions.model_size.robustness import MOST_RESAMPLES
from scalewise.questions.next_run import proposal

Floats = NDArray[np.float64]

SIZES, COSTS = 21, 9
STRETCH = 4.0
"""Candidates are at most this many times larger, or read this many times more, than any run there is; none has more, or
fewer, tokens per parameter than the runs."""
CHEAPEST = 0.25
"""Candidates cost at least this quantile of the runs there are: laws miss the smallest runs, each in its own way, and
what such a run would teach is not about the size that is asked for."""
GOOD_ENOUGH = 0.9
"""The cheapest run that brings this share of the best one's gain is proposed."""
LEAST_GAIN = 0.03
"""A run that narrows the interval by less is none to propose."""
SHOWN = 4
EXTREME = 1.0
"""Per cent of refits at either end that are drawn in to the rest, so that a few wild ones decide nothing."""


@dataclass(frozen=True)
class Gain:
    """Candidates (candidates,), and the share of the smallest size's interval, in logs, that each should leave."""

    params: Floats
    tokens: Floats
    flops: Floats
    left: Floats

    def best_within(self, budget: float) -> int | None:
        """The cheapest candidate that does nearly as much as the best within the budget; None if none does enough."""
        affordable = self.flops <= budget * (1 + 1e-9)
        if not affordable.any() or self.left[affordable].min() > 1 - LEAST_GAIN:
            return None
        gain = 1 - self.left
        enough = affordable & (gain >= GOOD_ENOUGH * gain[affordable].max())
        return int(np.flatnonzero(enough)[np.argmin(self.flops[enough])])


def gains(case: Case, choice: Choice, budget: float) -> Gain:
    """Candidates of all sizes and costs up to the budget, inside what was trained or not far beyond."""
    data = case.data
    sizes = np.geomspace(data.params.min(), data.params.max() * STRETCH, SIZES)
    costs = np.geomspace(min(least_cost(case), budget), budget, COSTS)
    params, flops = (a.ravel() for a in np.meshgrid(sizes, costs))
    tokens = np.exp(np.log(flops) - case.cost.log_flops_per_token(np.log(params)))
    lopsided, ratio = data.tokens / data.params, tokens / params
    known = (tokens >= data.tokens.min()) & (tokens <= data.tokens.max() * STRETCH)
    known &= (ratio >= lopsided.min()) & (ratio <= lopsided.max())
    params, tokens, flops = params[known], tokens[known], flops[known]
    if not params.size:
        return Gain(params, tokens, flops, params)
    losses = np.log(case.fit.curves(np.stack([params, tokens], axis=1))[1:])
    smallest = choice.smallest[1:]
    s, m = _tamed(smallest[:, None]), _tamed(losses)
    s, m = s - s.mean(axis=0), m - m.mean(axis=0)
    together = np.mean(s * m, axis=0)
    explained = together**2 / (np.mean(s**2) * (np.mean(m**2, axis=0) + case.fit.noise**2) + 1e-300)
    return Gain(params, tokens, flops, np.sqrt(1 - np.clip(explained, 0.0, 1.0)))


def least_cost(case: Case) -> float:
    """What the cheapest candidate costs."""
    return float(np.quantile(case.data.flops, CHEAPEST))


def _tamed(draws: Floats) -> Floats:
    return np.clip(draws, *np.percentile(draws, [EXTREME, 100 - EXTREME], axis=0))


def left_after(case: Case, choice: Choice, params: float, tokens: float, resamples: int, seed: int) -> float:
    """The share of the smallest size's interval (in logs) that is left once a run at (params, tokens) is in the data.

    Its loss is simulated from the best fit, one standard deviation of the noise above it and below, and the law is
    refitted. Spreads of the refits are compared, since the ends of an interval need more refits than there are.
    """
    data, run = case.data, np.array([[params, tokens]])
    expected = float(case.fit.curves(run)[0, 0])
    spreads = []
    for noise in (-case.fit.noise, case.fit.noise):
        fit = fit_law(
            CHINCHILLA,
            np.concatenate([data.inputs, run]),
            np.append(data.loss, expected * np.exp(noise)),
            np.append(data.clusters, data.clusters.max() + 1),
            min(resamples, MOST_RESAMPLES),
            case.fit.residual,
            seed=seed,
        )
        if fit.ok:
            after = Case(fit, case.cost, data, case.flops, case.tolerance).choose().smallest[1:]
            spreads.append(_tamed(after).std())
    now = _tamed(choice.smallest[1:]).std()
    return float(np.mean(spreads) / now) if spreads and now > 0 else 1.0


def next_run(
    case: Case, choice: Choice, budget: float | None, reachable: float, resamples: int, seed: int
) -> tuple[str, list[Finding]]:
    """The proposal, and what other budgets would bring. Without a budget, the compute asked about is one."""
    limit = budget or min(case.flops, reachable)
    now = exponential(choice.smallest)
    factor = now.high / now.low
    gain = gains(case, choice, limit) if limit >= least_cost(case) else None
    chosen = gain.best_within(limit) if gain else None
    if gain is None or chosen is None:
        within = f"no single run within {wording.flops(limit)} flops"
        return f"{within} is expected to narrow the interval of the smallest size ({wording.times(factor)} wide).", []
    budgets: dict[int, float] = {}
    for share in 10.0 ** -np.arange(SHOWN):
        i = gain.best_within(limit * float(share))
        if i is not None:  # the smallest budget that affords a run is shown with it
            budgets[i] = limit * float(share)
    after = {
        i: factor ** left_after(case, choice, float(gain.params[i]), float(gain.tokens[i]), resamples, seed + i)
        for i in budgets
    }
    best = min(budgets, key=lambda i: (after[i], gain.flops[i]))
    what = f"{wording.count(gain.params[best])} params on {wording.count(gain.tokens[best])} tokens"
    ends = f"from a factor {wording.times(factor)[:-1]} between its ends to {wording.times(after[best])[:-1]}"
    promise = f"of all runs it narrows the interval of the smallest size most, {ends} by simulation"
    if after[best] > factor ** (1 - LEAST_GAIN):
        promise = f"even this run, the best within {wording.flops(limit)} flops, hardly narrows the interval, {ends}"
    rows: list[tuple[Cell, ...]] = [
        (money, float(gain.params[i]), float(gain.tokens[i]), float(gain.flops[i]), factor, after[i])
        for i, money in budgets.items()
    ]
    table = Finding(
        "What one more run would bring",
        ("budget_flops", "params", "tokens", "flops", "interval_factor", "factor_after"),
        tuple(rows),
        "interval factor: upper over lower end of the smallest size's interval, now and after the run. The run is "
        "chosen by the linear update of the refits; the interval after it is that of a refit to its simulated loss.",
    )
    return proposal(what, float(gain.flops[best]), 1, promise, None), [table]
