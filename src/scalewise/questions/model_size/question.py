"""Which size for this much compute: the optimum, and the smallest size that is as good within a tolerance."""

from typing import Annotated

import numpy as np

from scalewise.checks import Evidence, cautions
from scalewise.errors import QuestionError
from scalewise.laws import CHINCHILLA, Estimate, fit_law
from scalewise.laws.fit import EDGE_SHARE, estimate
from scalewise.questions import wording
from scalewise.questions.answer import Answer, Finding, judge
from scalewise.questions.model_size import charts, findings, robustness
from scalewise.questions.model_size.allocation import TokenCost
from scalewise.questions.model_size.choice import Case, Choice, Tolerance, exponential
from scalewise.questions.model_size.isoflop import isoflop_optima
from scalewise.questions.observations import Points, SurfacePoints, at_most, observed, surface_points
from scalewise.questions.option import GROUP, RESAMPLES, SEED, Option
from scalewise.questions.repeat import repeat
from scalewise.runs.table import Runs, listed
from scalewise.runs.validate import LARGEST

FEWEST_RUNS = 7
LEAST_FLOPS = 1e6
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
    resamples: Annotated[int, RESAMPLES] = 1000,
    seed: Annotated[int, SEED] = 0,
) -> Answer:
    """The compute-optimal size at `flops` (default: the largest observed) and the smallest within the tolerance.

    `tolerance` is relative to the optimum's loss (0.005 unless given), `tolerance_nats` absolute; give one of them.
    `serve_tokens` is how many tokens will be served; `group` is whose law is fitted, where the table has several.
    Rests on Chinchilla's law, bootstrapped by run; isoFLOP optima are shown beside it where the runs form budgets.
    Raises QuestionError when no such law can be fitted.
    """
    runs.require("params", "loss", purpose="model-size")
    allowed = Tolerance.of(tolerance, tolerance_nats)
    for name, value, least in (("flops", flops, LEAST_FLOPS), ("serve-tokens", serve_tokens, 1.0)):
        if value is not None and not least <= value <= LARGEST:
            raise QuestionError(f"--{name} {value:g}: must be a number from {least:g} to {LARGEST:g}.")
    runs = _one_group(runs, group)
    rows, notes = at_most(*observed(runs, points), seed)
    case, choice = _fitted(surface_points(rows, runs.source), runs.source, flops, allowed, resamples, seed)
    fit = case.fit
    probability = _probability(case, choice)
    isoflop = isoflop_optima(case.data)
    backtest = robustness.backtest(case, resamples, seed)
    evidence = Evidence(runs, rows, "flops", case.flops, case.seen, (fit,), by_law=True, backtest=_counts(backtest))
    target = wording.flops(case.flops)
    return Answer(
        question="model-size",
        claim=f"at {target} flops, half the compute-optimal size is within {allowed} of the best loss",
        verdict=judge(probability),
        probability=probability,
        sentence=_sentence(case, choice, serve_tokens),
        findings=(
            findings.sizes(case, choice, serve_tokens),
            findings.by_tolerance(case, choice),
            findings.path(case),
            findings.exponents(fit, isoflop),
            findings.parameters(fit),
            robustness.sensitivity(case, resamples, seed),
            *robustness.outliers(case, rows["run"].to_list()),
            *([backtest] if backtest else []),
        ),
        charts=(charts.valley(case, choice), charts.path(case, isoflop)),
        assumptions=_assumptions(case, serve_tokens, backtest is not None),
        warnings=cautions(evidence),
        next_run=_next_run(case, choice),
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
                "points": points if points != "ended" else None,
                "group": group,
            },
        ),
    )


def _fitted(
    data: SurfacePoints, source: str, flops: float | None, allowed: Tolerance, resamples: int, seed: int
) -> tuple[Case, Choice]:
    """The law and what it chooses. Raises QuestionError when these runs show no trade-off between size and data."""
    fit = fit_law(CHINCHILLA, data.inputs, data.loss, data.clusters, resamples, seed=seed)
    if not fit.ok:
        raise QuestionError(f"{source}: no law of size and data can be fitted: {fit.problem}.")
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


