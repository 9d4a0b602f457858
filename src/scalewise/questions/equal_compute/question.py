"""Every size at the same compute: which wins, by how much, and how much longer must the small ones train?"""

from typing import TYPE_CHECKING, Annotated, Literal

from scalewise.checks import Evidence, cautions
from scalewise.errors import QuestionError
from scalewise.questions import wording
from scalewise.questions.answer import Answer, judge
from scalewise.questions.equal_compute import charts, findings
from scalewise.questions.equal_compute.catch_up import JointLaw, joint_law
from scalewise.questions.equal_compute.contest import gap
from scalewise.questions.equal_compute.measured import measured_levels, seed_spreads, with_ends, within
from scalewise.questions.equal_compute.standings import Standings, has_losses, standings_at
from scalewise.questions.observations import in_order, observed
from scalewise.questions.option import GROUP, RESAMPLES, SEED, Option
from scalewise.questions.repeat import repeat
from scalewise.runs.levels import EQUAL_WITHIN
from scalewise.runs.table import Runs, listed
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
    group: Annotated[str | None, GROUP] = None,
    resamples: Annotated[int, RESAMPLES] = 500,
    seed: Annotated[int, SEED] = 0,
) -> Answer:
    """Compare every size at `at` compute (default: what the largest model was given).

    `compute` is the unit, `flops` or `gpu_hours`; by default GPU-hours where every row has them. `group` leaves other
    groups out. Losses measured at equal compute come first; a size that was trained less is extrapolated along its own
    curve, under every law that fits, and by one law of size and data over all runs of one group. Raises QuestionError
    for a single size or run.
    """
    axis: Axis = compute or default_axis(runs)
    runs.require("params", axis, purpose="equal-compute")
    runs = runs.of_group(group)
    if at is not None and not 0 < at < LARGEST:
        raise QuestionError(f"--at {at:g}: must be a number of {axis} greater than 0 (and below {LARGEST:g}).")
    rows, notes = _rows(runs, axis)
    sizes = rows.select("group", "params").n_unique()
    if sizes > MOST_SIZES:
        raise QuestionError(
            f"{runs.source}: {sizes:,} different sizes; equal-compute compares at most {MOST_SIZES}: keep those of "
            "interest, or round params so that equal models count as one size."
        )
    if sizes < 2:
        only = wording.count(rows["params"][0])
        raise QuestionError(f"{runs.source}: there is only one size ({only} params); equal-compute compares sizes.")
    known = has_losses(rows)
    spreads = seed_spreads(rows, axis) if known else {}
    levels = measured_levels(rows, axis) if known else []
    standings = standings_at(rows, axis, at, spreads, resamples, seed)
    joint = joint_law(rows, resamples, seed) if standings.forecasts else None
    probability, sentence = _verdict(standings, seed)
    largest = standings.label(standings.largest.size)
    evidence = Evidence(
        runs,
        _compared(rows, axis, levels),
        axis,
        asked=standings.target,
        seen=min(s.spent for s in standings.all),
        fits=(joint.fit,) if joint else (),
    )
    return Answer(
        question="equal-compute",
        claim=f"at {wording.amount(standings.target, axis)} the largest size ({largest} params) has the lowest loss",
        verdict=judge(probability),
        probability=probability,
        sentence=sentence,
        findings=(
            *findings.measured(rows, axis, levels, spreads, seed),
            findings.how_much_longer(standings),
            *findings.extrapolated(standings, joint, seed),
        ),
        charts=charts.loss_curves(standings),
        assumptions=_assumptions(standings, joint),
        warnings=cautions(evidence),
        next_run=_next_run(standings, probability),
        reading=(*runs.reading, *notes),
        repeat=repeat("equal-compute", runs, seed, {"at": at, "compute": compute, "group": group}),
    )


def default_axis(runs: Runs) -> Axis:
    """GPU-hours are only ever in a table because somebody put them there; flops may have been computed."""
    complete = runs.has("gpu_hours") and runs.table["gpu_hours"].null_count() == 0
    return "gpu_hours" if complete or not runs.has("flops") else "flops"


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


