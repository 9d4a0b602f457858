"""The loss that a new run is expected to have: laws averaged, and an interval as wide as backtests ask for."""

import numpy as np

from scalewise.laws.extrapolate_surface import AveragedSurface, extrapolate_surface
from scalewise.laws.fit import estimate
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.model_size.choice import Case, Choice, triple
from scalewise.questions.observations import SurfacePoints


def averaged(data: SurfacePoints, seed: int) -> AveragedSurface | None:
    """None where there are too few runs or sizes."""
    try:
        return extrapolate_surface(data.params, data.tokens, data.loss, seed=seed)
    except ValueError:
        return None


def expected_losses(case: Case, choice: Choice, average: AveragedSurface | None) -> list[Finding]:
    """At the optimum and at the smallest size within the tolerance."""
    if average is None:
        return []
    names = ("compute-optimal", f"smallest within {case.tolerance}")
    logs = [(float(n[0]), float(choice.budget.log_tokens(n)[0])) for n in (choice.optimum, choice.smallest)]
    runs = np.exp(np.array(logs))
    forecast = average.forecast(runs)
    low, high = forecast.interval(0.95)
    alone = case.fit.curves(runs)
    rows: list[tuple[Cell, ...]] = []
    for i, name in enumerate(names):
        own = estimate(float(alone[0, i]), alone[1:, i])
        numbers = (float(forecast.median[i]), float(low[i]), float(high[i]), *triple(own))
        rows.append((name, float(runs[i, 0]), float(runs[i, 1]), *numbers))
    shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in forecast.weights.items())
    tested = (
        "as wide as backtests ask for"
        if forecast.backtest
        else "as wide as other runs usually need: these are too few for a backtest"
    )
    return [
        Finding(
            "Loss of a new run",
            ("choice", "params", "tokens", *with_interval("loss", "by_the_law_as_answered")),
            tuple(rows),
            f"laws averaged ({shares}), large runs weighted more; the 95 % interval holds a new run, {tested}. That of "
            "the law as answered holds only its mean.",
        )
    ]
