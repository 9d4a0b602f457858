"""What the figures of a model-size answer show."""

import numpy as np

from scalewise.questions import wording
from scalewise.questions.answer import Chart, Finding, Row
from scalewise.questions.model_size.choice import Case, Choice, exponential
from scalewise.questions.model_size.findings import path_flops
from scalewise.questions.model_size.isoflop import IsoflopOptima

LEAST_REACH = np.log(4.0)
"""The valley is drawn at least this far (in log size) to either side of the optimum."""


def valley(case: Case, choice: Choice) -> Chart:
    """Loss against size at the compute asked about."""
    best, small = float(choice.optimum[0]), float(choice.smallest[0])
    reach = max(LEAST_REACH, 1.6 * (best - small))
    grid = np.linspace(best - reach, best + reach, 81)
    losses = choice.budget.loss(np.broadcast_to(grid, (choice.optimum.size, grid.size)))
    low, high = np.percentile(losses[1:], [2.5, 97.5], axis=0)
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
    flops = wording.flops(case.flops)
    return Chart(
        "size_valley",
        f"Loss against size at {flops} flops",
        f"Expected loss of every size that spends {flops} flops, with its 95 % band, on a linear and on a log axis. "
        f"From {wording.count(np.exp(small))} to {wording.count(np.exp(best))} params it stays within {case.tolerance} "
        "of its lowest point.",
        {
            "curve": curve,
            "marks": marks,
            "allowed": [{"loss": lowest * (1 + case.tolerance.relative) + case.tolerance.nats}],
        },
    )


def path(case: Case, isoflop: tuple[IsoflopOptima, ...]) -> Chart:
    """The optimal size against compute."""
    line: list[Row] = []
    for flops in path_flops(case, 25):
        e = exponential(case.budget(float(flops)).optimum())
        line.append({"flops": float(flops), "params": e.value, "low": e.low, "high": e.high})
    dots: list[Row] = [
        {"flops": float(c), "params": float(n), "method": f"isoFLOP, {optima.method}"}
        for optima in isoflop
        for c, n in zip(optima.flops, optima.params, strict=True)
    ]
    told = "Compute-optimal size against compute under the fitted law, with its 95 % band, on linear and on log axes"
    return Chart(
        "optimum_path",
        "Optimal size as compute grows",
        told + (", and the lowest point of each isoFLOP budget." if dots else "."),
        {"path": line, "optima": dots, "target": [{"flops": case.flops}]},
    )


def by_method(case: Case, methods: Finding) -> Chart:
    """The optimum by every method, one below the other."""
    surface = float(str(methods.rows[0][1]))
    rows: list[Row] = []
    for name, *numbers in methods.rows:
        value, low, high = (None if v is None else float(str(v)) / surface for v in numbers)
        rows.append({"label": name, "value": value, "low": low, "high": high})
    flops = wording.flops(case.flops)
    return Chart(
        "intervals",
        f"The best size at {flops} flops, by method",
        f"The compute-optimal size at {flops} flops with its 95 % interval by every method, in units of the surface's, "
        f"{wording.count(surface)} params.",
        {"axes": [{"x": "best size over the surface's"}], "rows": rows, "reference": [{"value": 1.0}]},
    )
