"""Every size at the same compute: which wins, by how much, and how much longer must the small ones train?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from scalewise.checks import Evidence, cautions
from scalewise.errors import QuestionError
from scalewise.laws import Fit
from scalewise.laws.forecast import DEGREES, Forecast
from scalewise.questions import wording
from scalewise.questions.answer import Answer, Chart, Finding, Row, judge
from scalewise.questions.catch_up import Curve, JointLaw, catch_up, curve_of, joint_law
from scalewise.questions.contest import Entrant, beats_probability, best_probabilities, gap
from scalewise.questions.measured import Measured, Size, entrants, measured_at, measured_levels, sizes_of
from scalewise.questions.observations import observed
from scalewise.questions.repeat import repeat
from scalewise.runs.levels import EQUAL_WITHIN
from scalewise.runs.table import Runs

if TYPE_CHECKING:
    import polars as pl

Axis = Literal["flops", "gpu_hours"]


@dataclass(frozen=True)
class Standing:
    """One size at the compute asked about: measured there, or forecast from less."""

    size: Size
    spent: float
    tokens: float | None
    curve: Curve | None
    measured: Measured | None
    entrant: Entrant | None
    forecast: Forecast | None


def equal_compute(
    runs: Runs,
    at: float | None = None,
    compute: Axis | None = None,
    resamples: int = 500,
    seed: int = 0,
) -> Answer:
    """Compare every size at `at` compute (default: what the largest model was given).

    `compute` is the unit, `flops` or `gpu_hours`; by default GPU-hours where the table has them. Losses measured at equal
    compute come first; a size that was trained less is extrapolated along its own curve, under every law that fits,
    and by one law of size and data over all runs. Raises QuestionError for a single size or run.
    """
    axis: Axis = compute or ("gpu_hours" if runs.has("gpu_hours") else "flops")
    runs.require(axis, purpose="equal-compute")
    if at is not None and not (np.isfinite(at) and at > 0):
        raise QuestionError(f"--at {at:g}: the compute must be a positive number of {axis}.")
    rows, notes = _rows(runs, axis)
    sizes = sizes_of(rows)
    if len(sizes) < 2:
        raise QuestionError(
            f"{runs.source}: only one size ({wording.count(sizes[0].params)} params); equal-compute compares sizes."
        )
    largest = max(sizes, key=lambda s: s.params)
    target = at or _spent(rows, axis, largest)
    standings = _standings(rows, axis, sizes, target, resamples, seed)
    joint = joint_law(rows, resamples, seed) if _has_loss(rows) else None
    levels = measured_levels(rows, axis) if _has_loss(rows) else []
    probability, sentence = _verdict(standings, largest, target, axis, seed)
    findings = [
        *_measured_findings(rows, axis, levels, seed),
        _longer(standings, target, axis),
        *_forecast_findings(standings, joint, largest, target, seed),
    ]
    fits: tuple[Fit, ...] = (joint.fit,) if joint else ()
    compared = _compared(rows, axis, [*levels, target])
    reached = [s.spent for s in standings]
    evidence = Evidence(runs, compared, axis, asked=target, seen=min(reached), fits=fits)
    return Answer(
        question="equal-compute",
        claim=f"at {wording.amount(target, axis)} the largest model ({_label(largest, sizes)} params) has the lowest loss",
        verdict=judge(probability),
        probability=probability,
        sentence=sentence,
        findings=tuple(findings),
        charts=_charts(rows, axis, standings, sizes, target),
        assumptions=_assumptions(standings, joint, axis),
        warnings=cautions(evidence),
        next_run=_next_run(standings, largest, target, axis, probability),
        reading=(*runs.reading, *notes),
        repeat=repeat("equal-compute", runs, seed, {"at": at, "compute": compute}),
    )


def _has_loss(rows: "pl.DataFrame") -> bool:
    return "loss" in rows.columns and rows["loss"].null_count() < rows.height


def _rows(runs: Runs, axis: Axis) -> tuple["pl.DataFrame", list[str]]:
    """Observations with compute; a table without any loss can still say how much longer each size must train."""
    import polars as pl

    if not runs.has("loss"):
        return runs.table.filter(pl.col(axis) > 0), ["the table has no losses: only training lengths are compared"]
    rows, notes = observed(runs, points="all")
    rows = rows.filter(pl.col(axis) > 0)
    if rows.height == 0:
        raise QuestionError(f"{runs.source}: no row has both a loss and {axis}.")
    return rows, [n for n in notes if "every logged point" not in n]


def _spent(rows: "pl.DataFrame", axis: str, size: Size) -> float:
    import polars as pl

    own = rows.filter((pl.col("group") == size.group) & (pl.col("params") == size.params))
    return float(own[axis].max())  # type: ignore[arg-type]


def _standings(
    rows: "pl.DataFrame", axis: str, sizes: list[Size], target: float, resamples: int, seed: int
) -> list[Standing]:
    import polars as pl

    at_target = measured_at(rows, axis, target) if _has_loss(rows) else []
    measured = {m.size: (m, e) for m, e in zip(at_target, entrants(at_target), strict=True)}
    standings = []
    for size in sizes:
        own = rows.filter((pl.col("group") == size.group) & (pl.col("params") == size.params))
        spent = float(own[axis].max())  # type: ignore[arg-type]
        tokens = own["tokens"].max() if "tokens" in own.columns else None
        curve = curve_of(rows, axis, size) if _has_loss(own) else None
        known, entrant = measured.get(size, (None, None))
        predicted = None
        if known is None and curve is not None and spent < target:
            predicted = catch_up(curve, target, resamples, seed)
            entrant = predicted and Entrant(predicted.log_value, predicted.scale, DEGREES)
        standings.append(
            Standing(size, spent, None if tokens is None else float(str(tokens)), curve, known, entrant, predicted)
        )
    return standings


def _label(size: Size, sizes: list[Size]) -> str:
    """The size, with its group where there are several."""
    label = wording.count(size.params)
    return label if len({s.group for s in sizes}) == 1 else f"{size.group} {label}"


def _verdict(standings: list[Standing], largest: Size, target: float, axis: str, seed: int) -> tuple[float | None, str]:
    entered = [s for s in standings if s.entrant is not None]
    sizes = [s.size for s in standings]
    shortest = max(standings, key=lambda s: target / s.spent)
    longer = (
        f"the {_label(shortest.size, sizes)} model must train {wording.times(target / shortest.spent)} longer to get there"
        if target > shortest.spent * (1 + EQUAL_WITHIN)
        else ""
    )
    where = f"At {wording.amount(target, axis)}"
    if len(entered) < 2 or largest not in [s.size for s in entered]:
        sentence = f"{where} nothing can be said about losses" + (f"; {longer}." if longer else ".")
        return None, sentence
    found = best_probabilities([s.entrant for s in entered if s.entrant], seed)
    ranked = sorted(entered, key=lambda s: s.entrant.log_loss if s.entrant else np.inf)
    winner, runner_up = ranked[0], ranked[1]
    rival = runner_up if winner.size == largest else next(s for s in entered if s.size == largest)
    assert winner.entrant is not None
    assert rival.entrant is not None
    lead, low, high = gap(winner.entrant, rival.entrant, seed)
    interval = f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
    how = "measured" if winner.measured and rival.measured else "extrapolated"
    other = "the next best" if winner.size == largest else "the largest"
    sentence = (
        f"{where} the {_label(winner.size, sizes)} model has the lowest loss ({how}): {lead:.3f}{interval} nats below {other} "
        f"({_label(rival.size, sizes)})" + (f"; {longer}." if longer else ".")
    )
    if found is None:
        return None, sentence + " Each size has one run, so nothing shows whether this is luck."
    probability = found[[s.size for s in entered].index(largest)]
    chance = found[entered.index(winner)]
    return probability, f"{sentence} It is the best of all with probability {wording.probability(chance)}."


def _measured_findings(rows: "pl.DataFrame", axis: str, levels: list[float], seed: int) -> list[Finding]:
    if not levels:
        return []
    winners, everything = [], []
    for level in levels:
        measured = measured_at(rows, axis, level)
        entered = entrants(measured)
        found = best_probabilities(entered, seed)
        order = np.argsort([e.log_loss for e in entered])
        first, second = int(order[0]), int(order[1])
        lead, low, high = gap(entered[first], entered[second], seed)
        winners.append(
            (
                level,
                measured[first].size.group,
                measured[first].size.params,
                measured[first].mean,
                lead,
                low,
                high,
                found[first] if found else None,
            )
        )
        for i, (m, e) in enumerate(zip(measured, entered, strict=True)):
            everything.append(
                (
                    level,
                    m.size.group,
                    m.size.params,
                    m.mean,
                    *e.interval(),
                    m.losses.size,
                    "at its end" if m.at_end else "inside its run",
                    found[i] if found else None,
                )
            )
    return [
        Finding(
            "Measured winners at equal compute",
            (axis, "group", "params", "loss", "lead", "lead_low", "lead_high", "P(best)"),
            tuple(winners),
            "lead: nats below the runner-up at the same compute.",
        ),
        Finding(
            "Measured losses at equal compute",
            (axis, "group", "params", "loss", "loss_low", "loss_high", "runs", "point", "P(best)"),
            tuple(everything),
            "median of each run's points within 2 % of the compute, averaged over runs.",
        ),
    ]


def _longer(standings: list[Standing], target: float, axis: str) -> Finding:
    rows = []
    for s in standings:
        factor = target / s.spent
        tokens = None if s.tokens is None else s.tokens * factor
        rows.append((s.size.group, s.size.params, s.spent, factor, s.tokens, tokens))
    return Finding(
        "How much longer each size must train",
        ("group", "params", axis, "times_longer", "tokens", "tokens_at_equal_compute"),
        tuple(rows),
        f"to reach {wording.amount(target, axis)}; cost per token is taken to stay the same.",
    )


def _forecast_findings(
    standings: list[Standing], joint: JointLaw | None, largest: Size, target: float, seed: int
) -> list[Finding]:
    big = next(s for s in standings if s.size == largest)
    rows: list[tuple[str | float | None, ...]] = []
    for s in standings:
        if s.forecast is None or s.entrant is None:
            continue
        for law in s.forecast.laws:
            value = law.value
            wins = (
                beats_probability(Entrant(float(np.log(value.value)), law.spread, DEGREES), big.entrant, seed)
                if big.entrant
                else None
            )
            rows.append(
                (
                    s.size.group,
                    s.size.params,
                    law.fit.family.formula,
                    value.value,
                    value.low,
                    value.high,
                    law.backtest,
                    wins,
                )
            )
        if joint is not None and s.tokens is not None and big.tokens is not None:
            tokens = s.tokens * target / s.spent
            at = joint.at(s.size.params, tokens)
            wins = joint.matches((s.size.params, tokens), (largest.params, big.tokens * target / big.spent))
            rows.append((s.size.group, s.size.params, joint.fit.family.formula, at.value, at.low, at.high, None, wins))
        average = s.forecast.interval()
        wins = beats_probability(s.entrant, big.entrant, seed) if big.entrant and s.size != largest else None
        rows.append(
            (
                s.size.group,
                s.size.params,
                "average of the size's own curves",
                average.value,
                average.low,
                average.high,
                None,
                wins,
            )
        )
    if not rows:
        return []
    return [
        Finding(
            "Extrapolated to equal compute",
            ("group", "params", "law", "loss", "loss_low", "loss_high", "backtest_error", "P(matches largest)"),
            tuple(rows),
            "one law: bootstrap interval of its curve. Average: widened by noise, backtest error and the spread between laws. "
            "backtest_error: relative error at the curve's end when fitted as far before it as the target lies beyond it.",
        )
    ]


def _compared(rows: "pl.DataFrame", axis: str, levels: list[float]) -> "pl.DataFrame":
    """The rows at the levels, one per run and level: what the checks look at."""
    import polars as pl

    near = [
        rows.filter(pl.col(axis).is_between(level / (1 + EQUAL_WITHIN), level * (1 + EQUAL_WITHIN)))
        .sort(axis, maintain_order=True)
        .group_by("run", maintain_order=True)
        .last()
        for level in dict.fromkeys(levels)
    ]
    return pl.concat(near) if near else rows


def _assumptions(standings: list[Standing], joint: JointLaw | None, axis: str) -> tuple[str, ...]:
    lines = [f"compute is counted in {'GPU-hours' if axis == 'gpu_hours' else 'training flops'}, equal within 2 %"]
    if any(s.measured and s.measured.losses.size > 1 for s in standings):
        lines.append("the spread between seeds is the same (relative to the loss) for all sizes at one compute")
    extrapolated = [s for s in standings if s.forecast]
    if extrapolated:
        lines.append("a size that trains longer goes on along its own curve, with a schedule stretched to match")
        if all(s.forecast and s.forecast.backtested for s in extrapolated):
            lines.append("forecast intervals rest on backtests of the same curve at the same distance")
        else:
            lines.append("for some sizes no backtest at this distance is possible: their intervals are not calibrated")
    if joint:
        lines.append(f"{joint.fit.family.formula} ({joint.fit.family.source}) holds for all sizes together")
    return tuple(lines)


def _next_run(
    standings: list[Standing], largest: Size, target: float, axis: str, probability: float | None
) -> str | None:
    if judge(probability) != "the data cannot tell":
        return None
    sizes = [s.size for s in standings]
    unmeasured = [s for s in standings if s.measured is None and s.size != largest]
    if unmeasured:
        best = min(unmeasured, key=lambda s: s.entrant.log_loss if s.entrant else np.inf)
        return (
            f"train the {_label(best.size, sizes)} model with {wording.amount(target, axis)} "
            f"({wording.times(target / best.spent)} what it had): the measured loss replaces the extrapolation."
        )
    return f"two more seeds of the two best sizes at {wording.amount(target, axis)}: the gap is within the spread of seeds."


def _charts(
    rows: "pl.DataFrame", axis: str, standings: list[Standing], sizes: list[Size], target: float
) -> tuple[Chart, ...]:
    points: list[Row] = []
    forecasts: list[Row] = []
    for s in standings:
        if s.curve is None:
            continue
        label = _label(s.size, sizes)
        means = {float(c): float(s.curve.loss[s.curve.compute == c].mean()) for c in np.unique(s.curve.compute)}
        points += [{"size": label, "params": s.size.params, "compute": c, "loss": loss} for c, loss in means.items()]
        if s.forecast and s.entrant:
            low, high = s.entrant.interval()
            value = float(np.exp(s.entrant.log_loss))
            forecasts.append(
                {"size": label, "params": s.size.params, "compute": target, "loss": value, "low": low, "high": high}
            )
    if not points:
        return ()
    told = f"Loss against {'GPU-hours' if axis == 'gpu_hours' else 'training flops'} for {len(standings)} sizes, the same points "
    told += "on a linear and on a log axis."
    if forecasts:
        told += f" Error bars show what {len(forecasts)} sizes are expected to reach at {wording.amount(target, axis)}."
    return (
        Chart(
            "loss_against_compute",
            "Loss against compute",
            told,
            {"points": points, "forecasts": forecasts, "target": [{"compute": target, "axis": axis}]},
        ),
    )
