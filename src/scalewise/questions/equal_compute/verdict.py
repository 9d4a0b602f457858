"""P(the largest is best at the compute asked about), and the answer in one sentence."""

from scalewise.questions import wording
from scalewise.questions.equal_compute.contest import gap
from scalewise.questions.equal_compute.proposals import rivals
from scalewise.questions.equal_compute.standings import Standings, is_beyond
from scalewise.runs.levels import EQUAL_WITHIN


def verdict(standings: Standings, seed: int) -> tuple[float | None, str]:
    """The probability is None where these runs give none."""
    where = f"At {wording.amount(standings.target, standings.axis)}"
    longer = _longest(standings)
    largest = standings.largest
    if len(standings.entered) < 2 or largest.entrant is None:
        return None, f"{where} nothing can be said about losses{longer}."
    winner, rival = rivals(standings)
    if winner.entrant is None or rival.entrant is None:
        return None, f"{where} nothing can be said about losses{longer}."
    lead, low, high = gap(winner.entrant, rival.entrant, seed)
    interval = "" if low is None or high is None else f" [{low:.3f}, {high:.3f}]"
    how = "measured" if winner.measured and rival.measured else _how(standings)
    other = "the next best" if winner is largest else "the largest"
    sentence = (
        f"{where} the {standings.label(winner.size)} model has the lowest loss ({how}): {lead:.3f}{interval} nats "
        f"below {other} ({standings.label(rival.size)}){longer}."
    )
    probability = standings.best_probability(largest.size.params, seed)
    chance = standings.best_probability(winner.size.params, seed, winner.size.group)
    if probability is None or chance is None:
        return None, f"{sentence} Each size has one run there, so nothing shows whether this is luck."
    return probability, f"{sentence} It is the best of all with probability {wording.probability(chance)}."


def _how(standings: Standings) -> str:
    beyond = any(is_beyond(s, standings.target) for s, _, _ in standings.forecasts)
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