def _verdict(standings: Standings, seed: int) -> tuple[float | None, str]:
    """P(the largest is best) and the answer in one sentence."""
    where = f"At {wording.amount(standings.target, standings.axis)}"
    longer = _longest(standings)
    entered = standings.entered
    largest = standings.largest
    if len(entered) < 2 or largest.entrant is None:
        return None, f"{where} nothing can be said about losses{longer}."
    (winner, first), (runner_up, second) = entered[:2]
    rival, loss = (runner_up, second) if winner is largest else (largest, largest.entrant)
    lead, low, high = gap(first, loss, seed)
    interval = "" if low is None or high is None else f" [{low:.3f}, {high:.3f}]"
    how = "measured" if winner.measured and rival.measured else _how(standings)
    other = "the next best" if winner is largest else "the largest"
    sentence = (
        f"{where} the {standings.label(winner.size)} model has the lowest loss ({how}): {lead:.3f}{interval} nats "
        f"below {other} ({standings.label(rival.size)}){longer}."
    )
    probability, chance = (standings.best_probability(s.size.params, seed) for s in (largest, winner))
    if probability is None or chance is None:
        return None, f"{sentence} Each size has one run there, so nothing shows whether this is luck."
    return probability, f"{sentence} It is the best of all with probability {wording.probability(chance)}."


def _how(standings: Standings) -> str:
    beyond = any(s.spent < standings.target / (1 + EQUAL_WITHIN) for s, _, _ in standings.forecasts)
    return "extrapolated" if beyond else "interpolated"


def _longest(standings: Standings) -> str:
    """How much longer the size that is furthest behind must train, where any is behind."""
    behind = min(standings.all, key=lambda s: s.spent)
    factor = standings.target / behind.spent
    if factor <= 1 + EQUAL_WITHIN:
        return ""
    return (
        f"; the {standings.label(behind.size)} model must train {wording.times(factor)} as long as it did to get there"
    )


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


def _assumptions(standings: Standings, joint: JointLaw | None) -> tuple[str, ...]:
    unit = "GPU-hours" if standings.axis == "gpu_hours" else "training flops"
    lines = [f"compute is counted in {unit}, equal within 2 %"]
    if any(s.measured and s.measured.losses.size > 1 for s in standings.all):
        lines.append("the spread between seeds of a size is the same (relative to the loss) at every amount of compute")
    if standings.left_out:
        names = listed(standings.label(s.size) for s in standings.left_out)
        lines.append(f"nothing can be said about the loss of {names} there: they are in no comparison")
    if standings.forecasts:
        lines.append("a size that trains longer goes on along its own curve, with a schedule stretched to match")
        if all(forecast.backtested for _, _, forecast in standings.forecasts):
            lines.append("forecast intervals rest on backtests of the same curve at the same distance")
        else:
            lines.append(
                "some curves are too short for a backtest at this distance: the error found at a shorter one was "
                "scaled up with log distance, and where there was none the interval is not calibrated"
            )
    if joint:
        lines.append(f"{joint.fit.family.formula} ({joint.fit.family.source}) holds for all sizes together")
    return tuple(lines)


def _next_run(standings: Standings, probability: float | None) -> str | None:
    """Where the data cannot tell: measure what was extrapolated, or repeat what was measured once."""
    if judge(probability) != "the data cannot tell":
        return None
    at = wording.amount(standings.target, standings.axis)
    if standings.forecasts:
        best, _, _ = min(standings.forecasts, key=lambda item: item[1].log_loss)
        return (
            f"train the {standings.label(best.size)} model with {at} ({wording.times(standings.target / best.spent)} "
            "what it had): the measured loss replaces the extrapolation."
        )
    if len(standings.entered) < 2:
        return f"losses of every size at {at}."
    return f"two more seeds of the two best sizes at {at}: the gap is within the spread of seeds."
