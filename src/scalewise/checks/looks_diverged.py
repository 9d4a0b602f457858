"""A run whose outcome blew up to a finite number looks diverged, and nobody has said so."""

from scalewise.checks.caution import Caution, Evidence
from scalewise.runs.table import listed


def looks_diverged(evidence: Evidence) -> Caution | None:
    if not evidence.far_off:
        return None
    runs, count = sorted(evidence.far_off), len(evidence.far_off)
    return Caution(
        "looks-diverged",
        f"{count:,} {'run lies' if count == 1 else 'runs lie'} far off the others of the same group and scale "
        f"({listed(runs, most=3)}), as diverged ones do, and nothing marks them so; they are left out, and what that "
        "changes is shown.",
        tuple(runs),
    )
