"""How far an isoFLOP method is off by itself: what it would find on these designs if the fitted surface were true."""

import numpy as np

from scalewise.laws.valley import power_line
from scalewise.questions.answer import Cell, Finding
from scalewise.questions.model_size.choice import Case
from scalewise.questions.model_size.isoflop import isoflop_optima


def bias(case: Case) -> list[Finding]:
    """The optima that each method finds in losses of the surface itself, without noise, at the sizes that were trained.

    A parabola is right only where the two exponents are equal and the sweep is narrow and centred.
    """
    on_surface = isoflop_optima(case.data, case.fit.curves(case.data.inputs)[0])
    budgets = sorted({float(c) for optima in on_surface for c in optima.flops})
    optimum = {c: float(np.exp(case.best_budget(c).optimum()[0])) for c in budgets}
    rows: list[tuple[Cell, ...]] = []
    for optima in on_surface:
        true = np.array([optimum[float(c)] for c in optima.flops])
        off = optima.params / true
        worst = float(off[np.argmax(np.abs(np.log(off)))])
        line, path = optima.line, power_line(optima.flops, true)
        exponent = None if line is None or path is None else line.exponent.value - path.exponent.value
        rows.append((optima.method, float(np.exp(np.log(off).mean())), worst, exponent, len(optima.flops)))
    if not rows:
        return []
    note = (
        "each method applied to the fitted surface's own losses, without noise, at the sizes trained: its optimum over "
        "the surface's. 1 is unbiased; exponent bias is added to its exponent by the method alone."
    )
    columns = ("method", "params_over_true", "worst_budget", "exponent_bias", "budgets")
    return [Finding("Bias of the isoFLOP methods on these designs", columns, tuple(rows), note)]
