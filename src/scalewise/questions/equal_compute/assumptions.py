"""What an equal-compute answer takes for granted."""

from scalewise.questions.equal_compute.outlook import MANY_CURVES, MOST_CURVES, QUICK
from scalewise.questions.equal_compute.standings import Standings
from scalewise.runs.table import listed


def assumptions(standings: Standings, slopes: bool) -> tuple[str, ...]:
    unit = "GPU-hours" if standings.axis == "gpu_hours" else "training flops"
    lines = [f"compute is counted in {unit}, equal within 2 %"]
    if any(s.measured and s.measured.losses.size > 1 for s in standings.all):
        lines.append("the spread between seeds of a size is the same (relative to the loss) at every amount of compute")
    if standings.left_out:
        names = listed(standings.label(s.size) for s in standings.left_out)
        lines.append(f"nothing can be said about the loss of {names} there: they are in no comparison")
    outlooks = [s.outlook for s in standings.all if s.outlook is not None]
    if outlooks:
        lines.append("a size that trains longer goes on along its own curve, with a schedule stretched to match")
    if standings.forecasts:
        if all(outlook.backtested for _, _, outlook in standings.forecasts):
            lines.append("forecast intervals rest on backtests of the same curves at the same distance")
        else:
            lines.append(
                "some curves are too short for a backtest at this distance: the error found at a shorter one was "
                "scaled up with log distance, and where there was none the interval is not calibrated"
            )
    if any(outlook.joint is not None and outlook.share > 0 for outlook in outlooks) and standings.joint:
        family = standings.joint.fit.family
        lines.append(
            f"{family.formula} ({family.source}) holds for all sizes together, each keeping its own distance from it"
        )
    if standings.curves > MANY_CURVES:
        names = ", ".join(family.name for family in QUICK)
        lines.append(f"with so many curves, each is continued by the drift of its end and these laws only: {names}")
    if standings.curves > MOST_CURVES:
        lines.append(
            f"of {standings.curves} curves the {MOST_CURVES} in contention are continued; the law of all sizes, where "
            "there is one, speaks for the others"
        )
    if slopes:
        lines.append("what bends a curve away from the line fitted to it is noise, which is alike in neighbours")
    return tuple(lines)
