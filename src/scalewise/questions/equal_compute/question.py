"""Every size at the same compute: which wins, by how much, and how much longer must the small ones train?"""

from typing import TYPE_CHECKING, Annotated, Literal

from scalewise.checks import Evidence, cautions
from scalewise.errors import QuestionError
from scalewise.questions import wording
from scalewise.questions.answer import Answer, judge
from scalewise.questions.equal_compute import charts, findings, slopes
from scalewise.questions.equal_compute.assumptions import assumptions
from scalewise.questions.equal_compute.matching import pairs, tokens_to_match
from scalewise.questions.equal_compute.measured import MOST_LEVELS, measured_levels, seed_spreads, with_ends, within
from scalewise.questions.equal_compute.proposals import next_run
from scalewise.questions.equal_compute.saturation import saturation
from scalewise.questions.equal_compute.standings import has_losses, standings_at
from scalewise.questions.equal_compute.timed import timed
from scalewise.questions.equal_compute.verdict import verdict
from scalewise.questions.equal_compute.within_groups import in_words, winners_of, within_groups
from scalewise.questions.observations import in_order, observed
from scalewise.questions.option import BUDGET, GROUP, RESAMPLES, SEED, Option
from scalewise.questions.repeat import repeat
from scalewise.runs.table import Runs
from scalewise.runs.validate import LARGEST

if TYPE_CHECKING:
    import polars as pl

Axis = Literal["flops", "gpu_hours"]
MOST_SIZES = 500


def equal_compute(
    runs: Runs,
    at: Annotated[float | None, Option("Compute to compare at. Default: what the largest model was given.")] = None,
    compute: Annotated[
        Axis | None, Option("Unit of compute. Default: gpu_hours where every row has them, else flops.")
    ] = None,
    small: Annotated[
        float | None, Option("Params of a model that is to match a bigger one. Default: each that is smaller.")
    ] = None,
    big: Annotated[float | None, Option("Params of the model to match. Default: the next larger of each.")] = None,
    after: Annotated[
        float | None, Option("Tokens after which to test whether the losses of all sizes fall equally fast.")
    ] = None,
    tolerance: Annotated[
        float | None, Option("Nats; a curve that gains less by a doubling of compute is saturated. Default: its noise.")
    ] = None,
    group: Annotated[str | None, GROUP] = None,
    budget: Annotated[float | None, BUDGET] = None,
    resamples: Annotated[int, RESAMPLES] = 1000,
    seed: Annotated[int, SEED] = 0,
) -> Answer:
    """Compare every size at `at` compute (default: what the largest model was given).

    `compute` is the unit, `flops` or `gpu_hours`; by default GPU-hours where every row has them. `group` leaves other
    groups out. Losses measured at equal compute come first; a size that was trained less is extrapolated along its own
    curve by many laws and by one law of size and data over all runs of one group, averaged. `small` and `big` (params)
    choose whose end a smaller model is to match; `after` (tokens) tests for equal slopes; `tolerance` (nats) says when
    a curve is saturated; `budget` (training flops) limits the next run. Raises QuestionError for a single size or run,
    or an option that these runs cannot serve.
    """
    axis: Axis = compute or default_axis(runs)
    runs.require("params", axis, purpose="equal-compute")
    runs = runs.of_group(group)
    _check(at=at, after=after, tolerance=tolerance)
    rows, notes = _rows(runs, axis)
    _check_sizes(rows, runs.source)
    known = has_losses(rows)
    spreads = seed_spreads(rows, axis) if known else {}
    levels, more = measured_levels(rows, axis) if known else ([], False)
    if more:
        notes.append(f"sizes share more than {MOST_LEVELS} amounts of compute; the {MOST_LEVELS} largest are compared")
    standings = standings_at(rows, axis, at, spreads, resamples, seed)
    matched = pairs(standings, small, big)
    falls, until = slopes.slopes_after(rows, runs.source, after, resamples, seed) if after else ([], 0.0)
    probability, sentence = verdict(standings, seed)
    winners = winners_of(standings, seed)
    sentence += in_words(winners)
    if after:
        sentence = f"{sentence} {slopes.in_words(falls, after)}"
    largest = standings.label(standings.largest.size)
    evidence = Evidence(
        runs,
        _compared(rows, axis, levels),
        axis,
        asked=standings.target,
        seen=min(s.spent for s in standings.all),
        fits=(standings.joint.fit,) if standings.joint and standings.forecasts else (),
    )
    return Answer(
        question="equal-compute",
        claim=f"at {wording.amount(standings.target, axis)} the largest size ({largest} params) has the lowest loss",
        verdict=judge(probability),
        probability=probability,
        sentence=sentence,
        findings=(
            *findings.measured(rows, axis, levels, spreads, seed),
            *within_groups(winners, standings),
            *(timed(rows, levels, spreads, seed) if axis == "flops" and known else ()),
            *findings.all_sizes(standings, seed),
            findings.how_much_longer(standings),
            *findings.extrapolated(standings, seed),
            *tokens_to_match(standings, matched, seed),
            *saturation(standings, spreads, tolerance),
            *(slopes.equal_slopes(falls, standings, after, until) if after else ()),
        ),
        charts=(*charts.loss_curves(standings), *(slopes.slope_charts(falls, standings, after) if after else ())),
        assumptions=assumptions(standings, after is not None),
        warnings=cautions(evidence),
        next_run=next_run(standings, rows, spreads, probability, budget, seed),
        reading=(*runs.reading, *notes),
        repeat=repeat(
            "equal-compute",
            runs,
            seed,
            {
                "at": at,
                "compute": compute,
                "small": small,
                "big": big,
                "after": after,
                "tolerance": tolerance,
                "group": group,
                "budget": budget,
                "resamples": resamples if resamples != 1000 else None,
            },
        ),
    )


