"""Whether which size wins depends on the group: a recipe, an architecture, a data set."""

from dataclasses import dataclass

import numpy as np

from scalewise.questions import wording
from scalewise.questions.answer import Cell, Finding, with_interval
from scalewise.questions.equal_compute.contest import Contest
from scalewise.questions.equal_compute.standings import Standings

SAID_FROM = 0.95
"""With this probability the winner's size depends on the group, or the sentence does not say so."""
MOST_NAMED = 6
"""Groups that a sentence names; the table has all."""


@dataclass(frozen=True)
class Winner:
    """The best of one group's sizes: `lead` is nats below the runner-up and its interval, `chances` P(best) by size."""

    group: str
    params: float
    loss: float
    lead: tuple[float, float | None, float | None]
    chances: dict[float, float | None]


def winners_of(standings: Standings, seed: int) -> list[Winner]:
    """The winner among the sizes that all groups have, of each group; none where there is one group, or such a size."""
    known = {(s.size.group, s.size.params): s.entrant for s in standings.all if s.entrant is not None}
    groups = sorted({group for group, _ in known})
    shared = sorted({params for _, params in known if all((group, params) in known for group in groups)})
    if len(groups) < 2 or len(shared) < 2:
        return []
    winners = []
    for group in groups:
        entered = [known[group, params] for params in shared]
        contest = Contest(entered, seed)
        first, second = (int(i) for i in np.argsort([entrant.log_loss for entrant in entered])[:2])
        chances = dict(zip(shared, contest.best(), strict=True))
        winners.append(Winner(group, shared[first], entered[first].loss, contest.gap(first, second), chances))
    return winners


def depends(winners: list[Winner]) -> float | None:
    """P(not every group has the same winner), None where nothing shows how certain losses are.

    Groups are taken to be independent. Runs of one seed read the same text in all of them, which makes the differences
    within a group more certain than this takes them to be.
    """
    chances = [[chance for chance in winner.chances.values() if chance is not None] for winner in winners]
    if not winners or any(len(own) < len(winner.chances) for own, winner in zip(chances, winners, strict=True)):
        return None
    return float(1.0 - np.prod(chances, axis=0).sum())


def within_groups(winners: list[Winner], standings: Standings) -> list[Finding]:
    """The winner of every group, and how probable it is that they are not all of one size."""
    if not winners:
        return []
    rows: list[tuple[Cell, ...]] = [(w.group, w.params, w.loss, *w.lead, w.chances[w.params]) for w in winners]
    chance = depends(winners)
    said = "" if chance is None else f" P(the groups' winners are not all of one size): {wording.probability(chance)}."
    return [
        Finding(
            "Winner within each group",
            ("group", "params", "loss", *with_interval("lead"), "P(best)"),
            tuple(rows),
            f"at {wording.amount(standings.target, standings.axis)}, of the sizes that every group has. lead: nats "
            f"below the group's runner-up.{said}",
        )
    ]


def in_words(winners: list[Winner]) -> str:
    """A sentence where the winner's size depends on the group, else nothing."""
    chance = depends(winners)
    if chance is None or chance < SAID_FROM or len(winners) > MOST_NAMED or len({w.params for w in winners}) == 1:
        return ""
    each = [f"with '{w.group}' {wording.count(w.params)}, by {_lead(w)} nats" for w in winners]
    return f" Which size wins depends on the group (probability {wording.probability(chance)}): {'; '.join(each)}."


def _lead(winner: Winner) -> str:
    value, low, high = winner.lead
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"
