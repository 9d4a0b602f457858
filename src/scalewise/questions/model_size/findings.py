"""The tables of a model-size answer."""

import numpy as np
from numpy.typing import NDArray

from scalewise.laws import Estimate, Fit
from scalewise.laws.fit import STARTS
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.model_size.choice import Case, Choice, exponential, triple

Floats = NDArray[np.float64]

TOLERANCES = (0.002, 0.005, 0.01, 0.02)
"""Shown beside the tolerance asked for, so that its choice can be weighed."""
PATH_POINTS = 7


def sizes(case: Case, choice: Choice, serve_tokens: float | None) -> Finding:
    """Optimum and smallest, side by side."""
    rows: list[tuple[Cell, ...]] = []
    for name, logs in (("compute-optimal", choice.optimum), (f"smallest within {case.tolerance}", choice.smallest)):
        per_param = exponential(choice.budget.log_tokens(logs) - logs)
        estimates: tuple[Estimate, ...] = (exponential(logs), choice.tokens(logs), per_param, choice.loss(logs))
        if serve_tokens:
            estimates = (*estimates, exponential(choice.log_serving_flops(logs, serve_tokens)))
        rows.append((name, *(number for e in estimates for number in triple(e))))
    columns = ("choice", *with_interval("params", "tokens", "tokens_per_param", "loss"))
    return Finding(
        "The optimum, and the smallest size that will do",
        (*columns, *with_interval("serving_flops")) if serve_tokens else columns,
        tuple(rows),
        "serving a token takes a third of the operations of training on it." if serve_tokens else "",
    )


def by_tolerance(case: Case, choice: Choice) -> Finding:
    rows = []
    for tolerance in sorted({*TOLERANCES, case.tolerance.relative} - {0.0}):
        small = choice.budget.smallest_within(choice.optimum, tolerance)
        share, longer = exponential(small - choice.optimum), exponential(choice.longer(small))
        rows.append((tolerance, *triple(exponential(small)), *triple(share), *triple(longer)))
    return Finding(
        "Smallest size by tolerance",
        ("tolerance", *with_interval("params", "share_of_optimum", "times_tokens")),
        tuple(rows),
        "the share of the optimum is often better known than the optimum itself, because both move together.",
    )


def path_flops(case: Case, count: int) -> Floats:
    """From the tenth percentile of the runs' compute to the largest seen or asked about."""
    low = float(np.quantile(case.data.flops, 0.1))
    return np.geomspace(min(low, case.flops), max(case.seen, case.flops), count)


def path(case: Case) -> Finding:
    rows = []
    for flops in path_flops(case, PATH_POINTS):
        choice = case.choose(float(flops))
        where = "observed" if flops <= case.seen * 1.0001 else "extrapolated"
        optimum = exponential(choice.optimum)
        tokens = choice.tokens(choice.optimum)
        rows.append((float(flops), *triple(optimum), *triple(tokens), float(np.exp(choice.smallest[0])), where))
    return Finding(
        "The optimum as compute grows",
        ("flops", *with_interval("params", "tokens"), "smallest_params", "range"),
        tuple(rows),
    )


def parameters(fit: Fit) -> Finding:
    return Finding(
        f"Parameters of {fit.family.formula}",
        ("parameter", *with_interval("value")),
        tuple((name, *triple(e)) for name, e in fit.parameters().items()),
        f"{fit.family.source}; {fit.residual.description}, objective {fit.objective:.10g}; "
        f"{fit.agreeing:.0%} of {STARTS} random starts agree; {len(fit.draws):,} refits over {fit.clusters:,} "
        f"clusters; {fit.unconverged:,} refits did not converge.",
    )
