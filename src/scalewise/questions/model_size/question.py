"""Which size for this much compute: the optimum, and the smallest size that is as good within a tolerance."""

from typing import Annotated

import numpy as np

from scalewise.checks import Evidence, cautions
from scalewise.errors import QuestionError
from scalewise.laws import CHINCHILLA, fit_law
from scalewise.laws.fit import EDGE_SHARE
from scalewise.questions import wording
from scalewise.questions.answer import Answer, judge
from scalewise.questions.model_size import backtest, charts, exponents, findings, losses, robustness, sentences
from scalewise.questions.model_size.allocation import TokenCost
from scalewise.questions.model_size.bend import bend
from scalewise.questions.model_size.bias import bias
from scalewise.questions.model_size.box import box
from scalewise.questions.model_size.choice import Case, Choice, Tolerance
from scalewise.questions.model_size.depends import depends
from scalewise.questions.model_size.isoflop import isoflop_optima
from scalewise.questions.model_size.lifetime import lifetime
from scalewise.questions.model_size.methods import Together, by_method
from scalewise.questions.model_size.next_run import next_run
from scalewise.questions.observations import Points, SurfacePoints, at_most, observed, surface_points
from scalewise.questions.option import BUDGET, GROUP, RESAMPLES, SEED, Option
from scalewise.questions.repeat import repeat
from scalewise.runs.table import Runs
from scalewise.runs.validate import LARGEST

FEWEST_RUNS = 7
LEAST_FLOPS = 1e6
MOST_POINTS = 2500
"""A law of size and data is long settled by then; a random sample is used where there are more."""
REACHABLE = 10.0
"""How many times beyond the largest run the law is trusted with a verdict, and a next run may cost."""


def model_size(
    runs: Runs,
    flops: Annotated[float | None, Option("Training compute to spend. Default: the largest observed.")] = None,
    tolerance: Annotated[
        float | None, Option("Loss above the optimum that will do, as a fraction of it. Default: 0.005.")
    ] = None,
    tolerance_nats: Annotated[float | None, Option("The same in nats per token, instead.")] = None,
    serve_tokens: Annotated[
        float | None, Option("Tokens that will be served, to see what a smaller model saves.")
    ] = None,
    points: Annotated[Points, Option("One point per run at its end, or every logged point.")] = "ended",
    group: Annotated[str | None, GROUP] = None,
    budget: Annotated[float | None, BUDGET] = None,
    resamples: Annotated[int, RESAMPLES] = 1000,
    seed: Annotated[int, SEED] = 0,
) -> Answer:
    """The compute-optimal size at `flops` (default: the largest observed) and the smallest within the tolerance.

    `tolerance` is relative to the optimum's loss (0.005 unless given), `tolerance_nats` absolute; give one of them.
    `serve_tokens` is how many tokens will be served; `group` is whose law is fitted, where the table has several (by
    default that of the lowest loss); `budget` is what a next run may cost, in flops. Rests on Chinchilla's law,
    bootstrapped by run; laws averaged and isoFLOP optima are shown beside it, and rule out a probability where they
    contradict it.
    Raises QuestionError when no such law can be fitted.
    """
    runs.require("params", "loss", purpose="model-size")
    allowed = Tolerance.of(tolerance, tolerance_nats)
    for name, value, least in (("flops", flops, LEAST_FLOPS), ("serve-tokens", serve_tokens, 1.0)):
        if value is not None and not least <= value <= LARGEST:
            raise QuestionError(f"--{name} {value:g}: must be a number from {least:g} to {LARGEST:g}.")
    everything, chosen = runs, group or _best_group(runs)
    runs = runs.of_group(chosen)
    rows, notes = at_most(*observed(runs, points), seed, MOST_POINTS)
    curves = points == "ended" and runs.has_curves
    case, choice = _fitted(surface_points(rows, runs.source), runs.source, curves, flops, allowed, resamples, seed)
    fit = case.fit
    isoflop = isoflop_optima(case.data)
    average = losses.averaged(case.data, seed)
    methods, together = by_method(case, choice, average, isoflop)
    probability = _probability(case, choice, together)
    exponent = exponents.by_name(fit, isoflop)
    tested = backtest.backtest(case, resamples, seed)
    proposal, further = next_run(case, choice, budget, REACHABLE * case.seen, resamples, seed)
    evidence = Evidence(
        runs,
        rows,
        "flops",
        case.flops,
        case.seen,
        (fit,),
        by_law=True,
        backtest=backtest.counts(tested),
        exponents=tuple((name, e) for name, (e, _) in exponent.items()),
    )
    target = wording.flops(case.flops)
    return Answer(
        question="model-size",
        claim=f"at {target} flops, half the compute-optimal size is within {allowed} of the best loss",
        verdict=judge(probability),
        probability=probability,
        sentence=sentences.answered(case, choice, serve_tokens, together, chosen if chosen != group else None),
        findings=(
            findings.sizes(case, choice, serve_tokens),
            methods,
            findings.by_tolerance(case, choice),
            box(case, choice),
            *lifetime(case, choice, serve_tokens),
            *losses.expected_losses(case, choice, average),
            findings.path(case),
            exponents.exponents(exponent),
            *depends(everything, runs, rows, points, resamples, seed),
            *bend(isoflop, resamples, seed),
            *bias(case),
            findings.parameters(fit),
            robustness.sensitivity(case, resamples, seed),
            *robustness.outliers(case, rows["run"].to_list()),
            *([tested] if tested else []),
            *further,
        ),
        charts=(charts.valley(case, choice), charts.path(case, isoflop), charts.by_method(case, methods)),
        assumptions=sentences.assumptions(case, tested is not None, REACHABLE),
        warnings=cautions(evidence),
        next_run=proposal,
        reading=(*runs.reading, *notes),
        repeat=repeat(
            "model-size",
            runs,
            seed,
            {
                "flops": flops,
                "tolerance": tolerance,
                "tolerance_nats": tolerance_nats,
                "serve_tokens": serve_tokens,
                "points": points,
                "group": group,
                "budget": budget,
                "resamples": resamples,
            },
        ),
    )