def default_axis(runs: Runs) -> Axis:
    """GPU-hours are only ever in a table because somebody put them there; flops may have been computed."""
    complete = runs.has("gpu_hours") and runs.table["gpu_hours"].null_count() == 0
    return "gpu_hours" if complete or (runs.has("gpu_hours") and not runs.has("flops")) else "flops"


def _check(**options: float | None) -> None:
    for name, value in options.items():
        if value is not None and not 0 < value < LARGEST:
            raise QuestionError(f"--{name} {value:g}: must be a number greater than 0 (and below {LARGEST:g}).")


def _check_sizes(rows: "pl.DataFrame", source: str) -> None:
    sizes = rows.select("group", "params").n_unique()
    if sizes > MOST_SIZES:
        raise QuestionError(
            f"{source}: {sizes:,} different sizes; equal-compute compares at most {MOST_SIZES}: keep those of "
            "interest, or round params so that equal models count as one size."
        )
    if sizes < 2:
        only = wording.count(rows["params"][0])
        raise QuestionError(f"{source}: there is only one size ({only} params); equal-compute compares sizes.")


def _rows(runs: Runs, axis: Axis) -> tuple["pl.DataFrame", list[str]]:
    """Observations with compute; a table without any loss can still say how much longer each size must train."""
    import polars as pl

    if not runs.has("loss"):
        rows, notes = in_order(runs.table), ["the table has no losses: only training lengths are compared"]
    else:
        rows, notes = observed(runs, points="all")
    known = rows.filter(pl.col(axis) > 0)
    if known.height == 0:
        raise QuestionError(f"{runs.source}: no row has both a loss and {axis}.")
    if known.height < rows.height:
        notes = [*notes, f"{rows.height - known.height:,} rows without {axis} are in no comparison"]
    return with_ends(known, axis), notes


def _compared(rows: "pl.DataFrame", axis: str, levels: list[float]) -> "pl.DataFrame":
    """One row per run and level, or all rows where no level is shared: what the checks look at."""
    import polars as pl

    if not levels:
        return rows
    near = [
        within(rows, axis, level).sort(axis, maintain_order=True).group_by("run", maintain_order=True).last()
        for level in levels
    ]
    return pl.concat(near)
