"""An answer beyond the observed compute rests on the form of the law."""

from scalewise.checks.caution import Caution, Evidence

UNNOTICED = 1.05
FAR = 10.0


def extrapolation(evidence: Evidence) -> Caution | None:
    if evidence.asked is None or evidence.seen is None or evidence.asked <= evidence.seen * UNNOTICED:
        return None
    factor = evidence.asked / evidence.seen
    weight = (
        "at this distance the choice of law matters more than the interval"
        if factor > FAR
        else "the interval assumes that the law's form holds that far"
    )
    scale = "compute" if evidence.axis in ("flops", "gpu_hours") else evidence.axis
    return Caution(
        "extrapolation",
        f"the answer reaches {factor:.3g} times beyond the {scale} of the runs it is drawn from; {weight}.",
    )
