"""One piece of work: runs trained as a stack, and how they ended written beside each. The same in every place."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from scalewise.errors import DiskFullError, ScalewiseError
from scalewise.lab.checkpoint import side_by_side
from scalewise.lab.compute import Compute, one_thread
from scalewise.lab.data.corpus import Corpus
from scalewise.lab.locks import only_writer
from scalewise.lab.recipe import Recipe
from scalewise.runs.store import Store

if TYPE_CHECKING:
    from scalewise.lab.engine import Build


def train_cell(
    recipes: Sequence[Recipe],
    corpus: Corpus,
    store: Store,
    compute: Compute,
    should_stop: Callable[[], bool] = lambda: False,
    build: "Build | None" = None,
) -> None:
    """Train what has not ended of these runs, from where each was left, on one thread; `build` makes another kind of
    stack of them.

    Whatever goes wrong is recorded as the state of the runs, so that one bad stack does not end the suite. Raises
    DiskFullError, which would end every other stack too.
    """
    from scalewise.lab.engine import Engine
    from scalewise.lab.stack import Stack

    one_thread()
    with only_writer(store.run(recipe.name).path for recipe in recipes):
        missing = [recipe for recipe in recipes if not store.run(recipe.name).has_ended()]
        for together in side_by_side(store, missing):
            try:
                Engine(together, corpus, store, compute, build or Stack).train(should_stop=should_stop)
            except DiskFullError:
                raise
            except Exception as error:
                kind = "" if isinstance(error, ScalewiseError) else f"{type(error).__name__}: "
                for folder in (store.run(recipe.name) for recipe in together):
                    if not folder.has_ended():
                        folder.set_state("failed", f"{kind}{error}")
