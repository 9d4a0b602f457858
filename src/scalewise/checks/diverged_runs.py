"""Diverged and failed runs are part of the record; leaving them out can move an exponent."""

from scalewise.checks.caution import Caution, Evidence
from scalewise.runs.table import listed


def diverged_runs(evidence: Evidence) -> Caution | None:
    failed = evidence.runs.failed
    if failed.height == 0:
        return None
    runs = listed(sorted(failed["run"].unique().to_list()), most=3)
    return Caution(
        "diverged-runs",
        f"{failed['run'].n_unique():,} of {evidence.runs.table['run'].n_unique():,} runs diverged or failed ({runs}); "
        "they are in no fit, so the answer speaks of runs that train through.",
        tuple(sorted(failed["run"].unique())),
    )
