"""The order in which one size of one arm is trained: budget after budget, each tuned, then its other seeds.

The rate that won at one budget is the centre of the search at the next. Or one size is searched and the others take its
rates over. A chain asks for runs and is sent their losses; who trains them, or whether anybody does, it does not know.
A plan counts a study by answering a chain itself.
"""

import contextlib
import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from scalewise.lab.data.corpus import Corpus
from scalewise.lab.declared import Arm, Size
from scalewise.lab.recipe import Recipe
from scalewise.lab.search import Choice, searched
from scalewise.lab.study import Study
from scalewise.lab.tuning import FIRST_REACH, LATER_REACH, bracket, untried

Chain = Generator[list[Recipe], dict[str, float], None]
"""Yields the recipes it needs next; is sent the final loss of each by run name."""
Record = Callable[[dict[str, Any]], None]
Key = TypeVar("Key")
"""What a search speaks of: an exponent of the rate grid, or a choice of several hyperparameters."""
Found = TypeVar("Found")


@dataclass
class Ledger:
    """Operations a chain has cost. A trunk is charged once however many budgets branch from it."""

    flops: float = 0.0
    _trunks: dict[str, int] = field(default_factory=dict)

    def charge(self, recipes: list[Recipe]) -> None:
        for recipe in recipes:
            shared = min(self._trunks.get(recipe.trunk, 0), recipe.branch_step)
            self.flops += (recipe.steps - shared) * recipe.batch_tokens * recipe.shape.flops_per_token
            self._trunks[recipe.trunk] = max(recipe.branch_step, self._trunks.get(recipe.trunk, 0))


def chains_of(study: Study, corpus: Corpus, record: Record) -> list[Chain]:
    """What has to be trained, in chains that do not wait for each other."""
    if study.tuning.transfer:
        return [_transfer_chain(study, arm, corpus, record) for arm in study.all_arms]
    return [size_chain(study, arm, size, corpus, record) for arm in study.all_arms for size in study.sizes_of(arm)]


def size_chain(
    study: Study, arm: Arm, size: Size, corpus: Corpus, record: Record, taken_over: Sequence[int] = ()
) -> Chain:
    """All cells of one size; `record` is given the outcome of each cell's search.

    `taken_over` are the best rates of another size, the smallest budget's first: where the check there finds it best
    here too, the others are not searched.
    """
    centre, reach = study.first_rate_exponent(arm, size), FIRST_REACH
    if taken_over:
        centre, reach = taken_over[0], LATER_REACH
    first, *others = study.tuning.seeds
    ledger, chosen, budgets = Ledger(), Choice(centre), study.budgets(arm, size)
    if study.tuning.search:
        chosen = yield from _tried(
            searched(study.tuning.search, centre, study.tuning.trials, first),
            lambda choice: study.recipe(arm, size, budgets[0], choice, first, corpus),
            ledger,
        )
        centre, reach = chosen.exponent, LATER_REACH
    for place, budget in enumerate(budgets):

        def at(exponent: int, seed: int, budget: float = budget) -> Recipe:
            return study.recipe(arm, size, budget, Choice(exponent, chosen.others), seed, corpus)

        if taken_over and place:
            centre = taken_over[place]
            search = untried(centre)
        else:
            search = bracket(centre, reach)
        tuned = yield from _tried(search, lambda exponent: at(exponent, first), ledger)
        if tuned.best != centre:
            taken_over = ()  # it does not transfer: this size is searched like any other
        centre, reach = tuned.best, LATER_REACH
        if others:
            seeds = [at(centre, seed) for seed in others]
            ledger.charge(seeds)
            yield seeds
        recipe = at(centre, first)
        record(
            {
                "group": recipe.group,
                "params": recipe.shape.params,
                "flops_budget": budget,
                "lr": recipe.lr,
                "losses": {f"{2.0**e:.6g}": loss for e, loss in sorted(tuned.losses.items())},
                "runs": [at(centre, seed).name for seed in study.tuning.seeds],
                "bracketed": tuned.bracketed,
                "transferred": bool(taken_over),
                **dict(chosen.others),
                "flops_so_far": ledger.flops,
            }
        )


def _transfer_chain(study: Study, arm: Arm, corpus: Corpus, record: Record) -> Chain:
    """The first size of an arm, and then the others with its rates, side by side."""
    first, *others = study.sizes_of(arm)
    best: list[int] = []

    def remember(cell: dict[str, Any]) -> None:
        best.append(round(math.log2(cell["lr"])))
        record(cell)

    yield from size_chain(study, arm, first, corpus, remember)
    yield from _side_by_side([size_chain(study, arm, size, corpus, record, best) for size in others])


def _side_by_side(chains: list[Chain]) -> Chain:
    """Several chains as one, which asks for what all of them want next."""
    wanted = {index: next(chain) for index, chain in enumerate(chains)}
    while wanted:
        losses = yield [recipe for recipes in wanted.values() for recipe in recipes]
        following = {}
        for index, recipes in wanted.items():
            with contextlib.suppress(StopIteration):
                following[index] = chains[index].send({recipe.name: losses[recipe.name] for recipe in recipes})
        wanted = following


def _tried(
    search: Generator[list[Key], dict[Key, float], Found], recipe_at: Callable[[Key], Recipe], ledger: Ledger
) -> Generator[list[Recipe], dict[str, float], Found]:
    """Translate between a search, which speaks of exponents or choices, and the chain, which speaks of recipes."""
    wanted = next(search)
    while True:
        recipes = {key: recipe_at(key) for key in wanted}
        ledger.charge(list(recipes.values()))
        losses = yield list(recipes.values())
        try:
            wanted = search.send({key: losses[recipe.name] for key, recipe in recipes.items()})
        except StopIteration as end:
            found: Found = end.value
            return found
