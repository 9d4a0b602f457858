"""The order in which one size of one arm is trained: budget after budget, each tuned, then its other seeds.

The rate that won at one budget is the centre of the search at the next. A chain asks for runs and is sent their losses;
who trains them, or whether anybody does, it does not know. A plan counts a study by answering a chain itself.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from scalewise.lab.data.corpus import Corpus
from scalewise.lab.recipe import Recipe
from scalewise.lab.study import Arm, Size, Study
from scalewise.lab.tuning import FIRST_REACH, LATER_REACH, Tuned, bracket

Chain = Generator[list[Recipe], dict[str, float], None]
"""Yields the recipes it needs next; is sent the final loss of each by run name."""
RecipeAt = Callable[[int], Recipe]
"""The recipe at one exponent of the rate grid."""


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


def size_chain(study: Study, arm: Arm, size: Size, corpus: Corpus, record: Callable[[dict[str, Any]], None]) -> Chain:
    """All cells of one size; `record` is given the outcome of each cell's search."""
    centre, reach = study.first_rate_exponent(arm, size), FIRST_REACH
    first, *others = study.tuning.seeds
    ledger = Ledger()
    for budget in sorted(study.flops):

        def at(exponent: int, seed: int, budget: float = budget) -> Recipe:
            return study.recipe(arm, size, budget, exponent, seed, corpus)

        tuned = yield from _tune(bracket(centre, reach), lambda exponent: at(exponent, first), ledger)
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
                "bracketed": tuned.bracketed,
                "flops_so_far": ledger.flops,
            }
        )


def _tune(
    search: Generator[list[int], dict[int, float], Tuned], recipe_at: RecipeAt, ledger: Ledger
) -> Generator[list[Recipe], dict[str, float], Tuned]:
    """Translate between the search, which speaks of exponents, and the chain, which speaks of recipes."""
    exponents = next(search)
    while True:
        recipes = {exponent: recipe_at(exponent) for exponent in exponents}
        ledger.charge(list(recipes.values()))
        losses = yield list(recipes.values())
        try:
            exponents = search.send({e: losses[recipe.name] for e, recipe in recipes.items()})
        except StopIteration as end:
            tuned: Tuned = end.value
            return tuned
