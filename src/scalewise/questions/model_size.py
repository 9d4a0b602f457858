"""Which size for this much compute: the optimum, and the smallest size that is as good within a tolerance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalewise.checks import Evidence, cautions
from scalewise.checks.law_trust import FAR_OUT
from scalewise.errors import QuestionError
from scalewise.laws import CHINCHILLA, Estimate, Fit, fit_law
from scalewise.laws.fit import estimate
from scalewise.questions import wording
from scalewise.questions.allocation import Budget, TokenCost
from scalewise.questions.answer import Answer, Cell, Chart, Finding, Row, judge
from scalewise.questions.isoflop import IsoflopOptima, isoflop_optima
from scalewise.questions.observations import Points, SurfacePoints, observed, surface_points
from scalewise.questions.repeat import repeat
from scalewise.runs.table import Runs

Floats = NDArray[np.float64]

TOLERANCES = (0.002, 0.005, 0.01, 0.02)
"""Shown beside the tolerance asked for, so that its choice can be weighed."""
HALF = np.log(0.5)
HELD_OUT_SHARE = 0.25
"""The backtest predicts the quarter of the runs with the most compute from the rest."""


@dataclass(frozen=True)
class Choice:
    """What the law says at one budget: log sizes of the optimum and of the smallest within tolerance, per refit."""

    budget: Budget
    optimum: Floats
    smallest: Floats

    def size(self, logs: Floats) -> Estimate:
        return estimate(float(np.exp(logs[0])), np.exp(logs[1:]))

    def tokens(self, logs: Floats) -> Estimate:
        return self.size(self.budget.log_tokens(logs))

    def loss(self, logs: Floats) -> Estimate:
        losses = self.budget.loss(logs[:, None])[:, 0]
        return estimate(float(losses[0]), losses[1:])


def model_size(
    runs: Runs,
    flops: float | None = None,
    tolerance: float = 0.005,
    tolerance_nats: float | None = None,
    serve_tokens: float | None = None,
    points: Points = "ended",
    resamples: int = 1000,
    seed: int = 0,
) -> Answer:
    """The compute-optimal size at `flops` (default: the largest observed) and the smallest within the tolerance.

    `tolerance` is relative to the optimum's loss, `tolerance_nats` absolute and taken instead of it. `serve_tokens` is
    how many tokens will be served. Rests on Chinchilla's law, bootstrapped by run; isoFLOP optima are shown beside it
    where the runs form budgets. Raises QuestionError when no such law can be fitted.
    """
    runs.require("loss", purpose="model-size")
    relative, nats = _tolerance(tolerance, tolerance_nats)
    rows, notes = observed(runs, points)
    data = surface_points(rows, runs.source)
    seen = float(data.flops.max())
    target = seen if flops is None else flops
    if not (np.isfinite(target) and target > 0):
        raise QuestionError(f"--flops {target:g}: the compute must be a positive number of operations.")
    fit = fit_law(CHINCHILLA, data.inputs, data.loss, data.clusters, resamples, seed=seed)
    if not fit.ok:
        raise QuestionError(f"{runs.source}: no law of size and data can be fitted: {fit.problem}.")
    cost = TokenCost.of(data.params, data.tokens, data.flops)
    choice = _choose(fit, cost, target, relative, nats)
    ratio = choice.smallest - choice.optimum
    probability = float(np.mean(ratio[1:] <= HALF))
    isoflop = isoflop_optima(data, seed)
    backtest = _backtest(data, resamples, seed)
    tolerance_text = wording.share(relative) if nats == 0 else f"{nats:g} nats"
    findings = [
        _sizes(choice, tolerance_text, serve_tokens),
        _tolerances(choice),
        _path(fit, cost, target, seen, data, relative, nats),
        _exponents(fit, isoflop),
        _parameters(fit),
        *_sensitivity(fit, data, cost, target, relative, nats, resamples, seed),
        *backtest,
    ]
    coverage = float(str(backtest[0].rows[0][-1])) if backtest else None
    evidence = Evidence(runs, rows, "flops", target, seen, (fit,), by_law=True, coverage=coverage)
    return Answer(
        question="model-size",
        claim=f"at {wording.flops(target)} flops, half the compute-optimal size is within {tolerance_text} of the best loss",
        verdict=judge(probability),
        probability=probability,
        sentence=_sentence(choice, target, tolerance_text, serve_tokens),
        findings=tuple(findings),
        charts=(_valley_chart(choice, target, relative, nats), _path_chart(fit, cost, data, target, isoflop)),
        assumptions=_assumptions(fit, cost, seen, target, serve_tokens, bool(backtest)),
        warnings=cautions(evidence),
        next_run=_next_run(choice, target, seen),
        reading=(*runs.reading, *notes),
        repeat=repeat(
            "model-size",
            runs,
            seed,
            {
                "flops": flops,
                "tolerance": None if tolerance_nats is not None else tolerance,
                "tolerance_nats": tolerance_nats,
                "serve_tokens": serve_tokens,
                "points": None if points == "ended" else points,
            },
        ),
    )


def _tolerance(relative: float, nats: float | None) -> tuple[float, float]:
    if nats is not None:
        if not (np.isfinite(nats) and nats > 0):
            raise QuestionError(f"--tolerance-nats {nats:g}: must be greater than 0.")
        return 0.0, nats
    if not 0 < relative < 0.2:
        hint = f"; for {relative:g} % write {relative / 100:g}" if relative < 20 else ""
        raise QuestionError(
            f"--tolerance {relative:g}: a fraction of the loss between 0 and 0.2 is meant, 0.005 is half a per cent{hint}."
        )
    return relative, 0.0


def _choose(fit: Fit, cost: TokenCost, flops: float, relative: float, nats: float) -> Choice:
    budget = Budget(fit, cost, flops)
    optimum = budget.optimum()
    return Choice(budget, optimum, budget.smallest_within(optimum, relative, nats))


def _sentence(choice: Choice, flops: float, tolerance: str, serve_tokens: float | None) -> str:
    best, small = choice.size(choice.optimum), choice.size(choice.smallest)
    share = choice.size(choice.smallest - choice.optimum)
    longer = np.exp(choice.budget.log_tokens(choice.smallest)[0] - choice.budget.log_tokens(choice.optimum)[0])
    text = (
        f"At {wording.flops(flops)} flops the best size is {_interval(best)} params, and {_interval(small)} params, "
        f"{share.value:.2f} [{share.low:.2f}, {share.high:.2f}] of it, stay within {tolerance} of its loss; "
        f"the smaller model trains on {wording.times(float(longer))} the tokens for the same compute"
    )
    if serve_tokens:
        saved = 2.0 * (best.value - small.value) * serve_tokens
        text += f" and saves {wording.flops(saved)} flops when {wording.count(serve_tokens)} tokens are served"
    return text + "."


def _interval(e: Estimate) -> str:
    return f"{wording.count(e.value)} [{wording.count(e.low)}, {wording.count(e.high)}]"


def _triple(e: Estimate) -> tuple[float, float, float]:
    return e.value, e.low, e.high


def _sizes(choice: Choice, tolerance: str, serve_tokens: float | None) -> Finding:
    """Optimum and smallest, side by side."""
    rows: list[tuple[Cell, ...]] = []
    for name, logs in (("compute-optimal", choice.optimum), (f"smallest within {tolerance}", choice.smallest)):
        tokens, loss = choice.tokens(logs), choice.loss(logs)
        per_param = choice.size(choice.budget.log_tokens(logs) - logs)
        row = [name, *_triple(choice.size(logs)), *_triple(tokens), *_triple(per_param), *_triple(loss)]
        if serve_tokens:
            row.append(2.0 * float(np.exp(logs[0])) * serve_tokens)
        rows.append(tuple(row))
    columns = ["choice"]
    for name in ("params", "tokens", "tokens_per_param", "loss"):
        columns += [name, f"{name}_low", f"{name}_high"]
    if serve_tokens:
        columns.append("serving_flops")
    note = "serving takes 2 operations per parameter and token." if serve_tokens else ""
    return Finding("The optimum, and the smallest size that will do", tuple(columns), tuple(rows), note)


def _tolerances(choice: Choice) -> Finding:
    rows = []
    for tolerance in TOLERANCES:
        small = choice.budget.smallest_within(choice.optimum, tolerance)
        log_ratio = small - choice.optimum
        longer = choice.budget.log_tokens(small) - choice.budget.log_tokens(choice.optimum)
        rows.append(
            (tolerance, *_triple(choice.size(small)), *_triple(choice.size(log_ratio)), *_triple(choice.size(longer)))
        )
    return Finding(
        "Smallest size by tolerance",
        (
            "tolerance",
            "params",
            "params_low",
            "params_high",
            "share_of_optimum",
            "share_of_optimum_low",
            "share_of_optimum_high",
            "times_tokens",
            "times_tokens_low",
            "times_tokens_high",
        ),
        tuple(rows),
        "the share of the optimum is better known than the optimum itself, because both move together.",
    )


def _path_flops(data: SurfacePoints, target: float) -> Floats:
    low = float(np.quantile(data.flops, 0.1))
    return np.geomspace(min(low, target), max(float(data.flops.max()), target), 7)


def _path(
    fit: Fit, cost: TokenCost, target: float, seen: float, data: SurfacePoints, relative: float, nats: float
) -> Finding:
    rows = []
    for flops in _path_flops(data, target):
        choice = _choose(fit, cost, float(flops), relative, nats)
        rows.append(
            (
                float(flops),
                *_triple(choice.size(choice.optimum)),
                *_triple(choice.tokens(choice.optimum)),
                float(np.exp(choice.smallest[0])),
                "observed" if flops <= seen * 1.0001 else "extrapolated",
            )
        )
    return Finding(
        "The optimum as compute grows",
        (
            "flops",
            "params",
            "params_low",
            "params_high",
            "tokens",
            "tokens_low",
            "tokens_high",
            "smallest_params",
            "range",
        ),
        tuple(rows),
    )


def _exponents(fit: Fit, isoflop: tuple[IsoflopOptima, ...]) -> Finding:
    parameters = fit.bound.natural(fit.best_and_draws) if fit.bound else {}
    share = parameters["beta"] / (parameters["alpha"] + parameters["beta"])
    value = estimate(float(share[0]), share[1:])
    rows: list[tuple[Cell, ...]] = [
        ("surface: beta / (alpha + beta)", *_triple(value), float(10**value.value), fit.points, "runs")
    ]
    for optima in isoflop:
        if optima.line is not None:
            e = optima.line.exponent
            rows.append(
                (f"isoFLOP: {optima.method} per budget", *_triple(e), float(10**e.value), len(optima.flops), "budgets")
            )
    return Finding(
        "Exponent of the optimal size with compute",
        ("method", "exponent", "exponent_low", "exponent_high", "size_for_10x_compute", "from", "of"),
        tuple(rows),
        "N_opt grows as C^exponent; the surface's exponent is for compute counted as 6ND.",
    )


def _parameters(fit: Fit) -> Finding:
    rows = tuple((name, *_triple(e)) for name, e in fit.parameters().items())
    return Finding(
        f"Parameters of {fit.family.formula}",
        ("parameter", "value", "value_low", "value_high"),
        rows,
        f"{fit.family.source}; Huber loss of log residuals (delta 0.001), objective {fit.objective:.10g}, "
        f"{fit.agreeing:.0%} of 64 random starts agree, {len(fit.draws):,} refits over {fit.clusters:,} clusters"
        + (f", on a random 20,000 of {fit.points:,} points." if fit.sampled else "."),
    )


def _sensitivity(
    fit: Fit,
    data: SurfacePoints,
    cost: TokenCost,
    target: float,
    relative: float,
    nats: float,
    resamples: int,
    seed: int,
) -> list[Finding]:
    """The same answer under other choices of the analyst: the loss of the fit, and the outliers."""
    variants = [
        ("as answered (Huber)", fit),
        ("least squares", fit_law(CHINCHILLA, data.inputs, data.loss, data.clusters, resamples, "least squares", seed)),
    ]
    if not fit.sampled:
        inside = np.abs(fit.residuals) <= FAR_OUT * fit.noise
        if not inside.all():
            trimmed = data.subset(inside)
            variants.append(
                (
                    f"without {int((~inside).sum())} outliers",
                    fit_law(CHINCHILLA, trimmed.inputs, trimmed.loss, trimmed.clusters, resamples, seed=seed),
                )
            )
    rows: list[tuple[Cell, ...]] = []
    for name, variant in variants:
        if variant.ok:
            choice = _choose(variant, cost, target, relative, nats)
            parameters = variant.parameters()
            rows.append(
                (
                    name,
                    *_triple(choice.size(choice.optimum)),
                    float(np.exp(choice.smallest[0])),
                    *(parameters[p].value for p in ("E", "A", "alpha", "B", "beta")),
                    variant.points,
                )
            )
    return [
        Finding(
            "How much the answer depends on the fit",
            ("fit", "params", "params_low", "params_high", "smallest_params", "E", "A", "alpha", "B", "beta", "points"),
            tuple(rows),
        )
    ]


def _backtest(data: SurfacePoints, resamples: int, seed: int) -> list[Finding]:
    """Fit the runs with less compute, predict those with the most: are the intervals as wide as they should be?"""
    cut = float(np.quantile(data.flops, 1 - HELD_OUT_SHARE))
    early = data.flops < cut * 0.98
    fit = fit_law(
        CHINCHILLA,
        data.subset(early).inputs,
        data.subset(early).loss,
        data.subset(early).clusters,
        resamples,
        seed=seed,
    )
    if not fit.ok or early.all():
        return []
    late = data.subset(~early)
    if late.loss.size > 2000:
        late = late.subset(np.arange(late.loss.size) % (late.loss.size // 1000) == 0)
    predicted = fit.predict(late.inputs, 0.95, new_run=True, seed=seed)
    inside = np.array([p.low <= loss <= p.high for p, loss in zip(predicted, late.loss, strict=True)])
    error = np.log([p.value for p in predicted]) - np.log(late.loss)
    return [
        Finding(
            "Backtest: the quarter with the most compute predicted from the rest",
            ("runs_predicted", "compute_factor", "rms_error", "bias", "inside_95"),
            (
                (
                    int(late.loss.size),
                    float(data.flops.max() / data.flops[early].max()),
                    float(np.sqrt(np.mean(error**2))),
                    float(error.mean()),
                    float(inside.mean()),
                ),
            ),
            "errors are relative to the loss; inside_95 is the share of losses inside their 95 % prediction interval.",
        )
    ]


def _assumptions(
    fit: Fit, cost: TokenCost, seen: float, target: float, serve_tokens: float | None, backtested: bool
) -> tuple[str, ...]:
    lines = [
        f"loss = {fit.family.formula} at every size and length, with N params and D tokens ({fit.family.source})",
        "every run ends its own schedule and is tuned alike",
        "compute is 6 x params x tokens"
        if cost.is_six_nd
        else "operations per token between and beyond the observed sizes follow the observed ratio to 6 x params",
    ]
    if target > seen * 1.05:
        lines.append("intervals hold resampling of the runs, not the doubt whether the law's form goes on that far")
    if not backtested:
        lines.append("no backtest is possible with so few runs: the intervals are not calibrated")
    if serve_tokens:
        lines.append("serving takes 2 operations per parameter and token")
    return tuple(lines)


def _next_run(choice: Choice, target: float, seen: float) -> str:
    """The run that tests the answer: the small model itself, where that is within reach."""
    flops = target if target <= 10 * seen else seen
    size, tokens = np.exp(choice.smallest[0]), np.exp(choice.budget.log_tokens(choice.smallest)[0])
    if flops == target:
        return (
            f"{wording.count(float(size))} params on {wording.count(float(tokens))} tokens ({wording.flops(flops)} flops): it tests "
            "directly whether the small model stays within the tolerance."
        )
    return f"runs at {wording.flops(10 * seen)} flops, ten times what was observed, before trusting an answer this far out."


def _valley_chart(choice: Choice, target: float, relative: float, nats: float) -> Chart:
    best, small = choice.optimum[0], choice.smallest[0]
    reach = max(np.log(4.0), 1.6 * (best - small))
    grid = np.linspace(best - reach, best + reach, 81)
    losses = choice.budget.loss(np.broadcast_to(grid, (choice.optimum.size, grid.size)))
    low, high = np.percentile(losses[1:], [2.5, 97.5], axis=0) if losses.shape[0] > 1 else (losses[0], losses[0])
    curve: list[Row] = [
        {"params": float(np.exp(n)), "loss": float(losses[0, i]), "low": float(low[i]), "high": float(high[i])}
        for i, n in enumerate(grid)
    ]
    lowest = choice.loss(choice.optimum).value
    marks: list[Row] = [
        {"params": float(np.exp(best)), "loss": lowest, "label": "compute-optimal"},
        {
            "params": float(np.exp(small)),
            "loss": choice.loss(choice.smallest).value,
            "label": "smallest within tolerance",
        },
    ]
    return Chart(
        "size_valley",
        f"Loss against size at {wording.flops(target)} flops",
        f"Expected loss of every size that spends {wording.flops(target)} flops, with its 95 % band, on a linear and on a log axis. "
        f"The valley is flat: from {wording.count(float(np.exp(small)))} to {wording.count(float(np.exp(best)))} params it rises by no "
        "more than the tolerance.",
        {"curve": curve, "marks": marks, "allowed": [{"loss": lowest * (1 + relative) + nats}]},
    )


def _path_chart(
    fit: Fit, cost: TokenCost, data: SurfacePoints, target: float, isoflop: tuple[IsoflopOptima, ...]
) -> Chart:
    path: list[Row] = []
    for flops in np.geomspace(_path_flops(data, target)[0], _path_flops(data, target)[-1], 25):
        budget = Budget(fit, cost, float(flops))
        logs = budget.optimum()
        e = estimate(float(np.exp(logs[0])), np.exp(logs[1:]))
        path.append({"flops": float(flops), "params": e.value, "low": e.low, "high": e.high})
    dots: list[Row] = [
        {"flops": float(c), "params": float(n), "method": f"isoFLOP, {optima.method}"}
        for optima in isoflop
        for c, n in zip(optima.flops, optima.params, strict=True)
    ]
    told = "Compute-optimal size against compute under the fitted law, with its 95 % band"
    told += ", and the lowest point of each isoFLOP budget." if dots else "."
    return Chart(
        "optimum_path",
        "Optimal size as compute grows",
        told,
        {"path": path, "optima": dots, "target": [{"flops": target}]},
    )
