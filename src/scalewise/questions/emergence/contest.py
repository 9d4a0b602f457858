"""The laws that people argue about, put to simulated data: could a straight line, or a jump, look like this by luck?"""

from scalewise.laws import Comparison, compare, fit_families
from scalewise.laws.families import LINEAR, STEP, EveryToken
from scalewise.questions.emergence.case import Case
from scalewise.questions.emergence.definitions import TURNING

LEAST_WEIGHT = 0.02
"""A lighter law is not worth simulating, unless it is a straight line or a jump, which the question is about."""
MOST = 5


def contest(case: Case, simulations: int, seed: int) -> Comparison | None:
    """The heaviest laws, the straight line and the jump, compared by simulation; None where only one is left."""
    named = {f.name for f in (LINEAR, STEP)}
    weights = case.average.all_weights
    wanted = [n for n, w in weights.items() if w >= LEAST_WEIGHT and n != TURNING and n not in named]
    room = MOST - len(named & set(weights))
    chosen = [*wanted[:room], *(n for n in weights if n in named)]
    if len(chosen) < 2:
        return None
    families = [case.families[name] for name in chosen if not isinstance(case.families[name], EveryToken)]
    fits = fit_families(case.x, case.y, families, case.residual, seed=seed)
    return compare(fits, simulations, seed)


def rejections(found: Comparison | None) -> dict[str, tuple[str, float]]:
    """For each law that a rival rejects: the rival, and how often it would look so much better by luck."""
    worst: dict[str, tuple[str, float]] = {}
    for pair in found.pairs if found else ():
        for loser, winner, p in ((pair.first, pair.second, pair.p_first), (pair.second, pair.first, pair.p_second)):
            if pair.preferred == winner and p < worst.get(loser, ("", 1.0))[1]:
                worst[loser] = (winner, p)
    return worst
