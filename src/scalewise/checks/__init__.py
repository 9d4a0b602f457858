"""Checks: is this comparison fair? Each returns one coded caution, or None when there is nothing to say.

The list below is the whole set, in the order in which cautions are shown. Every code has a page in
docs/warnings/ that says what it means, when it may be ignored, and how to settle it.
"""

from collections.abc import Callable

from scalewise.checks.best_of_many import best_of_many
from scalewise.checks.caution import Caution, Evidence
from scalewise.checks.confounded_scale import confounded_scale
from scalewise.checks.diverged_runs import diverged_runs
from scalewise.checks.exponents_disagree import exponents_disagree
from scalewise.checks.extrapolation import extrapolation
from scalewise.checks.flops_mismatch import flops_mismatch
from scalewise.checks.law_trust import at_bound, backtest_misses, outliers, starts_disagree
from scalewise.checks.looks_diverged import looks_diverged
from scalewise.checks.repeated_data import repeated_data
from scalewise.checks.schedule_cut import schedule_cut
from scalewise.checks.small_sample import few_runs, few_seeds, few_sizes
from scalewise.checks.task_scores import few_models, task_at_ceiling
from scalewise.checks.unequal_compute import unequal_compute
from scalewise.checks.untuned_rate import rate_at_edge, untuned_rate

Check = Callable[[Evidence], Caution | None]

CHECKS: dict[str, Check] = {
    "unequal-compute": unequal_compute,
    "schedule-cut": schedule_cut,
    "untuned-rate": untuned_rate,
    "rate-at-edge": rate_at_edge,
    "best-of-many": best_of_many,
    "confounded-scale": confounded_scale,
    "few-sizes": few_sizes,
    "few-seeds": few_seeds,
    "few-runs": few_runs,
    "extrapolation": extrapolation,
    "diverged-runs": diverged_runs,
    "looks-diverged": looks_diverged,
    "repeated-data": repeated_data,
    "flops-mismatch": flops_mismatch,
    "outliers": outliers,
    "starts-disagree": starts_disagree,
    "at-bound": at_bound,
    "backtest-misses": backtest_misses,
    "exponents-disagree": exponents_disagree,
    "few-models": few_models,
    "task-at-ceiling": task_at_ceiling,
}


def cautions(evidence: Evidence) -> tuple[Caution, ...]:
    """Every caution that these runs and this answer call for."""
    found = (check(evidence) for check in CHECKS.values())
    return tuple(caution for caution in found if caution is not None)


__all__ = ["CHECKS", "Caution", "Evidence", "cautions"]
