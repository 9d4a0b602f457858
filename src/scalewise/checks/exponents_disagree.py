"""Two methods that read one exponent from the same runs should agree; where they do not, one of them is wrong here."""

import numpy as np

from scalewise.checks.caution import Caution, Evidence
from scalewise.laws import Estimate

UNBELIEVED = ("parabola",)
"""Methods whose own bias is shown beside them: their exponent is no evidence against the law."""


def exponents_disagree(evidence: Evidence) -> Caution | None:
    """Compares the answer's exponent with every other: their gap against both half intervals, added as squares."""
    if len(evidence.exponents) < 2:
        return None
    (name, own), *others = evidence.exponents
    apart = [(other, e) for other, e in others if not any(u in other for u in UNBELIEVED) and _disagree(own, e)]
    if not apart:
        return None
    said = "; ".join(f"{other} says {e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" for other, e in apart)
    return Caution(
        "exponents-disagree",
        f"{name} gives an exponent of {own.value:.3f} [{own.low:.3f}, {own.high:.3f}], but {said}: beyond the observed "
        "compute their optimal sizes part, and the law's form is the first suspect.",
    )


def _disagree(first: Estimate, second: Estimate) -> bool:
    low, high = (first, second) if first.value < second.value else (second, first)
    return bool(high.value - low.value > np.hypot(low.high - low.value, high.value - high.low))
