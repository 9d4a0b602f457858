"""Operations that are far from 6 x params x tokens are usually in another unit, or count other parameters."""

import numpy as np

from scalewise.checks.caution import Caution, Evidence

USUAL = (1 / 3, 10.0)
"""Small models with long contexts or sparse experts lie within; a wrong unit does not."""


def flops_mismatch(evidence: Evidence) -> Caution | None:
    compared = evidence.compared
    if not {"params", "tokens", "flops"} <= set(compared.columns):
        return None
    known = compared.select("params", "tokens", "flops").drop_nulls().to_numpy()
    known = known[(known > 0).all(axis=1)]
    if known.size == 0:
        return None
    ratio = float(np.median(known[:, 2] / (6 * known[:, 0] * known[:, 1])))
    if USUAL[0] <= ratio <= USUAL[1]:
        return None
    return Caution(
        "flops-mismatch",
        f"flops are {ratio:.3g} times 6 x params x tokens in the middle run: one of the three is probably in another "
        "unit, or params counts something else than what is trained.",
    )
