"""How fast the optimal size grows with compute: by surface, by isoFLOP, and against the two published rules."""

import numpy as np

from scalewise.laws import Estimate, Fit
from scalewise.laws.fit import estimate
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.model_size.choice import triple
from scalewise.questions.model_size.isoflop import IsoflopOptima

RULES = {"Kaplan": float(np.log10(5.5)), "Hoffmann": 0.5}
"""For ten times the compute, 5.5 times the size and 1.8 times the data (Kaplan et al. 2020), or 3.2 and 3.2 times
(Hoffmann et al. 2022, arXiv 2203.15556, section 1)."""
SURFACE_BY = "surface: beta / (alpha + beta)"


def surface_exponent(fit: Fit) -> Estimate:
    """beta / (alpha + beta), for compute counted as 6ND (Hoffmann et al. 2022, equation 4)."""
    draws = fit.parameter_draws()
    total = draws["alpha"] + draws["beta"]
    share = draws["beta"][total != 0] / total[total != 0]
    return estimate(float(share[0]), share[1:])


def by_name(fit: Fit, isoflop: tuple[IsoflopOptima, ...]) -> dict[str, tuple[Estimate, str]]:
    """Each method's exponent, and what it was read from."""
    found = {SURFACE_BY: (surface_exponent(fit), f"{fit.points:,} points")}
    for optima in isoflop:
        if optima.line is not None:
            found[f"isoFLOP: {optima.method} per budget"] = (optima.line.exponent, f"{len(optima.flops)} budgets")
    return found


def supported(exponent: Estimate) -> str:
    """Which published rules lie in the interval."""
    inside = [name for name, rule in RULES.items() if exponent.low <= rule <= exponent.high]
    return " or ".join(inside) or "neither"


def _factor(exponent: float) -> float:
    """For ten times the compute; an interval from three budgets can end beyond what a float holds."""
    return float(10 ** np.clip(exponent, -300.0, 300.0))


def exponents(found: dict[str, tuple[Estimate, str]]) -> Finding:
    rows: list[tuple[Cell, ...]] = []
    for method, (e, source) in found.items():
        size = [_factor(v) for v in triple(e)]
        data = [_factor(1 - v) for v in (e.value, e.high, e.low)]
        rows.append((method, *triple(e), *size, *data, supported(e), source))
    for name, rule in RULES.items():
        numbers = (rule, None, None, 10**rule, None, None, 10 ** (1 - rule), None, None)
        rows.append((f"rule: {name} et al.", *numbers, name, "published"))
    return Finding(
        "Exponent of the optimal size with compute",
        ("method", *with_interval("exponent", "size_for_10x_compute", "data_for_10x_compute"), "supports", "from"),
        tuple(rows),
        "N_opt grows as C^exponent; the surface's exponent, and tokens for ten times the compute, count compute as "
        "6ND. supports: the published rule that lies in the interval.",
    )
