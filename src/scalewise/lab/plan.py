"""What a study will cost, before anything is trained.

The chains themselves are asked: each is answered with made-up losses whose best rate is where the search began, so the
count is that of a study in which no search has to grow. Tuning is in it.
"""

from dataclasses import dataclass

from scalewise.errors import StudyError
from scalewise.lab.chain import Ledger, size_chain
from scalewise.lab.data.corpus import Corpus
from scalewise.lab.declared import Arm, Size
from scalewise.lab.recipe import Recipe
from scalewise.lab.search import Choice, check_optuna
from scalewise.lab.study import Study

FEWEST_STEPS = 10
"""A run of fewer steps has no schedule to speak of."""
MOST_EPOCHS = 4.0
"""Beyond four passes over the same text, repeated data are worth less than new ones (Muennighoff et al. 2023)."""


@dataclass(frozen=True)
class Cells:
    """One size of one arm: all its runs, and what they cost together with trunks shared."""

    arm: Arm
    size: Size
    recipes: tuple[Recipe, ...]
    flops: float

    @property
    def longest(self) -> Recipe:
        return max(self.recipes, key=lambda recipe: recipe.tokens)

    def by_budget(self) -> dict[float, Recipe]:
        """A run of each budget; the others of that budget are as long."""
        return {recipe.flops_budget: recipe for recipe in self.recipes}

    def epochs(self, recipe: Recipe) -> float:
        """Passes over the training text."""
        return recipe.tokens / (recipe.data_size or recipe.tokens)


def cells_of(study: Study, corpus: Corpus) -> list[Cells]:
    """The runs a study needs when no search grows."""
    return [_answered(study, arm, size, corpus) for arm in study.all_arms for size in study.sizes_of(arm)]


def repetition(study: Study, corpus: Corpus) -> str | None:
    """What there is to say where the longest run reads its text more often than is worth it."""
    most = max(cells.epochs(cells.longest) for cells in cells_of(study, corpus))
    if most <= MOST_EPOCHS:
        return None
    return (
        f"the longest run reads its text {most:.2g} times; beyond {MOST_EPOCHS:.0f} passes repeated text is worth less "
        "than new text, so give more."
    )


def check_budgets(study: Study, corpus: Corpus) -> None:
    """Raises StudyError when a run would have hardly a step, or its context or batch is longer than the text, and
    MissingExtraError when a search needs what is not installed."""
    if study.tuning.search:
        check_optuna()
    finite = not corpus.task
    if finite and (corpus.held_out.size <= study.data.context or corpus.train.size <= study.data.context + 1):
        raise StudyError(f"data.context: {study.data.context} is more than the text has; give a smaller one.")
    for arm in study.all_arms:
        for size in study.sizes_of(arm):
            recipe = study.recipe(arm, size, study.budgets(arm, size)[0], Choice(0), 0, corpus)
            if recipe.steps < FEWEST_STEPS:
                budget = f"flops: {recipe.flops_budget:g}" if study.flops else f"tokens: {min(study.tokens):g}"
                steps = "1 step" if recipe.steps == 1 else f"{recipe.steps} steps"
                raise StudyError(
                    f"{budget} is {steps} of {recipe.batch_tokens} tokens for width {size.width}, depth {size.depth}; "
                    f"at least {FEWEST_STEPS} are needed, so raise it or leave the size out."
                )
            if finite and recipe.batch_tokens > corpus.train.size:
                raise StudyError(
                    f"batch: a step of width {size.width}, depth {size.depth} reads {recipe.batch_tokens:,} tokens, "
                    f"more than the {corpus.train.size:,} there are; give a smaller batch or more text."
                )


def _answered(study: Study, arm: Arm, size: Size, corpus: Corpus) -> Cells:
    """Play a chain to its end, answering that the middle rate of every search is the best."""
    first = study.sizes_of(arm)[0]
    takes_over = study.tuning.transfer and size != first
    rates = [study.first_rate_exponent(arm, first)] * len(study.budgets(arm, size)) if takes_over else []
    chain = size_chain(study, arm, size, corpus, lambda cell: None, rates)
    ledger, recipes = Ledger(), dict[str, Recipe]()
    wanted = next(chain)
    while True:
        ledger.charge(wanted)
        recipes |= {recipe.name: recipe for recipe in wanted}
        middle = sorted(recipe.lr for recipe in wanted)[len(wanted) // 2]
        try:
            wanted = chain.send({r.name: max(r.lr / middle, middle / r.lr) for r in wanted})
        except StopIteration:
            return Cells(arm, size, tuple(recipes.values()), ledger.flops)