def _fitted(
    data: SurfacePoints,
    source: str,
    curves: bool,
    flops: float | None,
    allowed: Tolerance,
    resamples: int,
    seed: int,
) -> tuple[Case, Choice]:
    """The law and what it chooses. Raises QuestionError when these runs show no trade-off between size and data."""
    fit = fit_law(CHINCHILLA, data.inputs, data.loss, data.clusters, resamples, seed=seed)
    if not fit.ok:
        hint = "; the runs have curves, which --points all uses" if curves else ""
        raise QuestionError(f"{source}: no law of size and data can be fitted: {fit.problem}{hint}.")
    if fit.clusters < FEWEST_RUNS:
        raise QuestionError(
            f"{source}: only {fit.clusters} runs differ in size or length; a law of {len(fit.parameters())} parameters "
            f"with an interval needs at least {FEWEST_RUNS}."
        )
    cost = TokenCost.of(data.params, data.tokens, data.flops)
    case = Case(fit, cost, data, flops or float(data.flops.max()), allowed)
    choice = case.choose()
    if choice.at_edge:
        raise QuestionError(
            f"{source}: under the law that fits, the loss at {wording.flops(case.flops)} flops has no lowest point "
            "between one parameter and one token; these runs do not show how size trades with data."
        )
    return case, choice


def _best_group(runs: Runs) -> str | None:
    """Architectures and methods have laws of their own: where there are several, the group of the lowest loss."""
    ended = runs.trained.drop_nulls("loss")
    return ended.sort("loss", "group")["group"][0] if ended["group"].n_unique() > 1 else None


def _probability(case: Case, choice: Choice, together: Together | None) -> float | None:
    """Share of refits in which half the optimum will do; None where too many refits have no optimum at all, or the
    other methods rule this law's optimum out.

    Refits of one law say nothing about the law itself, so far beyond the data there is no probability either.
    """
    if case.flops > REACHABLE * case.seen or choice.share_at_edge > EDGE_SHARE or (together and not together.agree):
        return None
    return float(np.mean(choice.smallest[1:] - choice.optimum[1:] <= np.log(0.5)))
