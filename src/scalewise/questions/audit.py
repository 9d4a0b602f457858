"""No question of scale, only the fairness of the table: every check that can be made, and what it found."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from scalewise.checks import CHECKS, Caution, Evidence
from scalewise.errors import QuestionError
from scalewise.laws import CHINCHILLA, fit_law
from scalewise.questions.answer import Answer, Finding, Verdict
from scalewise.questions.observations import clusters_of
from scalewise.questions.option import GROUP, SEED, Option
from scalewise.questions.repeat import repeat
from scalewise.runs.table import Runs, listed
from scalewise.runs.tuned import at_best_rate

if TYPE_CHECKING:
    import polars as pl

    from scalewise.laws import Fit

RESAMPLES = 200
"""Refits of a law that is only fitted to be looked at."""


@dataclass(frozen=True)
class Subject:
    """What a check looks at: the columns without which it cannot be made, and the words for when it finds nothing."""

    needs: tuple[str, ...]
    fine: str
    law: bool = False


SUBJECTS: dict[str, Subject] = {
    "unequal-compute": Subject(("params", "flops"), "every size was given the same compute"),
    "schedule-cut": Subject(("tokens",), "every compared point is the end of its run and of its schedule"),
    "untuned-rate": Subject(("params",), "several learning rates were tried at every size"),
    "rate-at-edge": Subject(("params", "lr", "loss"), "no best learning rate is at the edge of those tried"),
    "few-sizes": Subject(("params",), "there are four sizes or more"),
    "few-seeds": Subject(("params", "flops"), "most sizes were repeated at equal compute"),
    "few-runs": Subject(("params", "tokens", "loss"), "there are enough runs for a law of size and data", law=True),
    "diverged-runs": Subject((), "no run is marked as diverged or failed"),
    "repeated-data": Subject(("tokens", "data_size"), "no run read its text more than once"),
    "flops-mismatch": Subject(("params", "tokens", "flops"), "flops are about 6 x params x tokens"),
    "outliers": Subject(("params", "tokens", "loss"), "no run lies far off a law of size and data", law=True),
    "starts-disagree": Subject(("params", "tokens", "loss"), "the random starts of a fit agree", law=True),
    "at-bound": Subject(("params", "tokens", "loss"), "the runs identify a law of size and data", law=True),
}
"""The checks of `checks.CHECKS` that a table alone can answer; the others are about what an answer reaches for."""


def audit(
    runs: Runs,
    group: Annotated[str | None, GROUP] = None,
    strict: Annotated[bool, Option("A check that cannot be made counts as one that found something.")] = False,
    seed: Annotated[int, SEED] = 0,
) -> Answer:
    """Every check of fairness on a table. The claim is that no check objects to anything.

    One point per run, at its end, at each cell's best learning rate. Where params, tokens and loss are there, a law
    of size and data is fitted too, to see what it misses. Raises QuestionError when no run trained through.
    """
    runs = runs.of_group(group)
    if not runs.trained.height:
        raise QuestionError(f"{runs.source}: every run diverged or failed; there is nothing to compare.")
    compared, note = _compared(runs)
    fit, no_fit = _law(runs, compared, seed)
    evidence = Evidence(runs, compared, fits=(fit,) if fit else ())
    rows, found, unchecked = [], [], []
    for code, subject in SUBJECTS.items():
        missing = [c for c in subject.needs if not runs.has(c)]
        caution = None if missing else CHECKS[code](evidence)
        if caution:
            found.append(caution)
            rows.append((code, "found", caution.message, _names(caution)))
        elif missing or (subject.law and fit is None):
            why = f"no column {' or '.join(missing)}" if missing else str(no_fit)
            unchecked.append(code)
            rows.append((code, "not checked", why, ""))
        else:
            rows.append((code, "fine", subject.fine, ""))
    fine = len(rows) - len(found) - len(unchecked)
    return Answer(
        question="audit",
        claim="no check finds anything to object to in this table",
        verdict=_verdict(found, unchecked, strict),
        probability=None,
        sentence=_sentence(len(rows), found, fine, unchecked),
        findings=(
            Finding("Checks", ("check", "result", "what", "runs"), tuple(rows)),
            _overview(runs, compared),
        ),
        assumptions=(
            "runs are compared at their ends, each size and compute at the best learning rate it was tried at",
        ),
        warnings=tuple(found),
        next_run=_next(runs, found, unchecked, no_fit),
        reading=(*runs.reading, *([note] if note else [])),
        repeat=repeat("audit", runs, seed, {"group": group, "strict": strict}),
    )


def _compared(runs: Runs) -> "tuple[pl.DataFrame, str | None]":
    if runs.has("params", "loss"):
        return at_best_rate(runs.trained)
    return runs.trained, None


def _law(runs: Runs, compared: "pl.DataFrame", seed: int) -> "tuple[Fit | None, str | None]":
    """A law of size and data, or why there is none."""
    import polars as pl

    if not runs.has("params", "tokens", "loss"):
        return None, None
    if runs.table["group"].n_unique() > 1:
        return None, "each group has a law of its own; choose one with --group"
    known = compared.drop_nulls(["params", "tokens", "loss"]).filter(
        pl.col("loss").is_finite() & (pl.col("tokens") > 0)
    )
    if not known.height:
        return None, "no run has size, tokens and loss"
    x = known.select("params", "tokens").cast(pl.Float64).to_numpy()
    loss = known["loss"].cast(pl.Float64).to_numpy()
    if np.ptp(loss) == 0:
        return None, "all losses are the same"
    fit = fit_law(CHINCHILLA, x, loss, clusters_of(known), RESAMPLES, seed=seed)
    return (fit, None) if fit.ok else (None, fit.problem)


def _names(caution: Caution) -> str:
    return listed(caution.runs, most=8)


def _verdict(found: list[Caution], unchecked: list[str], strict: bool) -> Verdict:
    if found or (strict and unchecked):
        return "no"
    return "the data cannot tell" if unchecked else "yes"


def _sentence(count: int, found: list[Caution], fine: int, unchecked: list[str]) -> str:
    parts = []
    if found:
        parts.append(f"{len(found)} of {count} checks found something ({listed((c.code for c in found), most=13)})")
    are = "is" if fine == 1 else "are"
    parts.append(f"{fine} {are} fine" if found else f"{fine} of {count} checks {are} fine")
    if unchecked:
        parts.append(f"{len(unchecked)} cannot be made with what the table holds ({listed(unchecked, most=13)})")
    return ", ".join(parts) + "."


def _overview(runs: Runs, compared: "pl.DataFrame") -> Finding:
    """What the table holds, in numbers."""
    ends = runs.ended
    rows: list[tuple[str, str]] = [("rows", f"{len(runs):,}"), ("runs", f"{ends.height:,}")]
    rows.append(("runs that failed or diverged", f"{runs.failed['run'].n_unique():,}"))
    rows.append(("runs compared", f"{compared.height:,}"))
    rows += [
        (f"distinct {column}", f"{ends[column].drop_nulls().n_unique():,}")
        for column in ("group", "params", "seed", "lr")
        if column in ends.columns
    ]
    for column in ("params", "tokens", "flops", "loss"):
        if column in compared.columns and compared[column].count():
            values = compared[column].drop_nulls().to_numpy()
            rows.append((f"{column} from, to", f"{values.min():.4g}, {values.max():.4g}"))
    return Finding("What the table holds", ("what", "value"), tuple(rows))


def _next(runs: Runs, found: list[Caution], unchecked: list[str], no_law: str | None) -> str | None:
    """What would make the table fairer, the gravest first; else what would let the rest be checked."""
    remedies = {
        "unequal-compute": "runs of every size at the largest compute that all of them can be given.",
        "untuned-rate": "two more learning rates at every size, half and twice the one used.",
        "rate-at-edge": "one more learning rate beyond the edge of the grid where the best is at its edge.",
        "few-seeds": "two more seeds of each size at one amount of compute.",
        "few-sizes": "more sizes, at least four, over the same range of compute.",
        "diverged-runs": "those that diverged, again at half the learning rate.",
        "schedule-cut": "runs whose schedule ends at the compute at which they are compared.",
        "repeated-data": "those that read their text more than once, again on more text.",
    }
    codes = [caution.code for caution in found]
    for code, remedy in remedies.items():
        if code in codes:
            return remedy
    missing = sorted({c for code in unchecked for c in SUBJECTS[code].needs if not runs.has(c)})
    if missing:
        return f"none: log {', '.join(missing)} with the runs there are, and ask again."
    return f"none: {no_law}." if unchecked and no_law else None