def _one_group(runs: Runs, group: str | None) -> Runs:
    """The runs of one group: architectures and methods have laws of their own."""
    groups = sorted(runs.table["group"].unique())
    if group is None and len(groups) > 1:
        raise QuestionError(
            f"{runs.source}: the groups {listed(groups)} need a law each; choose one with --group '{groups[0]}'."
        )
    return runs.of_group(group)


def _probability(case: Case, choice: Choice) -> float | None:
    """Share of refits in which half the optimum will do; None where too many refits have no optimum at all.

    Refits of one law say nothing about the law itself, so far beyond the data there is no probability either.
    """
    if case.flops > REACHABLE * case.seen or choice.share_at_edge > EDGE_SHARE:
        return None
    return float(np.mean(choice.smallest[1:] - choice.optimum[1:] <= np.log(0.5)))


def _counts(backtest: Finding | None) -> tuple[int, int] | None:
    """How many losses of the backtest were inside their intervals, of how many."""
    if backtest is None:
        return None
    *_, inside, predicted = backtest.rows[0]
    return int(str(inside)), int(str(predicted))


def _sentence(case: Case, choice: Choice, serve_tokens: float | None) -> str:
    best, small = exponential(choice.optimum), exponential(choice.smallest)
    share = exponential(choice.smallest - choice.optimum)
    longer = exponential(choice.longer(choice.smallest))
    text = (
        f"At {wording.flops(case.flops)} flops the best size is {_interval(best)} params; {_interval(small)} params, "
        f"{share.value:.2f} [{share.low:.2f}, {share.high:.2f}] of it, stay within {case.tolerance} of its loss. For "
        f"the same compute the smaller model trains on {wording.times(longer.value)} [{wording.times(longer.low)}, "
        f"{wording.times(longer.high)}] the tokens"
    )
    if serve_tokens:
        served = [np.exp(choice.log_serving_flops(logs, serve_tokens)) for logs in (choice.optimum, choice.smallest)]
        saved = estimate(float(served[0][0] - served[1][0]), served[0][1:] - served[1][1:])
        low, high, tokens = wording.flops(saved.low), wording.flops(saved.high), wording.count(serve_tokens)
        text += f" and saves {wording.flops(saved.value)} [{low}, {high}] flops when {tokens} tokens are served"
    return text + "."


def _interval(e: Estimate) -> str:
    return f"{wording.count(e.value)} [{wording.count(e.low)}, {wording.count(e.high)}]"


def _assumptions(case: Case, serve_tokens: float | None, backtested: bool) -> tuple[str, ...]:
    family = case.fit.family
    lines = [
        f"loss = {family.formula} at every size and length, with N params and D tokens ({family.source})",
        "every run ends its own schedule and is tuned alike",
        "compute is 6 x params x tokens"
        if case.cost.is_six_nd
        else "operations per token follow a smooth curve through the observed ratios to 6 x params",
    ]
    if case.flops > case.seen:
        lines.append("intervals hold resampling of the runs, not the doubt whether the law's form goes on that far")
    if case.flops > REACHABLE * case.seen:
        lines.append(
            f"no probability is given beyond {REACHABLE:g} times the observed compute: it would be the law's own"
        )
    if not backtested:
        lines.append("no backtest is possible with so few runs: the intervals are not calibrated")
    if serve_tokens:
        lines.append("serving a token takes a third of the operations of training on it")
    return tuple(lines)


def _next_run(case: Case, choice: Choice) -> str:
    """The run that tests the answer: the small model itself, where that is within reach."""
    if case.flops > REACHABLE * case.seen:
        reach = wording.flops(REACHABLE * case.seen)
        return f"runs at {reach} flops, ten times what was observed, before trusting an answer this far out."
    size, tokens = np.exp(choice.smallest[0]), np.exp(choice.budget.log_tokens(choice.smallest)[0])
    return (
        f"{wording.count(size)} params on {wording.count(tokens)} tokens ({wording.flops(case.flops)} flops): it tests "
        "directly whether the small model stays within the tolerance."
    )
